using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Nori.Grpc.Server;

/// <summary>What a handler may know of its call, and the metadata it answers with.</summary>
/// <remarks>
/// Valid until the handler has returned. Not thread-safe but for <see cref="CancellationToken"/>.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "The dispatcher ends each context it made.")]
public sealed class ServerCallContext
{
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly TimeSpan? _timeout;
    private readonly Lock _tokenLock = new(); // Guards _stop and _ended.
    private CancellationTokenSource? _stop;
    private CancellationTokenRegistration _aborts;
    private bool _ended;
    private volatile bool _clientLeft;
    private Metadata? _headers;
    private Metadata? _responseHeaders;
    private Metadata? _responseTrailers;

    internal ServerCallContext(HttpContext http, GrpcDispatcher dispatcher, string method, TimeSpan? timeout)
    {
        HttpContext = http;
        Dispatcher = dispatcher;
        Method = method;
        _time = dispatcher.Options.TimeProvider;
        _started = _time.GetTimestamp();
        _timeout = timeout;
        Output = new ResponseOutput(this);
        Input = new RequestInput(this);
    }

    /// <summary>The method called, <c>/service/method</c>.</summary>
    public string Method { get; }

    /// <summary>The HTTP request underneath.</summary>
    public HttpContext HttpContext { get; }

    /// <summary>The metadata the client sent; the protocol's own headers are left out.</summary>
    public Metadata Headers => _headers ??= ReadHeaders();

    /// <summary>Metadata to go before the first response; without effect once that is written.</summary>
    public Metadata ResponseHeaders => _responseHeaders ??= [];

    /// <summary>Metadata to go behind the last response, with the status.</summary>
    public Metadata ResponseTrailers => _responseTrailers ??= [];

    /// <summary>What is left until the client's deadline, never negative; null when it gave none.</summary>
    public TimeSpan? TimeLeft
    {
        get
        {
            if (_timeout is not { } timeout) return null;
            TimeSpan left = timeout - _time.GetElapsedTime(_started);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>The client's deadline by this machine's clock; null when it gave none.</summary>
    public DateTimeOffset? Deadline => TimeLeft is { } left ? _time.GetUtcNow() + left : null;

    /// <summary>Time since the call arrived.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_started);

    /// <summary>Cancelled when the deadline passes or the client goes away or resets the call.</summary>
    public CancellationToken CancellationToken
    {
        get
        {
            // Made when first asked for: most calls are over before anything could cancel them.
            if (_timeout is null) return HttpContext.RequestAborted;
            lock (_tokenLock) return _stop is null ? CreateTokenLocked() : _stop.Token;
        }
    }

    /// <summary>Cancelled when the server stops: long streams should end soon.</summary>
    public CancellationToken ServerStopping => Dispatcher.Stopping;

    /// <summary>The client's address; null when the transport has none.</summary>
    public IPEndPoint? Peer => HttpContext.Connection.RemoteIpAddress is { } address
        ? new IPEndPoint(address, HttpContext.Connection.RemotePort)
        : null;

    /// <summary>True when the client is on this machine.</summary>
    public bool IsLoopback => HttpContext.Connection.RemoteIpAddress is { } address
        && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>The certificate the client proved to own; null without one.</summary>
    public X509Certificate2? ClientCertificate => HttpContext.Connection.ClientCertificate;

    /// <summary>
    /// Offers the client a line: a connection of its own for frames, beside this call. Give it the token in a response;
    /// when the line ends, so does the call.
    /// </summary>
    /// <param name="frameBytesMax">A longer frame ends the line.</param>
    /// <param name="received">Gets the frames in order, one at a time; the bytes are the receiver's.</param>
    /// <returns>Null where the endpoint takes no lines.</returns>
    public FrameLineOffer? OfferLine(int frameBytesMax, Action<ReadOnlyMemory<byte>> received)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(frameBytesMax);
        ArgumentNullException.ThrowIfNull(received);
        return Dispatcher.Lines?.Offer(frameBytesMax, received, HttpContext.Abort);
    }

    internal GrpcDispatcher Dispatcher { get; }

    internal RequestInput Input { get; }

    internal ResponseOutput Output { get; }

    internal Metadata? ResponseHeadersOrNull => _responseHeaders;

    internal Metadata? ResponseTrailersOrNull => _responseTrailers;

    // The timer may fire a moment before the clock says so: then it is the timer that the handler saw.
    internal bool DeadlinePassed => _timeout is not null
        && (TimeLeft == TimeSpan.Zero || (_stop is { IsCancellationRequested: true } && !ClientGone));

    // Kestrel fails reads and writes of a reset call a moment before it cancels its token.
    internal bool ClientGone => _clientLeft || HttpContext.RequestAborted.IsCancellationRequested;

    internal OperationCanceledException ClientLeft(Exception? cause = null)
    {
        _clientLeft = true;
        return new OperationCanceledException("The client is gone.", cause);
    }

    internal void End()
    {
        Input.Release();
        Output.Release();
        if (_timeout is null) return;
        lock (_tokenLock)
        {
            _ended = true;
            _aborts.Dispose();
            _stop?.Dispose();
        }
    }

    private CancellationToken CreateTokenLocked()
    {
        if (_ended) return HttpContext.RequestAborted;
        // Timers take no more than 2^32 - 2 milliseconds (49 days).
        var longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);
        TimeSpan left = TimeLeft!.Value;
        _stop = new CancellationTokenSource(left > longest ? longest : left, _time);
        CancellationToken token = _stop.Token;
        _aborts = HttpContext.RequestAborted.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), _stop);
        return token;
    }

    private Metadata ReadHeaders()
    {
        var metadata = new Metadata();
        foreach ((string key, Microsoft.Extensions.Primitives.StringValues values) in HttpContext.Request.Headers)
        {
            foreach (string? value in values)
            {
                if (value is not null) metadata.TryAddWire(key, value);
            }
        }

        return metadata;
    }
}
