namespace NoriKV.Node.Replication;

/// <summary>
/// Answers of a node without threads: continuations run at the end of a step, in order, never inside the code that
/// answered. So one seed gives one order.
/// </summary>
internal sealed class CompletionQueue
{
    private readonly Queue<IPendingAnswer> _queue = new();

    /// <summary>True when nothing was posted that has not run.</summary>
    public bool IsEmpty => _queue.Count == 0;

    public void Post(IPendingAnswer pending) => _queue.Enqueue(pending);

    /// <summary>Runs what was posted; true when there was anything.</summary>
    public bool Drain()
    {
        bool any = _queue.Count > 0;
        while (_queue.TryDequeue(out IPendingAnswer? pending)) pending.Complete();
        return any;
    }
}
