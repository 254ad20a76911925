namespace Nori.Grpc.Server;

// Hot path: no closures, no LINQ, one flush (by Kestrel, with the trailers).
internal sealed class UnaryMethod<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<TRequest, ServerCallContext, ValueTask<TResponse>> handler)
    : ServerMethod(method.Path)
{
    public override async Task InvokeAsync(ServerCallContext context)
    {
        TRequest request = await context.Input.ReadSingleAsync(method.Request).ConfigureAwait(false);
        TResponse response = await handler(request, context).ConfigureAwait(false);
        await context.Output.WriteLastAsync(method.Response, response).ConfigureAwait(false);
    }
}
