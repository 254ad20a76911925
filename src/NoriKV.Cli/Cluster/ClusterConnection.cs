using Nori.Grpc;
using NoriKV.Client;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Proto.V1;
using NoriKV.Transport.Grpc;
using NoriKV.Types;
using ClusterStatus = NoriKV.Node.Meta.ClusterStatus;

namespace NoriKV.Cli.Cluster;

/// <summary>
/// <see cref="IClusterCalls"/> over gRPC: asks the given nodes in turn. A wish goes to the next one only where the one before was not
/// reached: that was not done, so that it repeats nothing. A question goes to the next one also where one does not answer.
/// </summary>
internal sealed class ClusterConnection(ClusterTarget target) : IClusterCalls
{
    private const int ResponseBytesMax = 64 << 20;

    private static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(3);

    private readonly GrpcChannel[] _channels = [.. target.Addresses.Select(address => ChannelTo(address, target))];
    private int _current;

    public async Task<ClusterStatus> StatusAsync(bool shards, CancellationToken cancellationToken) => AdminMessages.FromWire(
        await AskAsync(AdminMethods.GetClusterStatus, new ClusterStatusRequest { OmitShards = !shards }, cancellationToken)
            .ConfigureAwait(false));

    public async Task<ClusterDiagnosis> DiagnoseAsync(CancellationToken cancellationToken) => DiagnosisMessages.FromWire(
        await AskAsync(AdminMethods.Diagnose, new DiagnoseRequest(), cancellationToken).ConfigureAwait(false));

    public Task<ClusterStatus> DrainAsync(string node, int? replicationFactor, CancellationToken cancellationToken) => WishAsync(
        AdminMethods.DrainNode,
        new DrainNodeRequest { NodeId = node, ReplicationFactor = (uint)(replicationFactor ?? 0) }, cancellationToken);

    public Task<ClusterStatus> UndrainAsync(string node, CancellationToken cancellationToken) =>
        WishAsync(AdminMethods.UndrainNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> DecommissionAsync(string node, CancellationToken cancellationToken) =>
        WishAsync(AdminMethods.DecommissionNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> ReplaceAsync(string node, CancellationToken cancellationToken) =>
        WishAsync(AdminMethods.ReplaceNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> MoveLeaderAsync(uint shard, string target, CancellationToken cancellationToken) => WishAsync(
        AdminMethods.MoveLeader, new MoveLeaderRequest { Shard = shard, TargetNodeId = target }, cancellationToken);

    public Task<ClusterStatus> MoveReplicaAsync(
        uint shard, string source, string target, CancellationToken cancellationToken) => WishAsync(
        AdminMethods.MoveReplica,
        new MoveReplicaRequest { Shard = shard, SourceNodeId = source, TargetNodeId = target }, cancellationToken);

    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels) channel.Dispose();
        return default;
    }

    private async Task<ClusterStatus> WishAsync<TRequest>(
        GrpcMethod<TRequest, Proto.V1.ClusterStatus> method, TRequest request, CancellationToken cancellationToken)
    {
        var said = new List<string>();
        GrpcException? cause = null;
        for (int i = 0; i < _channels.Length; i++)
        {
            // The one that answered last is asked first again.
            int at = (_current + i) % _channels.Length;
            try
            {
                return AdminMessages.FromWire(
                    await CallAsync(at, method, request, target.Timeout, cancellationToken).ConfigureAwait(false));
            }
            catch (GrpcException failure)
            {
                if (!WasNotReached(failure)) throw ErrorOf(failure, target.Addresses[at]);
                cause = failure;
                said.Add(WordsOf(failure, target.Addresses[at]));
            }
        }

        throw new UnavailableException(new KvError(KvCode.Unavailable, string.Join("; ", said)), cause);
    }

    /// <summary>
    /// Asks what changes nothing. Whoever has not answered within his share of the time may still, and the next one is asked beside him;
    /// the first answer counts.
    /// </summary>
    private async Task<TResponse> AskAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        long began = target.Time.GetTimestamp();
        TimeSpan share = target.Timeout / _channels.Length;
        int first = _current, next = 0;
        var open = new List<(Task<TResponse> Call, int At)>();
        var failures = new List<(GrpcException Failure, string Address)>();
        try
        {
            while (true)
            {
                TimeSpan left = target.Timeout - target.Time.GetElapsedTime(began);
                if (next < _channels.Length && left > TimeSpan.Zero)
                {
                    int at = (first + next++) % _channels.Length;
                    open.Add((CallAsync(at, method, request, left, ended.Token), at));
                }

                if (open.Count == 0) throw Unanswered(failures);
                IEnumerable<Task> waited = open.Select(static o => o.Call);
                if (next < _channels.Length) waited = waited.Append(Task.Delay(share, target.Time, ended.Token));
                await Task.WhenAny(waited).ConfigureAwait(false);
                foreach ((Task<TResponse> call, int at) in open.Where(static o => o.Call.IsCompleted).ToArray())
                {
                    open.Remove((call, at));
                    try
                    {
                        TResponse answer = await call.ConfigureAwait(false);
                        _current = at;
                        return answer;
                    }
                    catch (GrpcException failure)
                    {
                        if (!MayBeAnsweredElsewhere(failure)) throw ErrorOf(failure, target.Addresses[at]);
                        failures.Add((failure, target.Addresses[at]));
                    }
                }
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }

    private Task<TResponse> CallAsync<TRequest, TResponse>(
        int at, GrpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan timeout, CancellationToken cancellationToken) =>
        _channels[at].UnaryAsync(method, request, new GrpcCallOptions
        {
            Timeout = timeout,
            CancellationToken = cancellationToken,
            Headers = target.PeerSecret is { } secret ? new Metadata { { "norikv-peer-secret", secret } } : null,
        });

    private static bool MayBeAnsweredElsewhere(GrpcException failure) => WasNotReached(failure)
        || failure.Code is GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.Unavailable or GrpcStatusCode.Cancelled;

    private static NoriKVException Unanswered(List<(GrpcException Failure, string Address)> failures)
    {
        bool isLate = failures.Exists(static f => f.Failure.Code == GrpcStatusCode.DeadlineExceeded);
        string words = string.Join("; ", failures.Select(static f => WordsOf(f.Failure, f.Address)));
        // One that was reached is no node to be started.
        GrpcException cause = failures.FindLast(static f => !WasNotReached(f.Failure)).Failure ?? failures[^1].Failure;
        return NoriKVException.From(new KvError(isLate ? KvCode.DeadlineExceeded : KvCode.Unavailable, words), cause);
    }

    private static string WordsOf(GrpcException failure, string address) =>
        WasNotReached(failure) ? $"cannot reach {address}: {Innermost(failure).Message}"
        : failure.Code == GrpcStatusCode.DeadlineExceeded && !IsOutcomeUnknown(failure) ? $"{address} did not answer in time"
        : $"{address}: {SaidBy(failure)}";

    // A node that answered, and does not know itself what became of the wish.
    private static bool IsOutcomeUnknown(GrpcException failure) =>
        SaidBy(failure).StartsWith("COMMIT_TIMEOUT", StringComparison.Ordinal);

    private static string SaidBy(GrpcException failure) =>
        failure.Status.Message is { Length: > 0 } words ? words : failure.Message;

    // Its own status has no exception behind it; what has one did not come to a connection, or lost it. A wish that was lost
    // on the way may be done: it is not asked again elsewhere.
    private static bool WasNotReached(GrpcException failure)
    {
        for (Exception? inner = failure.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (inner is HttpRequestException
                {
                    HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError,
                }) return true;
        }

        return false;
    }

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner) exception = inner;
        return exception;
    }

    private static NoriKVException ErrorOf(GrpcException failure, string address)
    {
        // Only a wish comes here with it: who asks for nothing but an answer has asked all.
        if (failure.Code == GrpcStatusCode.DeadlineExceeded) return new WishUnknownException(WordsOf(failure, address), failure);
        string message = SaidBy(failure);
        KvCode code = failure.Code switch
        {
            GrpcStatusCode.InvalidArgument => KvCode.InvalidArgument,
            GrpcStatusCode.FailedPrecondition => KvCode.FailedPrecondition,
            GrpcStatusCode.NotFound => KvCode.NotFound,
            GrpcStatusCode.PermissionDenied or GrpcStatusCode.Unauthenticated => KvCode.PermissionDenied,
            GrpcStatusCode.ResourceExhausted => KvCode.Overloaded,
            GrpcStatusCode.Unimplemented => KvCode.Unimplemented,
            GrpcStatusCode.Internal or GrpcStatusCode.Unknown => KvCode.Internal,
            GrpcStatusCode.Cancelled => KvCode.Unavailable,
            _ => KvCode.Unavailable,
        };
        if (code == KvCode.Unimplemented) message = $"{address} knows nothing of this: it is an older version, or no NoriKV ({message})";
        return NoriKVException.From(new KvError(code, message), failure);
    }

    private static GrpcChannel ChannelTo(string address, ClusterTarget target) => new(new GrpcChannelOptions
    {
        Address = new Uri($"{(target.Tls is null ? "http" : "https")}://{address}"),
        Tls = target.Tls?.ToSslOptions(),
        ConnectTimeout = target.Timeout < ConnectMax ? target.Timeout : ConnectMax,
        MaxReceiveMessageBytes = ResponseBytesMax,
        TimeProvider = target.Time,
        UserAgent = "norikv-cli/0.1",
    });
}
