namespace Nori.Grpc.Server;

internal sealed class DuplexMethod<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<GrpcRequestStream<TRequest>, GrpcResponseStream<TResponse>, ServerCallContext, Task> handler)
    : ServerMethod(method.Path)
{
    public override Task InvokeAsync(ServerCallContext context)
    {
        var requests = new GrpcRequestStream<TRequest>(context, method.Request);
        var responses = new GrpcResponseStream<TResponse>(context, method.Response);
        return handler(requests, responses, context);
    }
}
