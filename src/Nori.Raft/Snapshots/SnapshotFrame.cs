using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>A frame about a snapshot.</summary>
internal readonly record struct SnapshotFrame
{
    public FrameKind Kind { get; init; }

    public GroupId Group { get; init; }

    public ReplicaId From { get; init; }

    public ReplicaId To { get; init; }

    /// <summary>The leader's term.</summary>
    public Term Term { get; init; }

    /// <summary>What the snapshot covers: the place, the term there.</summary>
    public LogIndex Index { get; init; }

    public Term IndexTerm { get; init; }

    /// <summary>With the place and its term, which snapshot it is.</summary>
    public uint Checksum { get; init; }

    /// <summary>Of an offer: how long it is; of a chunk: where it begins; of an ack: how much is there.</summary>
    public long Offset { get; init; }

    /// <summary>Of an offer.</summary>
    public ConfigurationEntry Configuration { get; init; }

    /// <summary>Of an ack.</summary>
    public SnapshotAckState State { get; init; }

    /// <summary>Of a chunk.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    public SnapshotMeta Meta => new(Index, IndexTerm, Configuration);

    public bool IsAbout(in SnapshotFrame other) =>
        Index == other.Index && IndexTerm == other.IndexTerm && Checksum == other.Checksum;
}
