using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// What one record does to the index; the same for records just written and for records found at start.
/// </summary>
internal readonly record struct LogOperation(
    LogRecordKind Kind, bool ReplacesLog, ShardId Shard, ReplicaId Replica, LogIndex Index, Term Term, ReplicaId Vote)
{
    public HardState HardState => new(Term, Vote, Index);

    public static LogOperation From(in LogRecord record) =>
        new(record.Kind, record.ReplacesLog, record.Shard, record.Replica, record.Index, record.Term, record.Vote);
}
