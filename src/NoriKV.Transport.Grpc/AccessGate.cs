using System.Security.Cryptography;
using System.Text;
using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node;

namespace NoriKV.Transport.Grpc;

/// <summary>
/// Asked before each call: Admin and the peers' services answer only loopback, a verified client certificate or the peer
/// secret, unless the server runs as insecure; then the authorizer is asked. The keys of Kv calls are judged
/// once they are known.
/// </summary>
internal sealed class AccessGate : IGrpcAuthorizer
{
    internal const string SecretKey = "norikv-peer-secret";
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
        if (action is not { } named) return ValueTask.FromResult(GrpcStatus.Ok);
        AccessRequest request = AccessRequest.Of(CallContexts.PrincipalOf(context), named);
        return ValueTask.FromResult(_parts.Authorizer.IsAllowed(request) ? GrpcStatus.Ok : Denied);
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
