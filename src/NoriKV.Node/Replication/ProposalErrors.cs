using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The answers to requests that did not come to an outcome.</summary>
internal static class ProposalErrors
{
    public static KvError DeadlineBeforeProposed { get; } =
        new(KvCode.DeadlineExceeded, "The deadline passed before the operation was tried; it was not done");

    public static KvError DeadlineBehindProposed { get; } =
        new(KvCode.CommitTimeout, "COMMIT_TIMEOUT: the deadline passed before the outcome was known; it may have been done");

    public static KvError NoReadIndexInTime { get; } =
        new(KvCode.DeadlineExceeded, "The deadline passed before a majority confirmed the read");

    public static KvError NoQuorum { get; } =
        new(KvCode.QuorumUnavailable, "QUORUM_UNAVAILABLE: the shard has no leader; the operation was not done");

    public static KvError CommandLate { get; } =
        new(KvCode.DeadlineExceeded, "The deadline passed before it was done; it may still happen");

    public static KvError Cancelled { get; } =
        new(KvCode.Cancelled, "The caller gave up before the operation was tried; it was not done");

    public static KvError Unavailable(string why) => new(KvCode.Unavailable, $"{why}; the operation was not done");

    public static KvError OutcomeUnknown(string why) =>
        new(KvCode.CommitTimeout, $"COMMIT_TIMEOUT: {why}; the operation may have been done");

    public static KvError Overloaded(string why, TimeSpan retryAfter) =>
        new(KvCode.Overloaded, why) { RetryAfter = retryAfter };

    public static KvError NotLeader(ShardId shard, string? hint) =>
        new(KvCode.NotLeader, $"NOT_LEADER: this node does not lead shard {shard}; the operation was not done")
        {
            LeaderHint = string.IsNullOrEmpty(hint) ? null : hint,
        };
}
