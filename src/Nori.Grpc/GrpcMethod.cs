namespace Nori.Grpc;

/// <summary>
/// A method of a service: its name, kind and message formats. Immutable; make it once and keep it.
/// </summary>
/// <typeparam name="TRequest">The type of its requests.</typeparam>
/// <typeparam name="TResponse">The type of its responses.</typeparam>
public sealed class GrpcMethod<TRequest, TResponse>
{
    /// <summary>Describes a method.</summary>
    /// <param name="kind">How many messages go each way.</param>
    /// <param name="service">The service with its package, such as <c>echo.v1.Echo</c>.</param>
    /// <param name="name">The method, such as <c>Say</c>.</param>
    /// <param name="request">The format of requests.</param>
    /// <param name="response">The format of responses.</param>
    public GrpcMethod(
        GrpcMethodKind kind,
        string service,
        string name,
        Marshaller<TRequest> request,
        Marshaller<TResponse> response)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(response);
        Kind = kind;
        Service = service;
        Name = name;
        Request = request;
        Response = response;
        Path = $"/{service}/{name}";
    }

    /// <summary>How many messages go each way.</summary>
    public GrpcMethodKind Kind { get; }

    /// <summary>The service with its package.</summary>
    public string Service { get; }

    /// <summary>The method's name.</summary>
    public string Name { get; }

    /// <summary>The HTTP/2 path, <c>/service/method</c>.</summary>
    public string Path { get; }

    /// <summary>The format of requests.</summary>
    public Marshaller<TRequest> Request { get; }

    /// <summary>The format of responses.</summary>
    public Marshaller<TResponse> Response { get; }

    /// <inheritdoc/>
    public override string ToString() => Path;
}
