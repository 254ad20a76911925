namespace Nori.Grpc.Server;

/// <summary>Decides whether a call may run.</summary>
public interface IGrpcAuthorizer
{
    /// <summary>
    /// OK lets the call run; any other status ends it before its request is read, typically UNAUTHENTICATED
    /// or PERMISSION_DENIED.
    /// </summary>
    ValueTask<GrpcStatus> AuthorizeAsync(ServerCallContext context);
}
