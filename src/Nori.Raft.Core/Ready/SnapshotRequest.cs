namespace Nori.Raft.Core;

/// <summary>A peer lacks entries that the log no longer holds.</summary>
/// <param name="Peer">Who needs the snapshot.</param>
/// <param name="AtLeast">The index that it must cover.</param>
public readonly record struct SnapshotRequest(ReplicaId Peer, LogIndex AtLeast);
