using System.Security.Cryptography;
using System.Text;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// Asked before each call: Admin and the peers' services answer only loopback, a verified client certificate or the peer
/// secret, unless the server runs as insecure; then the authorizer is asked. The keys of Kv calls are judged
/// once they are known. A Kv call that says which cluster it is for is refused by any other.
/// </summary>
internal sealed class AccessGate : IGrpcAuthorizer
{
    internal const string SecretKey = "norikv-peer-secret";
    internal const string ClusterIdKey = "norikv-cluster-id";
    private static readonly GrpcStatus Closed = new(
        GrpcStatusCode.PermissionDenied,
        "Admin and Raft answer loopback only, without a client certificate or the peer secret (or insecure: true)");

    private static readonly GrpcStatus Denied = new(GrpcStatusCode.PermissionDenied, "not allowed");
    private readonly GrpcTransportParts _parts;
    private readonly byte[]? _secret;

    public AccessGate(GrpcTransportParts parts)
    {
        _parts = parts;
        _secret = parts.Options.PeerSecret is { } secret ? Encoding.UTF8.GetBytes(secret) : null;
    }

    public ValueTask<GrpcStatus> AuthorizeAsync(ServerCallContext context)
    {
        AccessAction? action = ActionOf(context.Method);
        if (action is AccessAction.Administer or AccessAction.Peer && !IsSealed(context.Method) && !IsTrusted(context))
            return ValueTask.FromResult(Closed);
        if (action is not { } named) return ValueTask.FromResult(OfCluster(context));
        AccessRequest request = AccessRequest.Of(CallContexts.PrincipalOf(context), named);
        return ValueTask.FromResult(_parts.Authorizer.IsAllowed(request) ? GrpcStatus.Ok : Denied);
    }

    // Straight from the request: hardly any call has it, and reading all headers costs more than the call's other checks.
    private GrpcStatus OfCluster(ServerCallContext context)
    {
        string? wanted = context.HttpContext.Request.Headers[ClusterIdKey];
        if (wanted is not { Length: > 0 } || _parts.Node.View.ClusterId is not { Length: > 0 } own || wanted == own)
            return GrpcStatus.Ok;
        return new GrpcStatus(
            GrpcStatusCode.FailedPrecondition,
            $"CLUSTER_MISMATCH: node {_parts.Node.NodeId} is of cluster {own}, the call is for cluster {wanted}; nothing was done");
    }

    private static AccessAction? ActionOf(string method)
    {
        if (IsOf(method, KvMethods.Kv)) return null;
        if (IsOf(method, KvMethods.Admin)) return AccessAction.Administer;
        if (IsOf(method, KvMethods.Raft) || IsOf(method, KvMethods.Swim)) return AccessAction.Peer;
        return AccessAction.Observe;
    }

    private static bool IsOf(string method, string service) =>
        method.Length > service.Length + 1
        && method[service.Length + 1] == '/'
        && method.AsSpan(1).StartsWith(service, StringComparison.Ordinal);

    // With a secret SWIM's envelopes are sealed with it and prove their sender themselves; so the secret need not be
    // sent to whoever answers at a seed's address.
    private bool IsSealed(string method) => _secret is not null && IsOf(method, KvMethods.Swim);

    private bool IsTrusted(ServerCallContext context) =>
        _parts.Options.Insecure
        || context.IsLoopback
        || context.ClientCertificate is not null
        || (_secret is not null
            && context.Headers.GetValue(SecretKey) is { } offered
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(offered), _secret));
}
