using Nori.Grpc.Server.Proto.Health;

namespace Nori.Grpc.Server;

/// <summary>
/// The standard health service: statuses that are set here are checked and watched by clients.
/// </summary>
/// <remarks>Thread-safe. The empty name is the server as a whole, and serving until set otherwise.</remarks>
public sealed class HealthService
{
    private const string Name = "grpc.health.v1.Health";

    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> CheckMethod = Method(
        GrpcMethodKind.Unary, "Check");

    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> WatchMethod = Method(
        GrpcMethodKind.ServerStreaming, "Watch");

    private readonly Lock _lock = new(); // Guards _statuses and _changed.
    private readonly Dictionary<string, HealthStatus> _statuses = new(StringComparer.Ordinal)
    {
        [""] = HealthStatus.Serving,
    };

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The service for a server.</summary>
    public GrpcServiceDefinition Definition => new GrpcServiceDefinition(Name)
        .AddUnary(CheckMethod, CheckAsync)
        .AddServerStreaming(WatchMethod, WatchAsync);

    /// <summary>Sets the status of a service and tells its watchers.</summary>
    public void SetStatus(string service, HealthStatus status)
    {
        ArgumentNullException.ThrowIfNull(service);
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (_statuses.TryGetValue(service, out HealthStatus before) && before == status) return;
            _statuses[service] = status;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    /// <summary>
    /// The status of a service; <see cref="HealthStatus.ServiceUnknown"/> where none was set.
    /// </summary>
    public HealthStatus GetStatus(string service)
    {
        lock (_lock) return _statuses.GetValueOrDefault(service, HealthStatus.ServiceUnknown);
    }

    private ValueTask<HealthCheckResponse> CheckAsync(HealthCheckRequest request, ServerCallContext context)
    {
        HealthStatus status = GetStatus(request.Service);
        if (status == HealthStatus.ServiceUnknown)
            throw new GrpcException(GrpcStatusCode.NotFound, "There is no such service.");
        return new ValueTask<HealthCheckResponse>(Response(status));
    }

    private async Task WatchAsync(
        HealthCheckRequest request, GrpcResponseStream<HealthCheckResponse> responses, ServerCallContext context)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, context.ServerStopping);
        HealthStatus? sent = null;
        while (true)
        {
            HealthStatus status;
            Task changed;
            lock (_lock)
            {
                status = _statuses.GetValueOrDefault(request.Service, HealthStatus.ServiceUnknown);
                changed = _changed.Task;
            }

            if (status != sent) await responses.WriteAsync(Response(status)).ConfigureAwait(false);
            sent = status;
            await changed.WaitAsync(stop.Token).ConfigureAwait(false);
        }
    }

    private static HealthCheckResponse Response(HealthStatus status) =>
        new() { Status = (HealthCheckResponse.Types.ServingStatus)status };

    private static GrpcMethod<HealthCheckRequest, HealthCheckResponse> Method(GrpcMethodKind kind, string name) =>
        new(
            kind,
            Name,
            name,
            ProtobufMarshaller.For(HealthCheckRequest.Parser),
            ProtobufMarshaller.For(HealthCheckResponse.Parser));
}
