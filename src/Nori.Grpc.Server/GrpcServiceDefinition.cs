namespace Nori.Grpc.Server;

/// <summary>The methods of a service with their handlers.</summary>
/// <remarks>
/// Built before the server starts and not changed afterwards. Handlers run concurrently. What a handler
/// throws becomes the status: a <see cref="GrpcException"/> its own, anything else UNKNOWN.
/// </remarks>
public sealed class GrpcServiceDefinition
{
    private readonly List<ServerMethod> _methods = [];

    /// <summary>Starts an empty service.</summary>
    /// <param name="name">The service with its package, such as <c>echo.v1.Echo</c>.</param>
    public GrpcServiceDefinition(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
    }

    /// <summary>The service with its package.</summary>
    public string Name { get; }

    internal IReadOnlyList<ServerMethod> Methods => _methods;

    /// <summary>Adds a method of one request and one response.</summary>
    public GrpcServiceDefinition AddUnary<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        Func<TRequest, ServerCallContext, ValueTask<TResponse>> handler)
    {
        Check(method, GrpcMethodKind.Unary, handler);
        return Add(new UnaryMethod<TRequest, TResponse>(method, handler));
    }

    /// <summary>Adds a method of one request and many responses.</summary>
    public GrpcServiceDefinition AddServerStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        Func<TRequest, GrpcResponseStream<TResponse>, ServerCallContext, Task> handler)
    {
        Check(method, GrpcMethodKind.ServerStreaming, handler);
        return Add(new ServerStreamingMethod<TRequest, TResponse>(method, handler));
    }

    /// <summary>Adds a method of many requests and one response.</summary>
    public GrpcServiceDefinition AddClientStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        Func<GrpcRequestStream<TRequest>, ServerCallContext, ValueTask<TResponse>> handler)
    {
        Check(method, GrpcMethodKind.ClientStreaming, handler);
        return Add(new ClientStreamingMethod<TRequest, TResponse>(method, handler));
    }

    /// <summary>Adds a method of many requests and many responses.</summary>
    public GrpcServiceDefinition AddDuplex<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        Func<GrpcRequestStream<TRequest>, GrpcResponseStream<TResponse>, ServerCallContext, Task> handler)
    {
        Check(method, GrpcMethodKind.Duplex, handler);
        return Add(new DuplexMethod<TRequest, TResponse>(method, handler));
    }

    private GrpcServiceDefinition Add(ServerMethod method)
    {
        if (_methods.Exists(m => m.Path == method.Path))
            throw new ArgumentException($"{method.Path} is there already.", nameof(method));
        _methods.Add(method);
        return this;
    }

    private void Check<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcMethodKind kind, object handler)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(handler);
        if (method.Kind != kind)
            throw new ArgumentException($"{method.Path} is {method.Kind}, not {kind}.", nameof(method));
        if (method.Service != Name) throw new ArgumentException($"{method.Path} is not of {Name}.", nameof(method));
    }
}
