using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>The answers to proposals that did not come to an outcome.</summary>
internal static class ProposalErrors
{
    public static KvError DeadlineBeforeProposed { get; } =
        new(KvCode.DeadlineExceeded, "The deadline passed before the operation was tried; it was not done");

    public static KvError DeadlineBehindProposed { get; } =
        new(KvCode.CommitTimeout, "COMMIT_TIMEOUT: the deadline passed before the outcome was known; it may have been done");

    public static KvError Cancelled { get; } =
        new(KvCode.Cancelled, "The caller gave up before the operation was tried; it was not done");

    public static KvError Unavailable(string why) => new(KvCode.Unavailable, $"{why}; the operation was not done");

    public static KvError OutcomeUnknown(string why) =>
        new(KvCode.CommitTimeout, $"COMMIT_TIMEOUT: {why}; the operation may have been done");

    public static KvError Overloaded(string why, TimeSpan retryAfter) =>
        new(KvCode.Overloaded, why) { RetryAfter = retryAfter };
}
