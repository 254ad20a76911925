using NoriKV.Node.Log;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>A record for the log.</summary>
internal readonly record struct LogWrite(
    LogWriteKind Kind, ShardId Shard, ReplicaId Replica, LogIndex Index, Term Term, ReplicaId Vote,
    ReadOnlyMemory<byte> Envelope)
{
    public static LogWrite Entry(RaftGroup group, ulong index, ulong term, ReadOnlyMemory<byte> envelope) => new(
        LogWriteKind.Entry, group.Shard, group.Replica, new LogIndex(index), new Term(term), default, envelope);

    public static LogWrite HardState(RaftGroup group, ulong term, ulong vote, ulong commit) => new(
        LogWriteKind.HardState, group.Shard, group.Replica, new LogIndex(commit), new Term(term), new ReplicaId(vote),
        default);

    public static LogWrite Prefix(LogWriteKind kind, RaftGroup group, ulong index, ulong term) => new(
        kind, group.Shard, group.Replica, new LogIndex(index), new Term(term), default, default);

    public static LogWrite Clean(ShardId shard, ReplicaId replica) =>
        new(LogWriteKind.Clean, shard, replica, default, default, default, default);

    public void AddTo(SharedLogBatch batch)
    {
        switch (Kind)
        {
            case LogWriteKind.Entry:
                batch.Append(Shard, Replica, Index, Term, Envelope.Span);
                break;
            case LogWriteKind.HardState:
                batch.HardState(Shard, Replica, Term, Vote, Index);
                break;
            case LogWriteKind.TruncatePrefix:
                batch.TruncatePrefix(Shard, Replica, Index, Term);
                break;
            case LogWriteKind.InstallSnapshot:
                batch.InstallSnapshot(Shard, Replica, Index, Term);
                break;
            case LogWriteKind.Clean:
                batch.Clean(Shard, Replica);
                break;
            default:
                throw Nori.Core.Invariant.Unreachable("a kind of log write");
        }
    }
}
