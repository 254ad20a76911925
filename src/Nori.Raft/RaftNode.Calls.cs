namespace Nori.Raft;

// Rare calls that run in the owner's step.
public sealed partial class RaftNode
{
    private const int CallsMax = 1024;
    private int _waitingCalls;

    // From another step of this replica; as many as it has work under way.
    private void Post(Action call)
    {
        _calls.Enqueue(call);
        WakeOwner();
    }

    private void Call<T>(TaskCompletionSource<T> done, Action call)
    {
        ThrowIfStopped();
        if (Interlocked.Increment(ref _waitingCalls) > CallsMax)
        {
            Interlocked.Decrement(ref _waitingCalls);
            throw new InvalidOperationException($"{CallsMax} calls wait already");
        }

        void Abandon(Exception? failure) => done.TrySetException(new RaftStoppedException(failure));
        lock (_abandon) _abandon.Add(Abandon);
        _ = done.Task.ContinueWith(
            _ =>
            {
                Interlocked.Decrement(ref _waitingCalls);
                lock (_abandon) _abandon.Remove(Abandon);
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        Post(call);
        if (_isStopped) Abandon(Failure);
    }

    private bool TakeCalls()
    {
        bool worked = false;
        while (_calls.TryDequeue(out Action? call))
        {
            call();
            worked = true;
        }

        return worked;
    }

    private void AbandonCalls(Exception? failure)
    {
        Action<Exception?>[] all;
        lock (_abandon) all = [.. _abandon];
        foreach (Action<Exception?> abandon in all) abandon(failure);
    }
}
