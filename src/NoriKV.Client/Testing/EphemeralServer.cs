using System.Diagnostics;
using System.Text;

namespace NoriKV.Client.Testing;

/// <summary>
/// The real server for a test: free ports of loopback, a temporary data directory, gone when disposed. It can be stopped or
/// killed and started again on the same ports and data.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class EphemeralServer : IAsyncDisposable
{
    private const int OutputLinesMax = 200;

    private readonly EphemeralServerOptions _options;
    private readonly string _folder = Directory.CreateTempSubdirectory("norikv-ephemeral-").FullName;
    private readonly Queue<string> _output = new(); // the last lines; guarded by itself
    private Process? _process;

    private EphemeralServer(EphemeralServerOptions options) => _options = options;

    /// <summary>host:port of gRPC; the same over restarts.</summary>
    public string Address { get; private set; } = "127.0.0.1:0";

    /// <summary>host:port of HTTP; the same over restarts.</summary>
    public string HttpAddress { get; private set; } = "127.0.0.1:0";

    /// <summary>The id of the running process; 0 when it does not run.</summary>
    public int ProcessId => _process?.Id ?? 0;

    /// <summary>Starts a server and waits until it serves.</summary>
    /// <exception cref="InvalidOperationException">It ended or did not serve in time; the message has its last output.</exception>
    public static async Task<EphemeralServer> StartAsync(EphemeralServerOptions? options = null)
    {
        var server = new EphemeralServer(options ?? new EphemeralServerOptions());
        try
        {
            if (server._options.Configuration is { } text)
                await File.WriteAllTextAsync(Path.Combine(server._folder, "norikv.yaml"), text).ConfigureAwait(false);
            await server.StartAgainAsync().ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, on the same ports and data.</summary>
    public async Task StartAgainAsync()
    {
        if (_process is not null) throw new InvalidOperationException("the server runs already");
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = StartInfo(), EnableRaisingEvents = true };
        process.OutputDataReceived += (_, e) =>
        {
            Keep(e.Data);
            if (e.Data is { } line && line.StartsWith("ready ", StringComparison.Ordinal)) ready.TrySetResult(line);
        };
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.Exited += (_, _) => ready.TrySetException(new InvalidOperationException("the server ended before it served"));
        process.Start();
        _process = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            string line = await ready.Task.WaitAsync(_options.StartLimit).ConfigureAwait(false);
            (Address, HttpAddress) = (Field(line, " rpc="), Field(line, " http="));
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            await KillAsync().ConfigureAwait(false); // so that it may be tried again
            throw new InvalidOperationException($"{e.Message}\n{string.Join('\n', Output())}", e);
        }
    }

    /// <summary>Asks it to stop (SIGTERM) and waits until it has.</summary>
    public async Task StopAsync()
    {
        if (_process is not { } process) return;
        // .NET has no polite way to end a process: its own Kill is SIGKILL.
        using (Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"])) await kill.WaitForExitAsync().ConfigureAwait(false);
        await EndedAsync(process).ConfigureAwait(false);
    }

    /// <summary>Ends it at once, as a crash of the process would (SIGKILL).</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) return;
        process.Kill(entireProcessTree: true);
        await EndedAsync(process).ConfigureAwait(false);
    }

    /// <summary>Ends it and deletes its data.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A client of it.</summary>
    /// <param name="options">How it behaves; its addresses are replaced.</param>
    public NoriKVClient Connect(NoriKVClientOptions? options = null) =>
        NoriKVClient.Connect((options ?? new NoriKVClientOptions()) with { Addresses = [Address] });

    /// <summary>The last lines that it printed.</summary>
    public IReadOnlyList<string> Output()
    {
        lock (_output) return [.. _output];
    }

    private async Task EndedAsync(Process process)
    {
        await process.WaitForExitAsync().ConfigureAwait(false);
        process.Dispose();
        _process = null;
    }

    // It ends with its standard input, whose other end is here: so it does not outlive a program that ends without disposing.
    private ProcessStartInfo StartInfo()
    {
        var start = new ProcessStartInfo(_options.Command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        string[] configuration = _options.Configuration is null ? [] : [Path.Combine(_folder, "norikv.yaml")];
        string[] arguments =
        [
            .. _options.Command.Skip(1), "server", .. configuration, "--with-parent", "--data-dir", Path.Combine(_folder, "data"),
            "--rpc-addr", Address, "--http-addr", HttpAddress, .. _options.Arguments,
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_output)
        {
            _output.Enqueue(line);
            if (_output.Count > OutputLinesMax) _output.Dequeue();
        }
    }

    private static string Field(string line, string name)
    {
        int at = line.IndexOf(name, StringComparison.Ordinal);
        if (at < 0) throw new InvalidOperationException($"the ready line has no{name}: {line}");
        string rest = line[(at + name.Length)..];
        int end = rest.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? rest : rest[..end];
    }
}
