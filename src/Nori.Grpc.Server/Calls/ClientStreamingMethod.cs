namespace Nori.Grpc.Server;

internal sealed class ClientStreamingMethod<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<GrpcRequestStream<TRequest>, ServerCallContext, ValueTask<TResponse>> handler)
    : ServerMethod(method.Path)
{
    public override async Task InvokeAsync(ServerCallContext context)
    {
        var requests = new GrpcRequestStream<TRequest>(context, method.Request);
        TResponse response = await handler(requests, context).ConfigureAwait(false);
        await context.Output.WriteLastAsync(method.Response, response).ConfigureAwait(false);
    }
}
