using Nori.Core;

namespace Nori.Lsm.Writing;

/// <summary>
/// Who writes next. At most one leads: it commits its own write together with those that queued up meanwhile,
/// then passes
/// the lead on. A leader is a thread that wrote, or the commit thread on behalf of awaiting callers.
/// </summary>
internal sealed class WriteQueue
{
    // Guards _waiting and _isLed.
    private readonly Lock _lock = new();
    private readonly Queue<PendingWrite> _waiting = new();
    private bool _isLed;
    private int _count;

    /// <summary>Writes that wait now; read without the lock.</summary>
    public int Waiting => Volatile.Read(ref _count);

    /// <summary>Takes the lead if nobody has it.</summary>
    public bool TryLead()
    {
        lock (_lock)
        {
            if (_isLed) return false;
            return _isLed = true;
        }
    }

    /// <summary>
    /// Queues the write; true when nobody leads, and then the caller does, with this write not in the queue.
    /// </summary>
    public bool LeadOrWait(PendingWrite write)
    {
        lock (_lock)
        {
            if (!_isLed)
            {
                _isLed = true;
                return true;
            }

            _waiting.Enqueue(write);
            Volatile.Write(ref _count, _waiting.Count);
            return false;
        }
    }

    /// <summary>Moves waiting writes into the leader's group, up to the bytes, in order.</summary>
    public void Gather(List<PendingWrite> group, long bytesLeft)
    {
        lock (_lock)
        {
            Invariant.Assert(_isLed);
            while (_waiting.TryPeek(out PendingWrite? next) && next.Batch is { } batch && batch.Bytes <= bytesLeft)
            {
                bytesLeft -= batch.Bytes;
                group.Add(_waiting.Dequeue());
            }

            Volatile.Write(ref _count, _waiting.Count);
        }
    }

    /// <summary>Ends the lead; returns the write that leads next, null when none waits.</summary>
    public PendingWrite? PassOn()
    {
        lock (_lock)
        {
            Invariant.Assert(_isLed);
            bool any = _waiting.TryDequeue(out PendingWrite? next);
            if (any) Volatile.Write(ref _count, _waiting.Count);
            else _isLed = false;
            return next;
        }
    }
}
