using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Node.Replication;
using NoriKV.Node.Snapshots;
using NoriKV.Types;

namespace NoriKV.Node.Tests.Snapshots;

/// <summary>The shared log as these tests use it: gather, write, sync.</summary>
internal sealed class PeerLog(SharedLog log) : IDisposable
{
    private readonly SharedLogBatch _batch = new();

    public ulong DurableWatermark => log.DurableWatermark;

    public bool HasUnsynced => log.HasUnsynced;

    public PeerLogGroup Group(ShardId shard)
    {
        if (log.GroupState(shard) is not { } state) return PeerLogGroup.Empty;
        HardState hard = state.HardState ?? default;
        return new PeerLogGroup(
            state.Replica, state.FirstIndex, state.LastIndex, state.LastTerm, hard.Term, hard.Commit);
    }

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

    /// <summary>The last step of an install, where a crash left it out.</summary>
    public bool Complete(ShardState state) => SnapshotBase.Complete(state, log, _batch);
}
