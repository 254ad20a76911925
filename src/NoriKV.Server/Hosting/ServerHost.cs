using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Nori.Grpc.Server;
using Nori.IO;
using Nori.Observe;
using Nori.Observe.Prometheus;
using Nori.Swim.Net;
using NoriKV.Node;
using NoriKV.Transport.Grpc;
using NoriKV.Transport.Http;

namespace NoriKV.Server;

/// <summary>
/// The composition root: builds the node and both ports, prints when it serves, and stops on a signal.
/// </summary>
public static class ServerHost
{
    private const int BindTriesMax = 16;

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
        LogOptions(options, parts.Log);

        // What can be refused cheaply is refused before the data is touched.
        var tls = (Rpc: TlsFiles.Load(options), Http: TlsFiles.Load(options));
        IPEndPoint rpcListen = await Addresses.ResolveAsync(options.RpcAddress, "rpc_addr", cancellationToken)
            .ConfigureAwait(false);
        IPEndPoint httpListen = await Addresses.ResolveAsync(options.HttpAddress, "http_addr", cancellationToken)
            .ConfigureAwait(false);

        var prometheus = options.PrometheusEnabled ? new PrometheusMeter() : null;
        IMeter meter = prometheus ?? (IMeter)NullMeter.Instance;
        var events = new EventRing(parts.EventsRemembered, parts.Time);
        var setup = new NodeSetup(options, parts.FileSystem, meter, events, parts.Authorizer, parts.Time);
        var stopping = new CancellationTokenSource();
        StartedNode started = await StartNodeAsync(setup, parts, cancellationToken).ConfigureAwait(false);
        foreach (string warning in started.Warnings) parts.Log.Warning("node", warning);
        GrpcSwimStream? streams = ClusterMembership.StreamFor(options, parts.Time);
        GrpcServer? rpc = null;
        HttpFacadeServer? http = null;
        UdpSwimTransport? datagrams = null;
        ClusterMembership? membership = null;
        try
        {
            var transport = new GrpcTransport(new GrpcTransportParts
            {
                Node = started.Node,
                Authorizer = parts.Authorizer,
                Meter = meter,
                Time = parts.Time,
                Options = new GrpcTransportOptions { Insecure = options.Insecure, PeerSecret = options.PeerSecret },
                Swim = streams,
            });
            (rpc, HostPort advertised, datagrams) = await BindAsync(
                transport, rpcListen, options, tls.Rpc, parts, cancellationToken).ConfigureAwait(false);
            started.SetAdvertiseAddress(advertised.ToString());

            var facade = new HttpFacade(new HttpFacadeParts
            {
                Node = started.Node,
                Options = parts.Http,
                Authorizer = parts.Authorizer,
                Meter = meter,
                Metrics = prometheus,
                Events = events,
                Time = parts.Time,
                Stopping = stopping.Token,
                OnUnexpected = (route, failure) =>
                    parts.Log.Error("http", "unexpected failure", ("route", route), ("error", failure)),
            });
            HttpEndpointOptions endpoint = parts.HttpEndpoint with { Tls = tls.Http };
            http = await StartHttpAsync(facade, httpListen, options, endpoint, parts.Log, cancellationToken)
                .ConfigureAwait(false);
            transport.UpdateHealth();
            if (datagrams is not null)
            {
                membership = await ClusterMembership.StartAsync(
                    options, advertised, datagrams, streams!, meter, events, parts, started.SetMembers).ConfigureAwait(false);
            }

            var health = new HealthLoop(started.Node, transport, parts.Log, parts.Time);
            var server = new RunningServer(
                options, started.Node, advertised, rpc, http, health, membership, events, stopping, parts.Log);
            parts.Log.Info(
                "server",
                "serving",
                ("node", options.NodeId),
                ("rpc", server.RpcEndPoint),
                ("http", server.HttpEndPoint),
                ("advertised", advertised));
            return server;
        }
        catch
        {
            if (membership is not null) await membership.DisposeAsync().ConfigureAwait(false);
            else datagrams?.Dispose();
            if (rpc is not null) await rpc.DisposeAsync().ConfigureAwait(false);
            if (http is not null) await http.DisposeAsync().ConfigureAwait(false);
            await started.Node.DisposeAsync().ConfigureAwait(false);
            stopping.Dispose();
            throw;
        }
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

    private static async ValueTask<StartedNode> StartNodeAsync(
        NodeSetup setup, ServerParts parts, CancellationToken cancellationToken)
    {
        try
        {
            return await parts.StartNode(setup, cancellationToken).ConfigureAwait(false);
        }
        catch (DirectoryLockedException locked)
        {
            throw new ServerStartException(locked.Message, ExitCodes.Unavailable, locked);
        }
        catch (Exception failure) when (failure is CorruptionException or IOException or UnauthorizedAccessException)
        {
            throw new ServerStartException(
                $"the data directory {setup.Options.DataDirectory} cannot be used: {failure.Message}",
                ExitCodes.Internal,
                failure);
        }
    }

    /// <summary>
    /// gRPC first, then UDP at the number it got, where the server is a member; a clash on a free number is tried again.
    /// </summary>
    private static async Task<(GrpcServer Rpc, HostPort Advertised, UdpSwimTransport? Datagrams)> BindAsync(
        GrpcTransport transport,
        IPEndPoint listen,
        ServerOptions options,
        HttpsConnectionAdapterOptions? tls,
        ServerParts parts,
        CancellationToken cancellationToken)
    {
        for (int tries = 1; ; tries++)
        {
            GrpcServer rpc = await StartRpcAsync(transport, listen, tls, parts, cancellationToken).ConfigureAwait(false);
            var bound = new IPEndPoint(listen.Address, rpc.EndPoints[0].Port);
            try
            {
                HostPort advertised = await Addresses.AdvertisedAsync(options, bound.Port, cancellationToken)
                    .ConfigureAwait(false);
                if (!options.IsSwimMember) return (rpc, advertised, null);
                string address = await ClusterMembership.AddressOfAsync(advertised, cancellationToken).ConfigureAwait(false);
                return (rpc, advertised, ClusterMembership.BindUdp(bound, address));
            }
            catch (Exception failure)
            {
                await rpc.DisposeAsync().ConfigureAwait(false);
                if (failure is not SocketException) throw;
                if (listen.Port != 0 || tries == BindTriesMax) throw CannotListen("rpc_addr (UDP, for SWIM)", bound, failure);
            }
        }
    }

    private static async Task<GrpcServer> StartRpcAsync(
        GrpcTransport transport,
        IPEndPoint listen,
        HttpsConnectionAdapterOptions? tls,
        ServerParts parts,
        CancellationToken cancellationToken)
    {
        GrpcServerOptions options = transport.ServerOptions with
        {
            OnHandlerFault = (call, failure) =>
                parts.Log.Error("grpc", "unexpected failure", ("method", call.Method), ("error", failure)),
        };
        if (parts.Rpc is { } change) options = change(options);
        try
        {
            return await GrpcServer.StartAsync(
                transport.Services, listen, options, parts.RpcEndpoint with { Tls = tls }, null, cancellationToken)
                    .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw CannotListen("rpc_addr", listen, failure);
        }
    }

    private static async Task<HttpFacadeServer> StartHttpAsync(
        HttpFacade facade, IPEndPoint listen, ServerOptions options, HttpEndpointOptions endpoint, ServerLog log,
        CancellationToken cancellationToken)
    {
        try
        {
            return await HttpFacadeServer.StartAsync(facade, listen, endpoint, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            if (options.HttpAddressIsExplicit) throw CannotListen("http_addr", listen, failure);
        }

        // Nobody asked for this port: whoever has it may keep it.
        HttpFacadeServer other = await HttpFacadeServer
            .StartAsync(facade, new IPEndPoint(listen.Address, 0), endpoint, cancellationToken)
                .ConfigureAwait(false);
        log.Warning(
            "http", "the default address is taken; another is used", ("wanted", listen), ("used", other.EndPoint));
        return other;
    }

    private static ServerStartException CannotListen(string setting, IPEndPoint listen, Exception failure) =>
        new($"{setting}: cannot listen on {listen}: {failure.Message}", ExitCodes.Unavailable, failure);

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
