using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
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
/// <see cref="IClusterCalls"/> over gRPC: asks the given nodes in turn until one is reached. What was not reached was not
/// done, so that asking the next one repeats nothing.
/// </summary>
internal sealed class ClusterConnection(ClusterTarget target) : IClusterCalls
{
    private const int ResponseBytesMax = 64 << 20;

    private static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(3);

    private readonly GrpcChannel[] _channels = [.. target.Addresses.Select(address => ChannelTo(address, target))];
    private int _current;

    public Task<ClusterStatus> StatusAsync(bool shards, CancellationToken cancellationToken) => AskAsync(
        AdminMethods.GetClusterStatus, new ClusterStatusRequest { OmitShards = !shards }, cancellationToken);

    public async Task<ClusterDiagnosis> DiagnoseAsync(CancellationToken cancellationToken) => DiagnosisMessages.FromWire(
        await CallAsync(AdminMethods.Diagnose, new DiagnoseRequest(), cancellationToken).ConfigureAwait(false));

    public Task<ClusterStatus> DrainAsync(string node, int? replicationFactor, CancellationToken cancellationToken) => AskAsync(
        AdminMethods.DrainNode,
        new DrainNodeRequest { NodeId = node, ReplicationFactor = (uint)(replicationFactor ?? 0) }, cancellationToken);

    public Task<ClusterStatus> UndrainAsync(string node, CancellationToken cancellationToken) =>
        AskAsync(AdminMethods.UndrainNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> DecommissionAsync(string node, CancellationToken cancellationToken) =>
        AskAsync(AdminMethods.DecommissionNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> ReplaceAsync(string node, CancellationToken cancellationToken) =>
        AskAsync(AdminMethods.ReplaceNode, new NodeRequest { NodeId = node }, cancellationToken);

    public Task<ClusterStatus> MoveLeaderAsync(uint shard, string target, CancellationToken cancellationToken) => AskAsync(
        AdminMethods.MoveLeader, new MoveLeaderRequest { Shard = shard, TargetNodeId = target }, cancellationToken);

    public Task<ClusterStatus> MoveReplicaAsync(
        uint shard, string source, string target, CancellationToken cancellationToken) => AskAsync(
        AdminMethods.MoveReplica,
        new MoveReplicaRequest { Shard = shard, SourceNodeId = source, TargetNodeId = target }, cancellationToken);

    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels) channel.Dispose();
        return default;
    }

    private async Task<ClusterStatus> AskAsync<TRequest>(
        GrpcMethod<TRequest, Proto.V1.ClusterStatus> method, TRequest request, CancellationToken cancellationToken) =>
        AdminMessages.FromWire(await CallAsync(method, request, cancellationToken).ConfigureAwait(false));

    private async Task<TResponse> CallAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
    {
        var options = new GrpcCallOptions
        {
            Timeout = target.Timeout,
            CancellationToken = cancellationToken,
            Headers = target.PeerSecret is { } secret ? new Metadata { { "norikv-peer-secret", secret } } : null,
        };
        var said = new List<string>();
        GrpcException? cause = null;
        for (int i = 0; i < _channels.Length; i++)
        {
            // The one that answered last is asked first again.
            int at = (_current + i) % _channels.Length;
            try
            {
                TResponse answer = await _channels[at].UnaryAsync(method, request, options).ConfigureAwait(false);
                _current = at;
                return answer;
            }
            catch (GrpcException failure)
            {
                if (!WasNotReached(failure)) throw ErrorOf(failure, target.Addresses[at]);
                cause = failure;
                said.Add($"cannot reach {target.Addresses[at]}: {Innermost(failure).Message}");
            }
        }

        throw new UnavailableException(new KvError(KvCode.Unavailable, string.Join("; ", said)), cause);
    }

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
        string message = failure.Status.Message is { Length: > 0 } words ? words : failure.Message;
        KvCode code = failure.Code switch
        {
            GrpcStatusCode.InvalidArgument => KvCode.InvalidArgument,
            GrpcStatusCode.FailedPrecondition => KvCode.FailedPrecondition,
            GrpcStatusCode.NotFound => KvCode.NotFound,
            GrpcStatusCode.PermissionDenied or GrpcStatusCode.Unauthenticated => KvCode.PermissionDenied,
            GrpcStatusCode.ResourceExhausted => KvCode.Overloaded,
            GrpcStatusCode.DeadlineExceeded => KvCode.CommitTimeout,
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
        Tls = target.Tls is { } tls ? TlsOf(tls) : null,
        ConnectTimeout = target.Timeout < ConnectMax ? target.Timeout : ConnectMax,
        MaxReceiveMessageBytes = ResponseBytesMax,
        TimeProvider = target.Time,
        UserAgent = "norikv-cli/0.1",
    });

    private static SslClientAuthenticationOptions TlsOf(ClientTlsOptions tls)
    {
        X509ChainPolicy? policy = null;
        if (tls.TrustedRoots is { } roots)
        {
            policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
        }

        return new SslClientAuthenticationOptions
        {
            TargetHost = tls.ServerName,
            ClientCertificates = tls.ClientCertificate is { } certificate ? [certificate] : null,
            CertificateChainPolicy = policy,
        };
    }
}
