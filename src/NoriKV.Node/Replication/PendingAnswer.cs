using System.Threading.Tasks.Sources;

namespace NoriKV.Node.Replication;

/// <summary>An answer on its way: queued, then perhaps begun (from there on its outcome may be unknown), then answered once.</summary>
/// <remarks>Thread-safe. Continuations never run inline on a thread of the node: a client's code would hold it up.</remarks>
public abstract class PendingAnswer<T> : IValueTaskSource<T>, IPendingAnswer
{
    private const int Queued = 0;
    private const int Begun = 1;
    private const int Answered = 2;

    private readonly CompletionQueue? _completions;
    private ManualResetValueTaskSourceCore<T> _core;
    private T? _result;
    private int _phase;

    /// <summary>A question.</summary>
    /// <param name="answerBy">Timestamp by which it is answered come what may.</param>
    /// <param name="completions">Where continuations are posted; null: the thread pool runs them.</param>
    /// <param name="cancellationToken">Honoured while it is queued.</param>
    private protected PendingAnswer(long answerBy, CompletionQueue? completions, CancellationToken cancellationToken)
    {
        AnswerBy = answerBy;
        CancellationToken = cancellationToken;
        _completions = completions;
        _core.RunContinuationsAsynchronously = completions is null;
    }

    public long AnswerBy { get; }

    public CancellationToken CancellationToken { get; }

    public bool IsAnswered => Volatile.Read(ref _phase) == Answered;

    /// <summary>Its answer; await it once.</summary>
    public ValueTask<T> Outcome => new(this, _core.Version);

    /// <summary>Marks it as begun; false when it was answered before.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _phase, Begun, Queued) == Queued;

    /// <summary>Marks it as queued again: what was begun is certain not to have happened; false when it was answered.</summary>
    public bool TryRequeue() => Interlocked.CompareExchange(ref _phase, Queued, Begun) == Begun;

    /// <summary>Answers it; false when it was answered before.</summary>
    public bool TryAnswer(T result)
    {
        AnswerBatch? alone = null;
        return TryAnswer(result, ref alone);
    }

    /// <summary>Answers it together with others, where a batch is given; false when it was answered before.</summary>
    internal bool TryAnswer(T result, ref AnswerBatch? batch)
    {
        if (Interlocked.Exchange(ref _phase, Answered) == Answered) return false;
        Post(result, ref batch);
        return true;
    }

    /// <inheritdoc/>
    public bool ExpireIfDue(long now)
    {
        if (IsAnswered) return true;
        if (now >= AnswerBy)
        {
            Expire();
            return true;
        }

        if (CancellationToken.IsCancellationRequested) TryCancel();
        else Look(now);
        return IsAnswered;
    }

    /// <inheritdoc/>
    public abstract void Fail(string why);

    /// <summary>Neither has happened; there may be another reason to answer it.</summary>
    protected virtual void Look(long now)
    {
    }

    /// <summary>The deadline has come.</summary>
    protected abstract void Expire();

    /// <summary>Its caller gave up.</summary>
    protected abstract void TryCancel();

    /// <summary>Answers it if it is still queued.</summary>
    protected bool TryAnswerQueued(T result)
    {
        if (Interlocked.CompareExchange(ref _phase, Answered, Queued) != Queued) return false;
        AnswerBatch? alone = null;
        Post(result, ref alone);
        return true;
    }

    void IPendingAnswer.Complete()
    {
        // Whoever calls this is where continuations may run.
        _core.RunContinuationsAsynchronously = false;
        _core.SetResult(_result!);
    }

    private void Post(T result, ref AnswerBatch? batch)
    {
        _result = result;
        if (_completions is not null) _completions.Post(this);
        else if (batch is not null) batch = batch.Add(this);
        else _core.SetResult(result);
    }

    T IValueTaskSource<T>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
