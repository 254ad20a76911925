using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Snapshots;

/// <summary>What the sender and the receiver of snapshots ask of, and tell, the host of the groups.</summary>
/// <remarks>Thread-safe; nothing here waits.</remarks>
internal interface ISnapshotHost
{
    /// <summary>The shard's replica on this node; 0 where there is none that may give or take a snapshot.</summary>
    ReplicaId ReplicaOf(ShardId shard);

    /// <summary>Whether a stream of this snapshot is of use here.</summary>
    bool Needs(ShardId shard, Raft.SnapshotMeta meta);

    /// <summary>A snapshot is here, whole and durable in its staging place; the host decides whether to install it.</summary>
    void Arrived(ShardId shard, ReplicaId from, Term term, StagedSnapshot staged);

    /// <summary>The sender is done with a peer.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="to">The peer.</param>
    /// <param name="index">What the snapshot covered; 0 when it did not get so far.</param>
    /// <param name="isDelivered">The peer has it whole.</param>
    void Sent(ShardId shard, ReplicaId to, LogIndex index, bool isDelivered);
}
