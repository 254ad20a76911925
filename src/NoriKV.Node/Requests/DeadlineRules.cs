using NoriKV.Types;

namespace NoriKV.Node.Requests;

/// <summary>When a request must be answered: a margin before its deadline, half of what is left where that is short.</summary>
internal sealed class DeadlineRules(TimeProvider time, TimeSpan margin, TimeSpan timeout)
{
    private readonly long _margin = Ticks(time, margin);
    private readonly long _timeout = Ticks(time, timeout);

    /// <summary>The timestamp by which to answer; <see cref="long.MaxValue"/> as deadline means none was given.</summary>
    public long AnswerBy(long now, long deadline)
    {
        if (deadline == long.MaxValue) return now + _timeout;
        long left = deadline - now;
        return left <= 2 * _margin ? now + Math.Max(0, left / 2) : deadline - _margin;
    }

    /// <summary>The answer to a request that came too late or was given up; null where it may go on.</summary>
    public static KvError? Check(long now, RequestContext context)
    {
        if (context.CancellationToken.IsCancellationRequested) return Replication.ProposalErrors.Cancelled;
        return now >= context.Deadline ? Replication.ProposalErrors.DeadlineBeforeProposed : null;
    }

    private static long Ticks(TimeProvider time, TimeSpan span) =>
        (long)(span.TotalSeconds * time.TimestampFrequency);
}
