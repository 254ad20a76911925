using Nori.Observe;
using NoriKV.Node;

namespace NoriKV.Transport.Grpc;

/// <summary>What the services stand on.</summary>
public sealed record GrpcTransportParts
{
    /// <summary>The node they show.</summary>
    public required INoriNode Node { get; init; }

    /// <summary>What operators ask of it; null where it is not operated as part of a cluster.</summary>
    public INodeOperations? Operations { get; init; }

    /// <summary>The streams of other nodes; null for a node that has none.</summary>
    public PeerTransport? Peers { get; init; }

    /// <summary>The bounds.</summary>
    public GrpcTransportOptions Options { get; init; } = new();

    /// <summary>Asked on every call, and for each call inside a stream or batch.</summary>
    public IAuthorizer Authorizer { get; init; } = AllowAllAuthorizer.Instance;

    /// <summary>Where requests are counted.</summary>
    public IMeter Meter { get; init; } = NullMeter.Instance;

    /// <summary>Traces requests; null for no traces.</summary>
    public Tracer? Tracer { get; init; }

    /// <summary>Membership's streams; null for a node that is no member.</summary>
    public GrpcSwimStream? Swim { get; init; }

    /// <summary>The clock of deadlines: the node's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
