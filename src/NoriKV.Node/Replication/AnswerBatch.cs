namespace NoriKV.Node.Replication;

/// <summary>
/// Answers that are given together: their continuations run one after another, where the node's owner runs them. Waking a thread
/// for each of them costs more than most of them do, and what they send then leaves in fewer pieces.
/// </summary>
/// <remarks>Only where no continuation blocks (<see cref="NodeOptions.RunAnswers"/>). Filled by one thread.</remarks>
internal sealed class AnswerBatch(Action<Action> run)
{
    /// <summary>More go by themselves, so that other processors have their part.</summary>
    private const int CountMax = 64;

    private readonly List<IPendingAnswer> _answers = [];

    /// <summary>A batch; null where each answer goes by itself.</summary>
    public static AnswerBatch? For(Action<Action>? run) => run is null ? null : new AnswerBatch(run);

    /// <summary>Adds one; returns the batch for the next.</summary>
    public AnswerBatch Add(IPendingAnswer answer)
    {
        _answers.Add(answer);
        if (_answers.Count < CountMax) return this;
        Release();
        return new AnswerBatch(run);
    }

    /// <summary>Lets them go on.</summary>
    public void Release()
    {
        if (_answers.Count > 0) run(Complete);
    }

    private void Complete()
    {
        foreach (IPendingAnswer answer in _answers) answer.Complete();
    }
}
