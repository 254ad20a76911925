using System.Diagnostics;
using System.Globalization;

namespace NoriKV.Cluster.Bench.Clusters;

/// <summary>
/// A process that ends with this one, whatever ends this one: a shell between them kills it once its own input closes.
/// </summary>
internal sealed class Child : IDisposable
{
    // Its own input is closed, so that it cannot take ours for a terminal. The shell's first line is the process id.
    private const string Shell =
        "\"$@\" </dev/null 2>&1 & p=$!; echo $p; trap '' INT TERM; exec 2>/dev/null; cat >/dev/null; kill -9 $p; wait $p";

    private readonly Process _shell;
    private readonly Queue<string> _last = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Child(Process shell, int id, string? readyLine)
    {
        (_shell, Id) = (shell, id);
        _ = Task.Run(() => ReadAsync(readyLine));
    }

    public int Id { get; }

    /// <summary>Completes once it printed the line that says so; fails when it ends before.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Processor time it has used so far, in all its threads.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            string stat = File.ReadAllText($"/proc/{Id}/stat");
            // Behind the name in parentheses; user and system time are fields 14 and 15, in hundredths of a second.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            long ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
            return TimeSpan.FromMilliseconds(10 * ticks);
        }
    }

    public static Child Start(IReadOnlyList<string> command, string? readyLine = null)
    {
        var info = new ProcessStartInfo("bash", ["-c", Shell, "child", .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        info.Environment["no_proxy"] = "127.0.0.1,localhost";
        Process shell = Process.Start(info)!;
        return new Child(shell, int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture), readyLine);
    }

    public void Dispose()
    {
        _shell.StandardInput.Close();
        _shell.WaitForExit();
        _shell.Dispose();
    }

    private async Task ReadAsync(string? readyLine)
    {
        while (await _shell.StandardOutput.ReadLineAsync() is { } line)
        {
            _last.Enqueue(line);
            if (_last.Count > 20) _last.Dequeue();
            if (readyLine is not null && line.StartsWith(readyLine, StringComparison.Ordinal)) _ready.TrySetResult();
        }

        _ready.TrySetException(new InvalidOperationException("a node ended:\n" + string.Join('\n', _last)));
    }
}
