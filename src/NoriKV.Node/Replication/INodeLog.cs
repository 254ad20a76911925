using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The shared log as its one owner uses it: gather records of many groups, write them as one batch, sync once.</summary>
/// <remarks>Not thread-safe, apart from <see cref="DurableWatermark"/>.</remarks>
internal interface INodeLog
{
    /// <summary>Everything written up to this batch is durable.</summary>
    ulong DurableWatermark { get; }

    /// <summary>Bytes of all segments.</summary>
    long SegmentBytesTotal { get; }

    /// <summary>What the log holds of a shard.</summary>
    NodeLogGroup Group(ShardId shard);

    /// <summary>Gathers an entry; its index is the group's last plus one.</summary>
    void Append(ShardId shard, ReplicaId replica, LogIndex index, Term term, ReadOnlyMemory<byte> envelope);

    /// <summary>Gathers a hard state.</summary>
    void HardState(ShardId shard, ReplicaId replica, Term term, ReplicaId vote, LogIndex commit);

    /// <summary>Gathers the loss of everything through an index.</summary>
    void TruncatePrefix(ShardId shard, ReplicaId replica, LogIndex index, Term term);

    /// <summary>Writes what was gathered as one batch, whole or absent after a crash; returns its watermark.</summary>
    ulong Write();

    /// <summary>Makes everything written durable: one fdatasync.</summary>
    void Sync();

    /// <summary>Reads an entry.</summary>
    bool TryRead(ShardId shard, LogIndex index, out Term term, out ReadOnlyMemory<byte> envelope);

    /// <summary>
    /// Deletes old segments that nothing needs: every batch in them below the watermark, every entry applied and flushed.
    /// Rewrites a few laggards forward and syncs where that frees a segment. True when something was done.
    /// </summary>
    bool CollectGarbage(ulong unflushedWatermark, IReadOnlyList<LogIndex> flushedByShard);

    /// <summary>Closes it; a clean close writes the exact end.</summary>
    void Close();
}
