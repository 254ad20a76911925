using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Nori.Grpc.Server;

/// <summary>
/// Finds the method of a request and runs it: checks, authorization, handler, status. One for a server; its
/// services do not change.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class GrpcDispatcher : IDisposable
{
    private readonly FrozenDictionary<string, ServerMethod> _methods;
    private readonly FrozenSet<string> _services;
    private readonly CancellationTokenSource _stopping = new();
    private int _running;

    /// <summary>Creates a dispatcher.</summary>
    /// <exception cref="ArgumentException">
    /// The options have problems, or two services the same name.
    /// </exception>
    public GrpcDispatcher(IEnumerable<GrpcServiceDefinition> services, GrpcServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        Options = options ?? new GrpcServerOptions();
        IReadOnlyList<string> problems = Options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join(' ', problems), nameof(options));
        GrpcServiceDefinition[] all = [.. services];
        _methods = all.SelectMany(s => s.Methods).ToDictionary(m => m.Path, StringComparer.Ordinal)
            .ToFrozenDictionary(StringComparer.Ordinal);
        _services = all.Select(s => s.Name).ToFrozenSet(StringComparer.Ordinal);
        Budget = new BufferBudget(Options.MaxBufferedBytes);
        Stopping = _stopping.Token;
    }

    /// <summary>The options given.</summary>
    public GrpcServerOptions Options { get; }

    /// <summary>Calls that run now.</summary>
    public int RunningCalls => Volatile.Read(ref _running);

    /// <summary>Bytes of large or incomplete messages held now.</summary>
    public long BufferedBytes => Budget.Used;

    internal BufferBudget Budget { get; }

    /// <summary>Null where the endpoint takes nothing but HTTP/2.</summary>
    internal FrameLines? Lines { get; init; }

    internal CancellationToken Stopping { get; }

    /// <summary>Tells long streams that the server stops; calls are still answered.</summary>
    public void BeginStop() => _stopping.Cancel();

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    /// <summary>
    /// Answers one HTTP request. Never throws for anything a client sends or a handler does.
    /// </summary>
    public Task HandleAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        HttpRequest request = http.Request;
        if (!HttpProtocol.IsHttp2(request.Protocol)) return Refuse(http, StatusCodes.Status426UpgradeRequired);
        if (!HttpMethods.IsPost(request.Method))
        {
            http.Response.Headers.Allow = "POST";
            return Refuse(http, StatusCodes.Status405MethodNotAllowed);
        }

        if (!IsGrpc(request.ContentType)) return Refuse(http, StatusCodes.Status415UnsupportedMediaType);
        string path = request.Path.Value ?? "";
        if (!_methods.TryGetValue(path, out ServerMethod? method)) return Answer(http, Unknown(path));

        TimeSpan? timeout = null;
        Microsoft.Extensions.Primitives.StringValues header = request.Headers["grpc-timeout"];
        if (header.Count > 0)
        {
            if (!GrpcTimeout.TryParse(header.ToString(), out TimeSpan parsed))
                return Answer(http, new GrpcStatus(GrpcStatusCode.Internal, "Malformed grpc-timeout."));
            // Nothing is begun for a caller that is known to be gone.
            if (parsed == TimeSpan.Zero) return Answer(http, PastDeadline);
            timeout = parsed;
        }

        return RunAsync(new ServerCallContext(http, this, method.Path, timeout), method);
    }

    internal GrpcException Overloaded(string message) =>
        new(new GrpcStatus(GrpcStatusCode.ResourceExhausted, message), Options.OverloadTrailers);

    private async Task RunAsync(ServerCallContext context, ServerMethod method)
    {
        GrpcStatus status = GrpcStatus.Ok;
        Metadata? trailers = null;
        int running = Interlocked.Increment(ref _running);
        try
        {
            if (running > Options.MaxConcurrentCalls) throw Overloaded("The server runs as many calls as it may.");
            if (Options.Authorizer is { } authorizer)
                status = await authorizer.AuthorizeAsync(context).ConfigureAwait(false);
            if (status.IsOk) await method.InvokeAsync(context).ConfigureAwait(false);
            if (context.DeadlinePassed) status = PastDeadline;
        }
        catch (GrpcException e)
        {
            status = e.Status;
            trailers = e.Trailers;
        }
        catch (Exception e)
        {
            status = FromFault(context, e);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
            await context.Input.EndReadAsync().ConfigureAwait(false);
            context.End();
        }

        if (status.IsOk || !context.ClientGone) WriteStatus(context, status, trailers);
        Options.OnCallEnded?.Invoke(context, status);
    }

    private static GrpcStatus PastDeadline => new(GrpcStatusCode.DeadlineExceeded, "The deadline passed.");

    private GrpcStatus FromFault(ServerCallContext context, Exception exception)
    {
        if (context.ClientGone) return new GrpcStatus(GrpcStatusCode.Cancelled, "The client is gone.");
        if (context.DeadlinePassed) return PastDeadline;
        if (exception is OperationCanceledException && Stopping.IsCancellationRequested)
            return new GrpcStatus(GrpcStatusCode.Unavailable, "The server stops.");
        // What a handler did not mean to say is not for the client: it may name files, hosts or people.
        Options.OnHandlerFault?.Invoke(context, exception);
        return new GrpcStatus(GrpcStatusCode.Unknown, "The handler failed.");
    }

    private static void WriteStatus(ServerCallContext context, in GrpcStatus status, Metadata? trailers)
    {
        Metadata? all = context.ResponseTrailersOrNull;
        if (all is null || all.Count == 0)
        {
            all = trailers;
        }
        else if (trailers is { Count: > 0 })
        {
            foreach (MetadataEntry entry in trailers) all.TryAddWire(entry.Key, entry.WireValue);
        }

        ResponseHeaders.WriteStatus(context, status, all);
    }

    private GrpcStatus Unknown(string path)
    {
        int slash = path.LastIndexOf('/');
        string service = slash > 1 ? path[1..slash] : "";
        return new GrpcStatus(
            GrpcStatusCode.Unimplemented,
            _services.Contains(service) ? "The service has no such method." : "There is no such service.");
    }

    private static bool IsGrpc(string? contentType)
    {
        const string Grpc = "application/grpc";
        if (contentType is null || !contentType.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase)) return false;
        ReadOnlySpan<char> rest = contentType.AsSpan(Grpc.Length);
        if (rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase)) rest = rest["+proto".Length..];
        return rest.IsEmpty || rest[0] is ';' or ' ';
    }

    private static Task Refuse(HttpContext http, int httpStatus)
    {
        http.Response.StatusCode = httpStatus;
        return Task.CompletedTask;
    }

    private static Task Answer(HttpContext http, in GrpcStatus status)
    {
        ResponseHeaders.WriteTrailersOnly(http.Response, status, null);
        return Task.CompletedTask;
    }
}
