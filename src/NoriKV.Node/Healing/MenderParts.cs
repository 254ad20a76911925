using Nori.Observe;
using NoriKV.Node.Peers;
using NoriKV.Node.Ports;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>What the mender works with.</summary>
internal sealed record MenderParts
{
    public required NodeNumber Self { get; init; }

    public required IStorage Storage { get; init; }

    public required NodeSlots Slots { get; init; }

    public required ReplicaTable Replicas { get; init; }

    public required RaftHost Host { get; init; }

    public required PeerCalls Calls { get; init; }

    /// <summary>Why nothing is done any more; null while the node works.</summary>
    public required Func<string?> Stopped { get; init; }

    /// <summary>Called when nothing is left to be healed.</summary>
    public Action? AllWell { get; init; }

    public IMeter Meter { get; init; } = NullMeter.Instance;

    public IEventSink Events { get; init; } = NullEventSink.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
