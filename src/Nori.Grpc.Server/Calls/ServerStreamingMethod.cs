namespace Nori.Grpc.Server;

internal sealed class ServerStreamingMethod<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<TRequest, GrpcResponseStream<TResponse>, ServerCallContext, Task> handler)
    : ServerMethod(method.Path)
{
    public override async Task InvokeAsync(ServerCallContext context)
    {
        TRequest request = await context.Input.ReadSingleAsync(method.Request).ConfigureAwait(false);
        var responses = new GrpcResponseStream<TResponse>(context, method.Response);
        await handler(request, responses, context).ConfigureAwait(false);
    }
}
