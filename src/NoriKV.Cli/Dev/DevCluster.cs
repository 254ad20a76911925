using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Nori.IO;
using NoriKV.Cli.Console;
using NoriKV.Server;

namespace NoriKV.Cli.Dev;

/// <summary>
/// <c>dev --nodes N</c>: a real cluster of N processes on loopback. Prints a ready line for each, then how to use it; ends when all
/// its nodes have.
/// </summary>
internal sealed class DevCluster
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(6);

    private readonly CliHost _host;
    private readonly string _directory;
    private readonly bool _isTemporary;
    private readonly bool _json;
    private readonly string[] _rpc;
    private readonly string[] _http;
    private readonly string[][] _arguments;
    private int _ended; // Guarded by the lock of the error output.

    /// <param name="host">Where its words go.</param>
    /// <param name="nodes">Nodes to run.</param>
    /// <param name="options">What dev was given; the addresses say where ports begin.</param>
    /// <param name="passedOn">Flags that every node gets.</param>
    /// <param name="isTemporary">Whether the data goes when it ends.</param>
    public DevCluster(
        CliHost host, int nodes, ServerOptions options, IReadOnlyList<string> passedOn, bool isTemporary)
    {
        (_host, _directory, _isTemporary, _json) = (host, options.DataDirectory, isTemporary, options.Json);
        var taken = new HashSet<int>();
        _rpc = [.. Enumerable.Range(0, nodes).Select(i => $"127.0.0.1:{FreePort(options.RpcAddress.Port, i, taken)}")];
        _http = [.. Enumerable.Range(0, nodes).Select(i => $"127.0.0.1:{FreePort(options.HttpAddress.Port, i, taken)}")];
        _arguments = [.. Enumerable.Range(0, nodes).Select(i => ArgumentsOf(i, passedOn))];
    }

    /// <summary>
    /// Temporary data must stay all the same: nobody asked the cluster to end, or a node that was started again by hand has its part.
    /// </summary>
    public bool KeepsData { get; private set; }

    /// <summary>Runs it until it is cancelled, a signal comes, or all nodes have ended.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        ChildNode[] nodes = [.. _arguments.Select((arguments, i) => new ChildNode(NameOf(i), [.. arguments, "--with-parent"], _host))];
        try
        {
            string[] ready = await Task.WhenAll(nodes.Select(n => n.Ready)).WaitAsync(stop.Token).ConfigureAwait(false);
            for (int i = 0; i < nodes.Length; i++) _host.WriteLine(_json ? ready[i] : $"{ready[i]} pid={nodes[i].Id}");
            if (!_json) _host.WriteLine(Hints());
            await Task.WhenAll(nodes.Select(WatchAsync)).WaitAsync(stop.Token).ConfigureAwait(false);
            Keep("All nodes ended and nobody asked them to");
            return ExitCodes.Ok;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCodes.Ok;
        }
        catch (InvalidOperationException failed)
        {
            _host.Error.WriteLine($"norikv: {failed.Message}");
            return ExitCodes.Unavailable;
        }
        finally
        {
            await EndAsync(nodes).ConfigureAwait(false);
            if (InUse() is { } name) Keep($"{name} was started again and still runs");
        }

        // The terminal sends Ctrl-C to the nodes as well, to them a second word to stop would be the last; so they are told
        // by the end of their input alone.
        void OnSignal(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested) return;
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private void Keep(string why)
    {
        if (!_isTemporary || KeepsData) return;
        KeepsData = true;
        _host.Error.WriteLine($"norikv: {why}: the data stays in {_directory}; delete it when it is not needed any more");
    }

    // A node that nobody here started: its directory is locked although all of ours have ended.
    private string? InUse()
    {
        for (int i = 0; i < _arguments.Length; i++)
        {
            string directory = Path.Combine(_directory, NameOf(i));
            if (!Directory.Exists(directory)) continue;
            try
            {
                DiskFileSystem.Instance.LockDirectory(directory).Dispose();
            }
            catch (DirectoryLockedException)
            {
                return NameOf(i);
            }
        }

        return null;
    }

    private async Task WatchAsync(ChildNode node)
    {
        await node.Reading.ConfigureAwait(false);
        int i = int.Parse(node.Name.AsSpan(1)) - 1;
        lock (_host.Error)
        {
            string left = LeftWord(_arguments.Length - ++_ended);
            _host.Error.WriteLine(
                $"norikv: {node.Name} (pid {node.Id}) ended with exit code {node.ExitCode}; {left}. Start it again with:\n"
                + $"  {Program} {string.Join(' ', _arguments[i].Select(Quoted))}");
        }
    }

    /// <summary>What is left of those that this has started.</summary>
    internal static string LeftWord(int nodes) => nodes switch
    {
        0 => "it was the last: none goes on",
        1 => "the other one goes on",
        _ => "the others go on",
    };

    private async Task EndAsync(ChildNode[] nodes)
    {
        foreach (ChildNode node in nodes) node.Stop();
        Task all = Task.WhenAll(nodes.Select(static n => n.Reading));
        await all.WaitAsync(StopLimit, _host.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (ChildNode node in nodes)
        {
            node.Kill();
            node.Dispose();
        }
    }

    private string Program => _host.Environment("NORI_LAUNCHER") ?? "norikv";

    private string Hints()
    {
        string data = _isTemporary
            ? "The data is temporary and is deleted when you end this; keep it with --data-dir DIR."
            : $"The data stays in {_directory}.";
        return $"""

            {data} Ctrl-C ends all nodes; kill one of them and the others serve on.
            Try, in another terminal:
              export NORIKV_ADDR={string.Join(',', _rpc)}
              {Program} put greeting hello
              {Program} get greeting
              curl http://{_http[0]}/meta/cluster

            """;
    }

    private string[] ArgumentsOf(int i, IReadOnlyList<string> passedOn) =>
    [
        "server",
        "--node-id", NameOf(i),
        "--rpc-addr", _rpc[i],
        "--advertise-addr", _rpc[i],
        "--http-addr", _http[i],
        "--data-dir", Path.Combine(_directory, NameOf(i)),
        "--seed-nodes", string.Join(',', _rpc),
        "--bootstrap-expect", $"{_rpc.Length}",
        .. passedOn,
        .. _json ? ["--json"] : (string[])[],
    ];

    private static string NameOf(int i) => $"n{i + 1}";

    private static string Quoted(string argument) =>
        argument.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':' or ',' or '/')
            ? argument
            : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    // The usual port and those behind it where they are free, else any. UDP of the same number is SWIM's.
    private static int FreePort(int usual, int offset, HashSet<int> taken)
    {
        for (int port = usual == 0 ? 0 : usual + offset; ; port = 0)
        {
            if (TryProbe(port) is { } free && taken.Add(free)) return free;
        }
    }

    private static int? TryProbe(int port)
    {
        try
        {
            using var tcp = new TcpListener(IPAddress.Loopback, port);
            tcp.Start();
            int bound = ((IPEndPoint)tcp.LocalEndpoint).Port;
            using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(IPAddress.Loopback, bound));
            return bound;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
