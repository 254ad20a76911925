using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>
/// The logs of all shards on this node: takes proposals, makes them durable on a majority, and hands what is committed to
/// <see cref="ICommittedSink"/> in order per shard. One voter today; Raft groups slot in here.
/// </summary>
/// <remarks>Thread-safe, apart from <see cref="RunOnce"/>, which has one owner.</remarks>
public interface IReplicatedLog
{
    /// <summary>True where an unanswered proposal may be proposed again, so that entries need a session of the node.</summary>
    bool MayRepropose { get; }

    /// <summary>
    /// Takes a proposal: null when taken (its outcome comes through the proposal), otherwise why not (overload, not the
    /// leader, stopped), and nothing was done.
    /// </summary>
    KvError? TryPropose(Proposal proposal);

    /// <summary>Waits until a read of this consistency may look at the state.</summary>
    ValueTask<ReadBarrier> ReadBarrierAsync(ShardId shard, ReadOptions options, long deadline);

    /// <summary>Where the shard's log stands.</summary>
    ReplicaStatus Status(ShardId shard);

    /// <summary>Moves leadership to another replica of the shard.</summary>
    ValueTask<KvError?> TransferAsync(ShardId shard, NodeNumber target, long deadline);

    /// <summary>Cuts the log's beginning off, through an index that tables hold; answered when that is durable.</summary>
    ValueTask<KvError?> TruncatePrefixAsync(ShardId shard, LogIndex index);

    /// <summary>One step of work; false when there was none.</summary>
    bool RunOnce();
}
