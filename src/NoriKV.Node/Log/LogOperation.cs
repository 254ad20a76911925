using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>
/// What one record does to the index; the same for records just written and for records found at start.
/// </summary>
internal readonly record struct LogOperation(
    LogRecordKind Kind, bool ReplacesLog, ShardId Shard, ReplicaId Replica, LogIndex Index, Term Term, ReplicaId Vote)
{
    /// <summary>With a hard state: what the group lost, from here on.</summary>
    public LogMark? Mark { get; init; }

    /// <summary>True for a copy that the log itself makes.</summary>
    public bool IsCopy { get; init; }

    public HardState HardState => new(Term, Vote, Index);

    public static LogOperation From(in LogRecord record) =>
        new(record.Kind, record.ReplacesLog, record.Shard, record.Replica, record.Index, record.Term, record.Vote)
        {
            Mark = record.Mark,
            IsCopy = record.IsCopy,
        };
}
