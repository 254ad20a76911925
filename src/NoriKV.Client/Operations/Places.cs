using NoriKV.Types;

namespace NoriKV.Client.Operations;

/// <summary>The bound on operations in flight: more wait here, in order, until their deadline.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Places(int max, TimeProvider time, CancellationToken disposed) : IDisposable
{
    private readonly SemaphoreSlim _free = new(max, max);

    public int InUse => max - _free.CurrentCount;

    /// <summary>Takes a place.</summary>
    /// <param name="deadline">A timestamp; <see cref="long.MaxValue"/> for none.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public ValueTask EnterAsync(long deadline, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Hot path: a free place costs no allocation.
        return _free.Wait(0, CancellationToken.None) ? default : new ValueTask(WaitAsync(deadline, cancellationToken));
    }

    public void Leave() => _free.Release();

    public void Dispose() => _free.Dispose();

    private async Task WaitAsync(long deadline, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(OperationRunner.Left(deadline, time), time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken, disposed);
        try
        {
            await _free.WaitAsync(any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NoriKVException.From(disposed.IsCancellationRequested
                ? new KvError(KvCode.Cancelled, "the client was disposed")
                : new KvError(
                    KvCode.DeadlineExceeded,
                    $"the deadline passed while {max} operations were in flight; this one was not tried"));
        }
    }
}
