using System.Collections.Concurrent;
using System.Globalization;

namespace NoriKV.Cli.Chaos.Network;

/// <summary>
/// Who dialled: a connection on loopback shows only a port, and whose it is stands in /proc. So nodes need not know that there is
/// anything between them.
/// </summary>
/// <remarks>
/// Thread-safe. One thread of its own looks for all who wait at once: to look is slow, and after a fault hundreds dial together;
/// looked for one by one on the pool's threads they would keep datagrams waiting until nodes hold each other for dead.
/// </remarks>
internal sealed class SourceFinder : IDisposable
{
    /// <summary>Connections whose party is looked for; with more, callers wait to ask.</summary>
    private const int WaitingMax = 8192;

    private readonly Func<IReadOnlyList<(int Process, int Party)>> _nodes;
    private readonly int _clients;
    private readonly BlockingCollection<Question> _waiting = new(WaitingMax);
    private readonly Thread _thread;

    /// <param name="nodes">Processes there are now, and whose each is.</param>
    /// <param name="clients">The party of this process itself.</param>
    public SourceFinder(Func<IReadOnlyList<(int Process, int Party)>> nodes, int clients)
    {
        (_nodes, _clients) = (nodes, clients);
        _thread = new Thread(Run) { IsBackground = true, Name = "chaos sources" };
        _thread.Start();
    }

    /// <summary>The party that has the local port; null when nobody has it any more.</summary>
    /// <exception cref="ObjectDisposedException">It is over.</exception>
    public Task<int?> FindAsync(int port)
    {
        var question = new Question(port, new TaskCompletionSource<int?>(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            _waiting.Add(question);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(nameof(SourceFinder));
        }

        return question.Answer.Task;
    }

    /// <summary>Answers those who wait, and ends.</summary>
    public void Dispose()
    {
        _waiting.CompleteAdding();
        _thread.Join();
        _waiting.Dispose();
    }

    private void Run()
    {
        var batch = new List<Question>();
        foreach (Question first in _waiting.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (_waiting.TryTake(out Question next)) batch.Add(next);
            Answer(batch);
            batch.Clear();
        }
    }

    private void Answer(List<Question> batch)
    {
        Dictionary<string, int> ports = InodesOf([.. batch.Select(static q => q.Port)]);
        var parties = new Dictionary<int, int>();
        foreach ((int process, int party) in (IEnumerable<(int, int)>)[.. _nodes(), (Environment.ProcessId, _clients)])
        {
            if (parties.Count == ports.Count) break;
            foreach (string target in TargetsOf($"/proc/{process}/fd"))
            {
                if (ports.TryGetValue(target, out int port)) parties.TryAdd(port, party);
            }
        }

        foreach (Question question in batch)
            question.Answer.SetResult(parties.TryGetValue(question.Port, out int party) ? party : null);
    }

    // "  sl  local_address remote_address st … inode": the tenth column, the address as hex:hex.
    private static Dictionary<string, int> InodesOf(HashSet<int> ports)
    {
        var found = new Dictionary<string, int>();
        foreach (string table in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
        {
            if (!File.Exists(table)) continue;
            const string Established = " 01 ";
            foreach (string line in File.ReadLines(table).Where(static l => l.Contains(Established, StringComparison.Ordinal)))
            {
                string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (columns.Length <= 9 || columns[3] != Established.Trim()) continue;
                int port = int.Parse(columns[1].AsSpan(columns[1].IndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (ports.Contains(port)) found.TryAdd($"socket:[{columns[9]}]", port);
            }
        }

        return found;
    }

    private static List<string> TargetsOf(string folder)
    {
        var found = new List<string>();
        try
        {
            foreach (string file in Directory.EnumerateFileSystemEntries(folder))
            {
                if (TargetOf(file) is { } target) found.Add(target);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process is gone.
        }

        return found;
    }

    private static string? TargetOf(string file)
    {
        try
        {
            return new FileInfo(file).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It was closed meanwhile.
            return null;
        }
    }

    private readonly record struct Question(int Port, TaskCompletionSource<int?> Answer);
}
