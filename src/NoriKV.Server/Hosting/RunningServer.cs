using System.Net;
using Nori.Grpc.Server;
using Nori.Observe;
using NoriKV.Node;
using NoriKV.Server.Live;
using NoriKV.Transport.Grpc;
using NoriKV.Transport.Http;

namespace NoriKV.Server;

/// <summary>A server that serves. Stopping it is idempotent.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    private readonly NodeFront _front;
    private readonly GrpcServer _rpc;
    private readonly HttpFacadeServer _http;
    private readonly PeerTransport _peers;
    private readonly AddressKeeper _keeper;
    private readonly HealthLoop _health;
    private readonly ClusterMembership? _membership;
    private readonly LiveService? _live;
    private readonly CancellationTokenSource _stopping;
    private readonly Telemetry _telemetry;
    private readonly ServerLog _log;
    private readonly Lock _lock = new(); // Guards _stopped.
    private Task? _stopped;

    internal RunningServer(
        ServerOptions options,
        INoriNode node,
        NodeFront front,
        HostPort advertised,
        GrpcServer rpc,
        HttpFacadeServer http,
        PeerTransport peers,
        AddressKeeper keeper,
        HealthLoop health,
        ClusterMembership? membership,
        LiveService? live,
        Telemetry telemetry,
        CancellationTokenSource stopping,
        ServerLog log)
    {
        Options = options;
        Node = node;
        AdvertisedAddress = advertised;
        _telemetry = telemetry;
        (_front, _rpc, _http, _peers, _keeper) = (front, rpc, http, peers, keeper);
        (_health, _membership, _live, _stopping, _log) = (health, membership, live, stopping, log);
    }

    /// <summary>What it was started with.</summary>
    public ServerOptions Options { get; }

    /// <summary>The node it serves.</summary>
    public INoriNode Node { get; }

    /// <summary>Where gRPC is served; dialable from this machine.</summary>
    public IPEndPoint RpcEndPoint => Addresses.Dialable(_rpc.EndPoints[0]);

    /// <summary>Where HTTP is served; dialable from this machine.</summary>
    public IPEndPoint HttpEndPoint => Addresses.Dialable(_http.EndPoint);

    /// <summary>What the ClusterView says of this node.</summary>
    public HostPort AdvertisedAddress { get; }

    /// <summary>What happened lately; what /events sends.</summary>
    public EventRing Events => _telemetry.Ring;

    /// <summary>The server's place among the others; null where it is no member.</summary>
    internal ClusterMembership? Membership => _membership;

    /// <summary>gRPC calls that run now.</summary>
    public int RunningCalls => _rpc.Dispatcher.RunningCalls;

    /// <summary>Bytes of gRPC messages held now.</summary>
    public long BufferedBytes => _rpc.Dispatcher.BufferedBytes;

    /// <summary>
    /// Drains: the node refuses new requests, answers those in flight, flushes and pushes a last view; then
    /// the ports close. Takes at most <see cref="ServerOptions.StopTimeout"/>.
    /// </summary>
    public Task StopAsync()
    {
        lock (_lock) return _stopped ??= StopOnceAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    /// <summary>
    /// Ends as a process does that is killed: the sockets are gone at once, nobody hears a word, nothing is handed over.
    /// </summary>
    internal Task AbortAsync()
    {
        lock (_lock) return _stopped ??= AbortOnceAsync();
    }

    private async Task AbortOnceAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _rpc.DisposeAsync().ConfigureAwait(false);
        await _peers.DisposeAsync().ConfigureAwait(false);
        await _http.DisposeAsync().ConfigureAwait(false);
        await _health.DisposeAsync().ConfigureAwait(false);
        await _keeper.DisposeAsync().ConfigureAwait(false);
        if (_membership is not null) await _membership.DisposeAsync().ConfigureAwait(false);
        await Node.StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        await _telemetry.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task StopOnceAsync()
    {
        _log.Info("server", "stopping");

        // A tenth of the time is kept for cutting what still runs and for leaving the process.
        using var limit = new CancellationTokenSource(Options.StopTimeout * 0.9);
        await _health.DisposeAsync().ConfigureAwait(false);
        await _keeper.DisposeAsync().ConfigureAwait(false);

        // The others hear that it goes while it still answers.
        Task leaving = _membership is null ? Task.CompletedTask : _membership.LeaveAsync();

        // Of the rest some is kept for the ports, so that the last view and the last answers still leave.
        try
        {
            await _front.StopAsync(Options.StopTimeout * 0.7).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            _log.Error(
                "node", "did not stop cleanly; the log recovers what was acknowledged", ("error", failure.Message));
        }

        await leaving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(Quietly(_rpc.StopAsync(limit.Token)), Quietly(_http.StopAsync(limit.Token)))
            .ConfigureAwait(false);
        await _rpc.DisposeAsync().ConfigureAwait(false);
        await _http.DisposeAsync().ConfigureAwait(false);
        if (_live is not null) await _live.DisposeAsync().ConfigureAwait(false);
        await _peers.DisposeAsync().ConfigureAwait(false);
        await Node.DisposeAsync().ConfigureAwait(false);
        await _telemetry.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _log.Info("server", "stopped");
    }

    private static async Task Quietly(Task stopping)
    {
        try
        {
            await stopping.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The time is up: what still runs is cut.
        }
    }
}
