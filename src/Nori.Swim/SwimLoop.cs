namespace Nori.Swim;

/// <summary>The node's one thread: steps it, then waits for a datagram or the next deadline.</summary>
internal sealed class SwimLoop(SwimNode node)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the node has stopped; with the exception when a step threw.</summary>
    public Task Ended => _ended.Task;

    // Above normal: what competes for the processor here is what makes a node look dead to others.
    public void Start() =>
        new Thread(Run) { IsBackground = true, Name = "swim", Priority = ThreadPriority.AboveNormal }.Start();

    private void Run()
    {
        try
        {
            while (!node.IsStopped)
            {
                node.RunOnce();
                node.WaitForWork();
            }

            _ended.SetResult();
        }
        catch (Exception e)
        {
            // Our bug: a member that answers wrongly is worse than one that is silent, and its owner must hear of it.
            node.NoteFailed();
            _ended.SetException(e);
        }
    }
}
