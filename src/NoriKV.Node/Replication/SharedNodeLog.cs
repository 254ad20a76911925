using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The shared log behind the port of its one owner.</summary>
internal sealed class SharedNodeLog(SharedLog log) : INodeLog
{
    private readonly SharedLogBatch _batch = new();

    public ulong DurableWatermark => log.DurableWatermark;

    public bool HasUnsynced => log.HasUnsynced;

    public NodeLogGroup Group(ShardId shard)
    {
        if (log.GroupState(shard) is not { } state) return NodeLogGroup.Empty;
        HardState hard = state.HardState ?? default;
        return new NodeLogGroup(
            state.Replica, state.FirstIndex, state.LastIndex, state.LastTerm, hard.Term, hard.Commit)
        {
            Damage = state.Damage,
            WhyNeverBack = state.Damage == LogDamage.HardState ? LogDamageText.NeverBack(log.Directory, state) : null,
        };
    }

    public void Contain(IReadOnlyList<ExpectedReplica> replicas) => log.Contain(replicas);

    public void Heal(ShardId shard, ReplicaId replica) => log.Heal(shard, replica);

    public void Append(ShardId shard, ReplicaId replica, LogIndex index, Term term, ReadOnlyMemory<byte> envelope) =>
        _batch.Append(shard, replica, index, term, envelope.Span);

    public void HardState(ShardId shard, ReplicaId replica, Term term, ReplicaId vote, LogIndex commit) =>
        _batch.HardState(shard, replica, term, vote, commit);

    public void TruncatePrefix(ShardId shard, ReplicaId replica, LogIndex index, Term term) =>
        _batch.TruncatePrefix(shard, replica, index, term);

    public void InstallSnapshot(ShardId shard, ReplicaId replica, LogIndex index, Term term) =>
        _batch.InstallSnapshot(shard, replica, index, term);

    public bool TryGetTerm(ShardId shard, LogIndex index, out Term term) => log.TryGetTerm(shard, index, out term);

    public ulong Write()
    {
        try
        {
            return log.Write(_batch);
        }
        finally
        {
            // A refused batch is not tried again: whoever proposed it is told that it was not done.
            _batch.Clear();
        }
    }

    public void Sync() => log.Sync();

    public bool TryRead(ShardId shard, LogIndex index, out CommittedEntry entry)
    {
        bool found = log.TryReadEntry(shard, index, out LogEntry read);
        entry = new CommittedEntry(shard, read.Index, read.Term, read.Envelope, read.Watermark, null);
        return found;
    }

    public NodeLogGarbage CollectGarbage(ulong unflushedWatermark, Func<ShardId, LogIndex> flushed)
    {
        GarbageReport report = log.CollectGarbage(unflushedWatermark, flushed);
        return new NodeLogGarbage(
            report.SegmentsDeleted, report.PinnedByUnflushed + report.PinnedByGroups > 0, log.Segments.Count);
    }

    public void WriteDurableMark() => log.WriteDurableMark();

    public void Close()
    {
        log.Close();
        _batch.Dispose();
    }

    public void Dispose()
    {
        log.Dispose();
        _batch.Dispose();
    }
}
