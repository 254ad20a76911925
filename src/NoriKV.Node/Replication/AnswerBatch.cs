namespace NoriKV.Node.Replication;

/// <summary>
/// Answers that are given together: one work item of the thread pool runs their continuations one after another. Waking the
/// pool for each of them costs more than most of them do, and what they send then leaves in fewer pieces.
/// </summary>
/// <remarks>Only where no continuation blocks (<see cref="NodeOptions.AnswersTogether"/>). Filled by one thread.</remarks>
internal sealed class AnswerBatch : IThreadPoolWorkItem
{
    /// <summary>More go to another work item, so that other processors have their part.</summary>
    private const int CountMax = 64;

    private readonly List<IPendingAnswer> _answers = [];

    /// <summary>Adds one; returns the batch for the next.</summary>
    public AnswerBatch Add(IPendingAnswer answer)
    {
        _answers.Add(answer);
        if (_answers.Count < CountMax) return this;
        Release();
        return new AnswerBatch();
    }

    /// <summary>Lets them go on.</summary>
    public void Release()
    {
        if (_answers.Count > 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        foreach (IPendingAnswer answer in _answers) answer.Complete();
    }
}
