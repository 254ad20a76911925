using Nori.Grpc;
using Nori.Grpc.Server;
using NoriKV.Node;
using NoriKV.Proto.V1;

namespace NoriKV.Transport.Grpc;

/// <summary>The gRPC services of a node: Kv, Meta, Admin, health and reflection.</summary>
public sealed class GrpcTransport
{
    // What a longer message than the contract's least inbound limit would be: never below it, whatever is
    // configured.
    private const int InboundBytesLeast = 4 << 20;
    private static readonly string[] HealthNames = ["", KvMethods.Kv, KvMethods.Meta, KvMethods.Admin];
    private readonly GrpcTransportParts _parts;
    private readonly HealthService _health = new();

    /// <summary>Makes the services of a node.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public GrpcTransport(GrpcTransportParts parts)
    {
        IReadOnlyList<string> problems = parts.Options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(parts));
        _parts = parts;
        var calls = new KvCalls(parts, new RequestMeter(parts.Meter, parts.Time));
        var reflection = new ReflectionService(NorikvReflection.Descriptor);
        Services =
        [
            new KvService(parts, calls).Definition,
            new MetaService(parts).Definition,
            new AdminService(parts).Definition,
            _health.Definition,
            .. reflection.Definitions,
            .. parts.Peers is { } peers ? new[] { peers.Service } : [],
            .. parts.Swim is { } swim ? new[] { swim.Definition } : [],
        ];
        UpdateHealth();
    }

    /// <summary>What a <see cref="GrpcDispatcher"/> serves.</summary>
    public IReadOnlyList<GrpcServiceDefinition> Services { get; }

    /// <summary>
    /// The options of that dispatcher: sizes from the node's limits, statuses from the contract.
    /// </summary>
    public GrpcServerOptions ServerOptions => new()
    {
        Authorizer = new AccessGate(_parts),
        TimeProvider = _parts.Time,
        MaxReceiveMessageBytes = Math.Max(InboundBytesLeast, checked(_parts.Node.Limits.RequestBytesMax * 2)),
        OversizedStatus = GrpcStatusCode.InvalidArgument,
        OverloadTrailers = new Metadata { { StatusTable.RetryAfterKey, "100" } },
    };

    /// <summary>
    /// Sets what grpc.health.v1 answers to what the node says of itself; whoever owns a timer calls it often.
    /// </summary>
    public void UpdateHealth()
    {
        Nori.Grpc.Server.HealthStatus status = _parts.Node.CannotServeReason is null
            ? Nori.Grpc.Server.HealthStatus.Serving
            : Nori.Grpc.Server.HealthStatus.NotServing;
        foreach (string name in HealthNames) _health.SetStatus(name, status);
    }
}
