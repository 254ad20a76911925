using NoriKV.Node.Machine;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// An entry on its way, and whoever waits for its outcome. It is answered exactly once: by the apply worker, by its
/// deadline, by a cancellation before it was proposed, or by the failure of the node.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class Proposal : PendingAnswer<KvResult<EntryOutcome>>
{
    private KvError _whenQueued = ProposalErrors.DeadlineBeforeProposed;

    /// <summary>A proposal for a shard.</summary>
    /// <param name="shard">Whose log.</param>
    /// <param name="envelope">The entry; the log stamps it.</param>
    /// <param name="enqueuedAt">Timestamp of its arrival.</param>
    /// <param name="answerBy">Timestamp by which it is answered come what may.</param>
    /// <param name="completions">Where continuations are posted; null: the thread pool runs them.</param>
    /// <param name="cancellationToken">Honoured while it is queued.</param>
    internal Proposal(
        ShardId shard,
        byte[] envelope,
        long enqueuedAt,
        long answerBy,
        CompletionQueue? completions,
        CancellationToken cancellationToken)
        : base(answerBy, completions, cancellationToken)
    {
        Shard = shard;
        Envelope = envelope;
        EnqueuedAt = enqueuedAt;
    }

    public ShardId Shard { get; }

    public byte[] Envelope { get; }

    public long EnqueuedAt { get; }

    /// <summary>
    /// Timestamp by which it is answered while it is queued: whoever made it tries elsewhere. <value>As long as it may take.</value>
    /// </summary>
    internal long QueuedBy { get; init; } = long.MaxValue;

    /// <summary>How many writes were in the node when it came.</summary>
    internal int Ahead { get; set; }

    /// <summary>It waited for a leader: its time says nothing about the queue.</summary>
    internal bool HasWaited { get; private set; }

    /// <summary>
    /// What gathers the stages of the request behind its answer; null where it is not traced. Workers only look whether it is.
    /// </summary>
    internal RequestProbe? Probe { get; init; }

    /// <summary>When its leader's core took it; written by the group's worker.</summary>
    internal long AppendedAt { get; set; }

    /// <summary>When a majority held it; written by the group's worker.</summary>
    internal long CommittedAt { get; set; }

    /// <summary>What became of its copies by then, of one that is traced or slow; written by the group's worker.</summary>
    internal WriteTimes? Times { get; set; }

    /// <summary>When the round began that applied it; written by the apply worker.</summary>
    internal long ApplyBeganAt { get; set; }

    /// <summary>When it was applied; written by the apply worker.</summary>
    internal long AppliedAt { get; set; }

    /// <summary>Why it waits: what it is answered with when its deadline comes first.</summary>
    internal void NoteWaiting(KvError error)
    {
        HasWaited = true;
        Volatile.Write(ref _whenQueued, error);
    }

    /// <summary>Answers it with one error while it is queued, with another (outcome unknown) once it was proposed.</summary>
    public bool TryFail(KvError whenQueued, KvError whenProposed) =>
        TryAnswerQueued(whenQueued) || TryAnswer(whenProposed);

    /// <inheritdoc/>
    public override void Fail(string why) =>
        TryFail(ProposalErrors.Unavailable(why), ProposalErrors.OutcomeUnknown(why));

    /// <inheritdoc/>
    protected override void Expire() =>
        TryFail(Volatile.Read(ref _whenQueued), ProposalErrors.DeadlineBehindProposed);

    /// <inheritdoc/>
    protected override void Look(long now)
    {
        if (now >= QueuedBy) TryAnswerQueued(Volatile.Read(ref _whenQueued));
    }

    /// <inheritdoc/>
    protected override void TryCancel() => TryAnswerQueued(ProposalErrors.Cancelled);
}
