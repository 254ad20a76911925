namespace NoriKV.Node.Replication;

/// <summary>
/// Answers of a node without threads: continuations run at the end of a step, in order, never inside the code that
/// answered. So one seed gives one order.
/// </summary>
internal sealed class CompletionQueue
{
    private readonly Queue<Proposal> _queue = new();

    public void Post(Proposal proposal) => _queue.Enqueue(proposal);

    /// <summary>Runs what was posted; true when there was anything.</summary>
    public bool Drain()
    {
        bool any = _queue.Count > 0;
        while (_queue.TryDequeue(out Proposal? proposal)) proposal.Complete();
        return any;
    }
}
