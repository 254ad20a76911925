using System.Threading.Tasks.Sources;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Replication;

/// <summary>
/// An entry on its way, and whoever waits for its outcome. It is answered exactly once: by the apply worker, by its
/// deadline, by a cancellation before it was proposed, or by the failure of the node.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class Proposal : IValueTaskSource<KvResult<EntryOutcome>>
{
    private const int Queued = 0;
    private const int Proposed = 1;
    private const int Answered = 2;

    private readonly CompletionQueue? _completions;
    private ManualResetValueTaskSourceCore<KvResult<EntryOutcome>> _core;
    private KvResult<EntryOutcome> _result;
    private int _phase;

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
    {
        Shard = shard;
        Envelope = envelope;
        EnqueuedAt = enqueuedAt;
        AnswerBy = answerBy;
        CancellationToken = cancellationToken;
        _completions = completions;
        // Continuations never run inline on a loop's thread: a client's code would hold up the log.
        _core.RunContinuationsAsynchronously = completions is null;
    }

    public ShardId Shard { get; }

    public byte[] Envelope { get; }

    public long EnqueuedAt { get; }

    public long AnswerBy { get; }

    public CancellationToken CancellationToken { get; }

    public bool IsAnswered => Volatile.Read(ref _phase) == Answered;

    /// <summary>Its outcome; await it once.</summary>
    public ValueTask<KvResult<EntryOutcome>> Outcome => new(this, _core.Version);

    /// <summary>Marks it as proposed; false when it was answered before. From here on its outcome may be unknown.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _phase, Proposed, Queued) == Queued;

    /// <summary>Answers it; false when it was answered before.</summary>
    public bool TryAnswer(KvResult<EntryOutcome> result)
    {
        if (Interlocked.Exchange(ref _phase, Answered) == Answered) return false;
        Post(result);
        return true;
    }

    /// <summary>Answers it with one error while it is queued, with another (outcome unknown) once it was proposed.</summary>
    public bool TryFail(KvError whenQueued, KvError whenProposed)
    {
        if (Interlocked.CompareExchange(ref _phase, Answered, Queued) == Queued)
        {
            Post(whenQueued);
            return true;
        }

        return TryAnswer(whenProposed);
    }

    /// <summary>Answers it where its deadline has come or its caller gave up; true when it needs no more watching.</summary>
    public bool ExpireIfDue(long now)
    {
        if (IsAnswered) return true;
        if (now >= AnswerBy)
        {
            TryFail(ProposalErrors.DeadlineBeforeProposed, ProposalErrors.DeadlineBehindProposed);
            return true;
        }

        if (CancellationToken.IsCancellationRequested
            && Interlocked.CompareExchange(ref _phase, Answered, Queued) == Queued)
        {
            Post(ProposalErrors.Cancelled);
        }

        return IsAnswered;
    }

    /// <summary>Wakes whoever waits.</summary>
    internal void Complete() => _core.SetResult(_result);

    private void Post(KvResult<EntryOutcome> result)
    {
        _result = result;
        if (_completions is null) Complete();
        else _completions.Post(this);
    }

    KvResult<EntryOutcome> IValueTaskSource<KvResult<EntryOutcome>>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<KvResult<EntryOutcome>>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<KvResult<EntryOutcome>>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
