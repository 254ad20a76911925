using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The shared log as its one owner uses it: gather records of many groups, write them as one batch, sync once.</summary>
/// <remarks>Not thread-safe, apart from <see cref="DurableWatermark"/>.</remarks>
internal interface INodeLog : IDisposable
{
    /// <summary>Everything written up to this batch is durable.</summary>
    ulong DurableWatermark { get; }

    /// <summary>True when something was written that no sync covers.</summary>
    bool HasUnsynced { get; }

    /// <summary>What the log holds of a shard.</summary>
    NodeLogGroup Group(ShardId shard);

    /// <summary>
    /// After opening, before the first write: what damage may have taken from these replicas is noted durably, and their logs
    /// are cut before it. <see cref="Group"/> then says what became of each.
    /// </summary>
    void Contain(IReadOnlyList<ExpectedReplica> replicas);

    /// <summary>The replica has again what damage took: writes that; durable after the next sync.</summary>
    void Heal(ShardId shard, ReplicaId replica);

    /// <summary>Gathers an entry; its index is the group's last plus one.</summary>
    void Append(ShardId shard, ReplicaId replica, LogIndex index, Term term, ReadOnlyMemory<byte> envelope);

    /// <summary>Gathers a hard state.</summary>
    void HardState(ShardId shard, ReplicaId replica, Term term, ReplicaId vote, LogIndex commit);

    /// <summary>Gathers the loss of everything through an index.</summary>
    void TruncatePrefix(ShardId shard, ReplicaId replica, LogIndex index, Term term);

    /// <summary>Gathers that a snapshot takes the place of the whole log, which goes on behind the index.</summary>
    void InstallSnapshot(ShardId shard, ReplicaId replica, LogIndex index, Term term);

    /// <summary>
    /// Writes what was gathered as one batch, whole or absent after a crash; returns its watermark. On a full disk it throws
    /// a <see cref="Nori.IO.StorageException"/>, nothing was written and what was gathered is forgotten.
    /// </summary>
    ulong Write();

    /// <summary>Makes everything written durable: one fdatasync.</summary>
    void Sync();

    /// <summary>The term of an entry, from memory; also of the last truncated one.</summary>
    bool TryGetTerm(ShardId shard, LogIndex index, out Term term);

    /// <summary>Reads an entry.</summary>
    bool TryRead(ShardId shard, LogIndex index, out CommittedEntry entry);

    /// <summary>
    /// Deletes old segments that nothing needs: every batch in them below the watermark, every entry in tables. Rewrites a
    /// few laggards forward and syncs where that frees a segment.
    /// </summary>
    NodeLogGarbage CollectGarbage(ulong unflushedWatermark, Func<ShardId, LogIndex> flushed);

    /// <summary>For idle moments: notes, unsynced, how far the log is durable.</summary>
    void WriteDurableMark();

    /// <summary>Syncs, writes the exact end and closes. To dispose instead writes nothing: behind a failure.</summary>
    void Close();
}
