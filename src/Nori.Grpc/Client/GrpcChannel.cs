using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Nori.Grpc;

/// <summary>
/// A client of one server: calls share its HTTP/2 connection, which is opened by the first call and again
/// whenever it was lost.
/// </summary>
/// <remarks>Thread-safe. Expensive to make: keep one for each server.</remarks>
public sealed class GrpcChannel : IDisposable
{
    private readonly HttpMessageInvoker _invoker;
    private readonly GrpcChannelOptions _options;
    private readonly CancellationTokenSource _closed = new();

    /// <summary>Creates a channel; nothing is connected yet.</summary>
    /// <exception cref="ArgumentException">The options have problems.</exception>
    public GrpcChannel(GrpcChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join(' ', problems), nameof(options));
        _options = options;
        _invoker = new HttpMessageInvoker(CreateHandler(options));
    }

    /// <summary>The address calls go to.</summary>
    public Uri Address => _options.Address;

    /// <summary>A channel with default options. An address without a scheme is plaintext.</summary>
    /// <param name="address"><c>host:port</c>, <c>http://host:port</c> or <c>https://host:port</c>.</param>
    public static GrpcChannel ForAddress(string address)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        if (!address.Contains("://", StringComparison.Ordinal)) address = "http://" + address;
        return new GrpcChannel(new GrpcChannelOptions { Address = new Uri(address) });
    }

    /// <summary>Calls a unary method and answers its response.</summary>
    /// <exception cref="GrpcException">The call did not end with OK.</exception>
    /// <exception cref="OperationCanceledException">The caller's token cancelled it.</exception>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options = default)
    {
        return (await UnaryWithMetadataAsync(method, request, options).ConfigureAwait(false)).Message;
    }

    /// <summary>Calls a unary method and answers its response with headers and trailers.</summary>
    /// <exception cref="GrpcException">The call did not end with OK.</exception>
    /// <exception cref="OperationCanceledException">The caller's token cancelled it.</exception>
    public async Task<GrpcResponse<TResponse>> UnaryWithMetadataAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options = default)
    {
        ExpectKind(method, GrpcMethodKind.Unary);
        using var exchange = new Exchange(
            _options, method.Path, options, SingleContent(method, request, options.Handover), _closed.Token);
        exchange.Start(_invoker);
        var responses = new ResponseReader<TResponse>(exchange, method.Response, _options.MaxReceiveMessageBytes);
        return await responses.ReadSingleAsync().ConfigureAwait(false);
    }

    /// <summary>Calls a server-streaming method. Enumerate or dispose the call, else it stays open.</summary>
    public GrpcServerStreamingCall<TResponse> ServerStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options = default)
    {
        ExpectKind(method, GrpcMethodKind.ServerStreaming);
        var exchange = new Exchange(
            _options, method.Path, options, SingleContent(method, request, null), _closed.Token);
        exchange.Start(_invoker);
        return new GrpcServerStreamingCall<TResponse>(
            exchange, new ResponseReader<TResponse>(exchange, method.Response, _options.MaxReceiveMessageBytes));
    }

    /// <summary>Calls a client-streaming method. Dispose the call, else it may stay open.</summary>
    public GrpcClientStreamingCall<TRequest, TResponse> ClientStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options = default)
    {
        ExpectKind(method, GrpcMethodKind.ClientStreaming);
        (Exchange exchange, RequestWriter<TRequest> requests) = OpenStreaming(method, options);
        return new GrpcClientStreamingCall<TRequest, TResponse>(
            exchange,
            requests,
            new ResponseReader<TResponse>(exchange, method.Response, _options.MaxReceiveMessageBytes));
    }

    /// <summary>Calls a duplex method. Dispose the call, else it may stay open.</summary>
    public GrpcDuplexCall<TRequest, TResponse> DuplexStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options = default)
    {
        ExpectKind(method, GrpcMethodKind.Duplex);
        (Exchange exchange, RequestWriter<TRequest> requests) = OpenStreaming(method, options);
        return new GrpcDuplexCall<TRequest, TResponse>(
            exchange,
            requests,
            new ResponseReader<TResponse>(exchange, method.Response, _options.MaxReceiveMessageBytes));
    }

    /// <summary>Closes the connections; calls still open are reset and fail with CANCELLED.</summary>
    public void Dispose()
    {
        // The source is kept: a call that begins now must find it cancelled, not disposed.
        _closed.Cancel();
        _invoker.Dispose();
    }

    private (Exchange, RequestWriter<TRequest>) OpenStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options)
    {
        var content = new StreamingContent();
        var exchange = new Exchange(_options, method.Path, options, content, _closed.Token);
        exchange.Start(_invoker);
        content.FailWith(exchange.Sending);
        return (exchange, new RequestWriter<TRequest>(exchange, content, method.Request));
    }

    private static SingleMessageContent SingleContent<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, RequestHandover? handover)
    {
        var buffer = new FrameBuffer();
        try
        {
            buffer.Append(method.Request, request);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }

        return new SingleMessageContent(buffer, handover);
    }

    private static void ExpectKind<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcMethodKind kind)
    {
        ArgumentNullException.ThrowIfNull(method);
        if (method.Kind != kind)
            throw new ArgumentException($"{method.Path} is {method.Kind}, not {kind}.", nameof(method));
    }

    private static SocketsHttpHandler CreateHandler(GrpcChannelOptions options)
    {
        bool pings = options.KeepAlivePingDelay != Timeout.InfiniteTimeSpan;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = options.EnableMultipleHttp2Connections,
            InitialHttp2StreamWindowSize = options.StreamWindowBytes,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            KeepAlivePingDelay = options.KeepAlivePingDelay,
            KeepAlivePingTimeout = pings ? options.KeepAlivePingTimeout : Timeout.InfiniteTimeSpan,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
        };
        // The handler itself would copy the options once for all its connections.
        if (options.Address.Scheme == Uri.UriSchemeHttps)
            handler.ConnectCallback = (context, stop) => ConnectAsync(options, context.DnsEndPoint, stop);
        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(
        GrpcChannelOptions options, DnsEndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
            return await SealAsync(new NetworkStream(socket, ownsSocket: true), options, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>TLS over a connection, with what the options say now.</summary>
    internal static async Task<Stream> SealAsync(Stream plain, GrpcChannelOptions channel, CancellationToken cancellationToken)
    {
        SslClientAuthenticationOptions tls = Copy(channel.Tls ?? new SslClientAuthenticationOptions());
        tls.TargetHost ??= channel.Address.DnsSafeHost;
        tls.ApplicationProtocols = [SslApplicationProtocol.Http2];
        var sealedStream = new SslStream(plain);
        try
        {
            await sealedStream.AuthenticateAsClientAsync(tls, cancellationToken).ConfigureAwait(false);
            return sealedStream;
        }
        catch
        {
            await sealedStream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // What is set above is this connection's.
    private static SslClientAuthenticationOptions Copy(SslClientAuthenticationOptions tls) => new()
    {
        TargetHost = tls.TargetHost,
        ClientCertificates = tls.ClientCertificates,
        ClientCertificateContext = tls.ClientCertificateContext,
        LocalCertificateSelectionCallback = tls.LocalCertificateSelectionCallback,
        RemoteCertificateValidationCallback = tls.RemoteCertificateValidationCallback,
        CertificateChainPolicy = tls.CertificateChainPolicy,
        CertificateRevocationCheckMode = tls.CertificateRevocationCheckMode,
        EnabledSslProtocols = tls.EnabledSslProtocols,
        EncryptionPolicy = tls.EncryptionPolicy,
        CipherSuitesPolicy = tls.CipherSuitesPolicy,
    };
}
