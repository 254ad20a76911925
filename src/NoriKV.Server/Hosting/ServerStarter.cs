using System.Net;
using System.Net.Sockets;
using Nori.Grpc.Server;
using Nori.IO;
using Nori.Observe;
using Nori.Swim.Net;
using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Server.Live;
using NoriKV.Transport.Grpc;
using NoriKV.Transport.Http;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// Starts a server, part by part: the ports, then the cluster, which is formed through them, then the node. What it started is
/// ended again where a later part fails; what it returns owns everything.
/// </summary>
internal sealed class ServerStarter : IAsyncDisposable
{
    private const int BindTriesMax = 16;
    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan JoinTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for leaders of shards before the node says that it serves all the same.</summary>
    private static readonly TimeSpan LeadersMax = TimeSpan.FromSeconds(5);

    private readonly ServerOptions _options;
    private readonly ServerParts _parts;
    private readonly TlsFiles? _tls;
    private readonly Telemetry _telemetry;
    private readonly IMeter _meter;
    private PortTraffic? _rpcTraffic;
    private readonly CancellationTokenSource _stopping = new();
    private readonly NodeFront _front;
    private readonly PeerBook _book = new();
    private readonly AddressKeeper _keeper;
    private readonly PeerTransportOptions _peerOptions;
    private readonly PeerTransport _peers;
    private readonly ServerOptions _swim;
    private readonly GrpcSwimStream? _streams;
    private readonly GrpcTransport _transport;
    private GrpcServer? _rpc;
    private HttpFacadeServer? _http;
    private UdpSwimTransport? _datagrams;
    private ClusterMembership? _membership;
    private StartedNode? _started;
    private LiveService? _live;
    private bool _isHandedOver;

    /// <param name="options">Without problems; the data directory is a full path.</param>
    /// <param name="parts">What it is composed of.</param>
    public ServerStarter(ServerOptions options, ServerParts parts)
    {
        (_options, _parts) = (options, parts);

        // What can be refused cheaply is refused before anything is bound or touched.
        _tls = TlsFiles.Load(options, parts.Log);
        _telemetry = new Telemetry(options, parts);
        _meter = _telemetry.Meter;
        _keeper = new AddressKeeper(parts.FileSystem, options.DataDirectory, parts.Log);
        _front = new NodeFront(options.NodeId, options, parts.Time);
        _peerOptions = new PeerTransportOptions
        {
            Tls = _tls?.ForPeers(),
            PeerSecret = options.PeerSecret,
            IsStoreOf = _book.IsStoreOf,
            DismissalOf = _book.DismissalOf,
            Dismissed = dismissal => Volatile.Read(ref _started)?.NoteDismissed(dismissal),
        };
        _peers = new PeerTransport(_peerOptions, _meter);
        _book.Keep(_peers);
        _swim = SwimOptionsOf(options, parts);
        _streams = ClusterMembership.StreamFor(_swim, _tls, parts.Time);
        _transport = new GrpcTransport(new GrpcTransportParts
        {
            Node = _front,
            Operations = _front,
            Peers = _peers,
            Authorizer = parts.Authorizer,
            Meter = _meter,
            Tracer = _telemetry.Tracer,
            Time = parts.Time,
            Options = new GrpcTransportOptions { Insecure = options.Insecure, PeerSecret = options.PeerSecret },
            Swim = _streams,
        });
    }

    /// <summary>Starts it; returns once it serves.</summary>
    /// <exception cref="ServerStartException">It cannot start, with the reason and the exit code.</exception>
    public async Task<RunningServer> StartAsync(CancellationToken cancellationToken)
    {
        HostPort advertised = await BindAsync(cancellationToken).ConfigureAwait(false);
        await StartHttpAsync(cancellationToken).ConfigureAwait(false);
        ClusterRecord? cluster = await EnterAsync(advertised.ToString(), cancellationToken).ConfigureAwait(false);
        StartedNode started = await StartNodeAsync(cluster, advertised, cancellationToken).ConfigureAwait(false);
        if (_datagrams is not null)
        {
            _membership = await ClusterMembership.StartAsync(
                _swim, advertised, started.Identity?.Node ?? default, _datagrams, _streams!, _meter, _telemetry.Events, _parts,
                members =>
                {
                    _book.Hear(members);
                    started.SetMembers(members);
                }).ConfigureAwait(false);
        }

        if (cluster is { Nodes.Count: > 1 }) await AwaitLeadersAsync(started.Node, cancellationToken).ConfigureAwait(false);
        _front.Attach(started.Node);
        Volatile.Write(ref _live, LiveOf(started));
        _transport.UpdateHealth();
        var health = new HealthLoop(started.Node, _transport, _tls, _parts.Log, _parts.Time);
        var server = new RunningServer(
            _options, started.Node, _front, advertised, _rpc!, _http!, _peers, _keeper, health, _membership, _live, _telemetry, _stopping,
            _parts.Log);
        _isHandedOver = true;
        _parts.Log.Info(
            "server",
            "serving",
            ("node", _options.NodeId),
            ("rpc", server.RpcEndPoint),
            ("http", server.HttpEndPoint),
            ("advertised", advertised));
        return server;
    }

    /// <summary>Ends what was started, unless somebody owns it by now.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isHandedOver) return;
        if (_membership is not null) await _membership.DisposeAsync().ConfigureAwait(false);
        else _datagrams?.Dispose();
        await _keeper.DisposeAsync().ConfigureAwait(false);
        await _peers.DisposeAsync().ConfigureAwait(false);
        if (_rpc is not null) await _rpc.DisposeAsync().ConfigureAwait(false);
        if (_http is not null) await _http.DisposeAsync().ConfigureAwait(false);
        if (_live is not null) await _live.DisposeAsync().ConfigureAwait(false);
        if (_started is not null) await _started.Node.DisposeAsync().ConfigureAwait(false);
        await _telemetry.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    // Counted once, whatever port is found free.
    private GrpcEndpointOptions Counted(GrpcEndpointOptions endpoint)
    {
        if (!_telemetry.Measures) return endpoint;
        _rpcTraffic ??= new PortTraffic(_meter, "grpc", "clients of gRPC and of other nodes");
        return endpoint with { Around = _rpcTraffic.Around };
    }

    private LiveService? LiveOf(StartedNode started) => started.Live is not { } live ? null : new LiveService(
        live, started.Node.View, _meter as IMetricSource, _telemetry.Ring, _telemetry.News,
        _parts.HourStep ?? _options.HourStep, _options.HourBytesMax,
        _membership is { } membership ? () => membership.Swim.Members : null, _parts.Time);

    // A node whose cluster has others is a member of membership also without seeds: it knows them.
    private static ServerOptions SwimOptionsOf(ServerOptions options, ServerParts parts)
    {
        if (options.SwimEnabled is not null || options.SeedNodes.Count > 0) return options;
        try
        {
            if (ClusterRecord.Load(parts.FileSystem, options.DataDirectory) is not { Nodes.Count: > 1 } cluster) return options;
            HostPort?[] others = [.. cluster.Nodes.Where(n => n.Number != cluster.Self).Select(
                static n => HostPort.TryParse(n.Address, 7447, out HostPort? address) ? address : null)];
            return options with { SeedNodes = [.. others.OfType<HostPort>()] };
        }
        catch (Exception failure) when (failure is IOException or CorruptionException)
        {
            return options; // Told when the cluster is looked at.
        }
    }

    private async Task<ClusterRecord?> EnterAsync(string advertised, CancellationToken cancellationToken)
    {
        using var transport = new GrpcFormation(_peerOptions, AskTimeout, JoinTimeout);
        var loop = new FormationLoop(_options, advertised, _parts, _peers.Formation, transport, _front);
        return await GuardAsync(() => loop.RunAsync(cancellationToken)).ConfigureAwait(false);
    }

    private async Task<StartedNode> StartNodeAsync(
        ClusterRecord? cluster, HostPort advertised, CancellationToken cancellationToken)
    {
        _front.Waits(static () => "starting");
        // It may have moved since that was written.
        if (cluster is not null) cluster = cluster with
        {
            Nodes = [.. cluster.Nodes.Select(n => n.Number == cluster.Self ? n with { Address = advertised.ToString() } : n)],
        };
        var setup = new NodeSetup(_options, _parts.FileSystem, _meter, _telemetry.Events, _parts.Authorizer, _parts.Time)
        {
            AdvertiseAddress = advertised.ToString(),
            Cluster = cluster,
            Transport = _peers,
            Tracer = _telemetry.Tracer,
            SlowNoted = trace => SlowLines.Write(_parts.Log, trace),
            CertificateEnds = _tls is { } tls ? () => tls.Ends : null,
            PeersChanged = map =>
            {
                _book.Update(map);
                _keeper.Note([.. map.Members]);
            },
        };
        if (cluster is not null) _book.Update(cluster.Nodes);
        _started = await GuardAsync(() => _parts.StartNode(setup, cancellationToken).AsTask()).ConfigureAwait(false);
        foreach (string warning in _started.Warnings) _parts.Log.Warning("node", warning);
        _started.SetAdvertiseAddress(advertised.ToString());
        if (_started.Identity is { } identity)
        {
            _book.Open(identity);
            var self = new FormationMember(_options.NodeId, identity.StoreUuid, advertised.ToString(), _options.Zone ?? "");
            var settings = cluster?.Settings
                ?? new FormationSettings(_options.TotalShards, _options.HashTags, _options.ReplicationFactor);
            _keeper.Open(cluster ?? new ClusterRecord
            {
                ClusterId = identity.ClusterId,
                Self = identity.Node,
                Settings = settings,
                Nodes = [new PlannedNode(identity.Node, self.Name, self.Address) { Zone = self.Zone, StoreUuid = identity.StoreUuid }],
            });
            _peers.Formation.Endpoint = new MemberEndpoint(self, identity, settings, _options, _started, _parts.Time);
        }

        return _started;
    }

    private async Task AwaitLeadersAsync(INoriNode node, CancellationToken cancellationToken)
    {
        long began = _parts.Time.GetTimestamp();
        _front.Waits(static () => "waiting for leaders of the shards");
        while (_parts.Time.GetElapsedTime(began) < LeadersMax && node.Health.Shards.Any(static s => s.Status == Node.HealthStatus.Degraded))
            await Task.Delay(TimeSpan.FromMilliseconds(25), _parts.Time, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> opens)
    {
        try
        {
            return await opens().ConfigureAwait(false);
        }
        catch (DirectoryLockedException locked)
        {
            throw new ServerStartException(locked.Message, ExitCodes.Unavailable, locked);
        }
        catch (Exception failure) when (failure is CorruptionException or IOException or UnauthorizedAccessException)
        {
            throw new ServerStartException(
                $"the data directory {_options.DataDirectory} cannot be used: {failure.Message}",
                ExitCodes.Internal,
                failure);
        }
    }

    /// <summary>
    /// gRPC first, then UDP at the number it got, where the server is a member; a clash on a free number is tried again.
    /// </summary>
    private async Task<HostPort> BindAsync(CancellationToken cancellationToken)
    {
        IPEndPoint listen = await Addresses.ResolveAsync(_options.RpcAddress, "rpc_addr", cancellationToken)
            .ConfigureAwait(false);
        for (int tries = 1; ; tries++)
        {
            GrpcServer rpc = await StartRpcAsync(listen, cancellationToken).ConfigureAwait(false);
            var bound = new IPEndPoint(listen.Address, rpc.EndPoints[0].Port);
            try
            {
                HostPort advertised = await Addresses.AdvertisedAsync(_options, bound.Port, cancellationToken)
                    .ConfigureAwait(false);
                if (_swim.IsSwimMember)
                {
                    string address = await ClusterMembership.AddressOfAsync(advertised, cancellationToken).ConfigureAwait(false);
                    _datagrams = ClusterMembership.BindUdp(bound, address);
                }

                _rpc = rpc;
                _meter.ObservableGauge("grpc_calls_in_flight", "gRPC calls that run.", () => rpc.Dispatcher.RunningCalls);
                _meter.ObservableGauge("grpc_buffered_bytes", "Bytes of gRPC messages held.", () => rpc.Dispatcher.BufferedBytes);
                return advertised;
            }
            catch (Exception failure)
            {
                await rpc.DisposeAsync().ConfigureAwait(false);
                if (failure is not SocketException) throw;
                if (listen.Port != 0 || tries == BindTriesMax) throw CannotListen("rpc_addr (UDP, for SWIM)", bound, failure);
            }
        }
    }

    private async Task<GrpcServer> StartRpcAsync(IPEndPoint listen, CancellationToken cancellationToken)
    {
        GrpcServerOptions options = _transport.ServerOptions with
        {
            OnHandlerFault = (call, failure) =>
                _parts.Log.Error("grpc", "unexpected failure", ("method", call.Method), ("error", failure)),
        };
        if (_parts.Rpc is { } change) options = change(options);
        try
        {
            return await GrpcServer.StartAsync(
                _transport.Services, listen, options, Counted(_parts.RpcEndpoint with { Tls = _tls?.ForPort() }), null, cancellationToken)
                    .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw CannotListen("rpc_addr", listen, failure);
        }
    }

    private async Task StartHttpAsync(CancellationToken cancellationToken)
    {
        _telemetry.Log.TotalShards = () => _front.View.TotalShards;
        var facade = new HttpFacade(new HttpFacadeParts
        {
            Node = _front,
            Operations = _front,
            Options = _parts.Http with { Insecure = _options.Insecure, PeerSecret = _options.PeerSecret },
            Authorizer = _parts.Authorizer,
            Meter = _meter,
            Tracer = _telemetry.Tracer,
            LogLevels = _parts.Log.Levels,
            Metrics = _telemetry.Prometheus,
            Events = _telemetry.Ring,
            Live = () => Volatile.Read(ref _live)?.Feed,
            Time = _parts.Time,
            Stopping = _stopping.Token,
            OnUnexpected = (route, failure) =>
                _parts.Log.Error("http", "unexpected failure", ("route", route), ("error", failure)),
        });
        IPEndPoint listen = await Addresses.ResolveAsync(_options.HttpAddress, "http_addr", cancellationToken)
            .ConfigureAwait(false);
        HttpEndpointOptions endpoint = _parts.HttpEndpoint with { Tls = _tls?.ForPort() };
        if (_telemetry.Measures) endpoint = endpoint with { Around = new PortTraffic(_meter, "http", "clients of HTTP").Around };
        try
        {
            _http = await HttpFacadeServer.StartAsync(facade, listen, endpoint, cancellationToken).ConfigureAwait(false);
            return;
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            if (_options.HttpAddressIsExplicit) throw CannotListen("http_addr", listen, failure);
        }

        // Nobody asked for this port: whoever has it may keep it.
        _http = await HttpFacadeServer
            .StartAsync(facade, new IPEndPoint(listen.Address, 0), endpoint, cancellationToken)
                .ConfigureAwait(false);
        _parts.Log.Warning(
            "http", "the default address is taken; another is used", ("wanted", listen), ("used", _http.EndPoint));
    }

    private static ServerStartException CannotListen(string setting, IPEndPoint listen, Exception failure) =>
        new($"{setting}: cannot listen on {listen}: {failure.Message}", ExitCodes.Unavailable, failure);
}
