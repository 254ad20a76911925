using Microsoft.AspNetCore.Builder;

namespace Nori.Grpc.Server;

/// <summary>Puts gRPC services into an ASP.NET Core application.</summary>
public static class GrpcApplicationBuilderExtensions
{
    /// <summary>Adds the end of a pipeline: whatever request reaches it is answered as gRPC.</summary>
    /// <remarks>
    /// The endpoint must speak HTTP/2 and be configured with <see cref="KestrelGrpc"/>; where other things
    /// share it, branch by port or content type before.
    /// </remarks>
    public static IApplicationBuilder UseGrpc(this IApplicationBuilder app, GrpcDispatcher dispatcher)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentNullException.ThrowIfNull(dispatcher);
        app.Run(dispatcher.HandleAsync);
        return app;
    }
}
