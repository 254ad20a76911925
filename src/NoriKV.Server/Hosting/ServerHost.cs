using System.Runtime.InteropServices;
using System.Text.Json;

namespace NoriKV.Server;

/// <summary>
/// The composition root: builds the node and both ports, prints when it serves, and stops on a signal.
/// </summary>
public static class ServerHost
{
    /// <summary>
    /// Serves until the token is cancelled or SIGTERM or SIGINT comes; the ready line goes to <paramref
    /// name="output"/>.
    /// </summary>
    /// <returns>The exit code, see <see cref="ExitCodes"/>.</returns>
    public static Task<int> RunAsync(ServerOptions options, TextWriter output, CancellationToken cancellationToken) =>
        RunAsync(options, output, new ServerParts(), cancellationToken);

    /// <summary>The same, composed of other parts.</summary>
    public static async Task<int> RunAsync(
        ServerOptions options, TextWriter output, ServerParts parts, CancellationToken cancellationToken)
    {
        using var log = new LogLoop(parts.Log, Console.Error);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        RunningServer server;
        try
        {
            server = await StartAsync(options, parts, stop.Token).ConfigureAwait(false);
        }
        catch (ServerStartException failure)
        {
            parts.Log.Error("server", failure.Message);
            return failure.ExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCodes.Ok;
        }

        await using (server.ConfigureAwait(false))
        {
            await output.WriteLineAsync(ReadyLine(server)).ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            parts.OnReady?.Invoke(server);
            await Task.Delay(Timeout.InfiniteTimeSpan, parts.Time, stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await server.StopAsync().ConfigureAwait(false);
        }

        return ExitCodes.Ok;

        // The first signal drains; a second one is the default action: the process dies, and the log
        // recovers.
        void OnSignal(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested) return;
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>Starts a server and returns once it serves.</summary>
    /// <exception cref="ServerStartException">It cannot start, with the reason and the exit code.</exception>
    public static async Task<RunningServer> StartAsync(
        ServerOptions options, ServerParts? parts = null, CancellationToken cancellationToken = default)
    {
        parts ??= new ServerParts();
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ServerStartException(string.Join("; ", problems), ExitCodes.Usage);
        options = options with { DataDirectory = Path.GetFullPath(options.DataDirectory) };
        Telemetry.Configure(parts.Log, options);
        options = FormedSettings.InEffect(options, parts);
        LogOptions(options, parts.Log);

        var starter = new ServerStarter(options, parts);
        await using (starter.ConfigureAwait(false))
            return await starter.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What is printed when it serves, as text or as JSON.</summary>
    public static string ReadyLine(RunningServer server)
    {
        (string node, string data) = (server.Options.NodeId, server.Options.DataDirectory);
        (string rpc, string http) = ($"{server.RpcEndPoint}", $"{server.HttpEndPoint}");
        return server.Options.Json
            ? JsonSerializer.Serialize(new { ready = true, node, rpc, http, data, pid = Environment.ProcessId })
            : $"ready node={node} rpc={rpc} http={http} data={data}";
    }

    private static void LogOptions(ServerOptions options, ServerLog log)
    {
        if (options.WalSync == "os")
            log.Warning("server", "wal.sync os: what is acknowledged survives the process, not a power failure");
        Version? version = typeof(ServerHost).Assembly.GetName().Version;
        log.Info("server", "starting", ("version", version), ("pid", Environment.ProcessId));
        IEnumerable<(string, object?)> all = EffectiveOptions.Of(options).Select(static o => (o.Key, (object?)o.Value));
        log.Info("server", "effective options", [.. all]);
    }
}
