using NoriKV.Node.Replication;
using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>
/// The logs of all shards on this node: takes proposals, makes them durable on a majority, and hands what is committed on
/// for applying, in order per shard.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public interface IReplicatedLog
{
    /// <summary>
    /// Takes a proposal: null when taken (its outcome comes through the proposal), otherwise why not (overload, no replica
    /// here, stopped), and nothing was done.
    /// </summary>
    KvError? TryPropose(Proposal proposal);

    /// <summary>Waits until a read of this consistency may look at the state.</summary>
    ValueTask<ReadBarrier> ReadBarrierAsync(ShardId shard, ReadOptions options, long deadline);

    /// <summary>
    /// Asked behind the read, of barriers that must be confirmed: whether what was read is an answer. After false the read
    /// begins anew, with <see cref="ReadIndexAsync"/>.
    /// </summary>
    bool Confirm(ShardId shard, in ReadBarrier barrier);

    /// <summary>As <see cref="ReadBarrierAsync"/>, but by asking a majority: needs no confirming.</summary>
    ValueTask<ReadBarrier> ReadIndexAsync(ShardId shard, ReadOptions options, long deadline);

    /// <summary>Where the shard's log stands.</summary>
    ReplicaStatus Status(ShardId shard);

    /// <summary>Moves leadership to another replica of the shard.</summary>
    ValueTask<KvError?> TransferAsync(ShardId shard, NodeNumber target, long deadline);

    /// <summary>Cuts the log's beginning off, through an index that tables hold; answered when that is durable.</summary>
    ValueTask<KvError?> TruncatePrefixAsync(ShardId shard, LogIndex index);
}
