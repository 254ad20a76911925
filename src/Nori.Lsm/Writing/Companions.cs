using System.Diagnostics;

namespace Nori.Lsm.Writing;

/// <summary>
/// How long a leader about to sync waits for the writers that wrote together last time. Woken one after the other, they come
/// back during the next sync; without a wait one of them leads alone, the others wait for two syncs, and every second sync
/// serves one write (docs/decisions/0144).
/// </summary>
/// <remarks>
/// A leader without companions never waits, so one thread that writes alone is as fast as the disk. Used by the leader only.
/// </remarks>
internal sealed class Companions
{
    // Of the time that a sync takes: what a wait in vain costs at most.
    private const int PartOfSync = 4;
    private static readonly long WaitTicksMax = Stopwatch.Frequency / 1000;

    private int _lastGroup;
    private long _syncTicks;

    /// <summary>Waits until as many writes as last time are together, or it no longer pays.</summary>
    public void Await(WriteQueue queue)
    {
        int missing = _lastGroup - 1;
        if (missing <= 0 || queue.Waiting >= missing) return;
        long until = Stopwatch.GetTimestamp() + Math.Min(_syncTicks / PartOfSync, WaitTicksMax);
        // Gives the processor to those that are awaited; a timed wait would be coarser than the whole wait.
        while (queue.Waiting < missing && Stopwatch.GetTimestamp() < until) Thread.Yield();
    }

    /// <summary>So many writes shared a log write and its sync, which took so long together.</summary>
    public void Note(int writes, long ticks)
    {
        _lastGroup = writes;
        _syncTicks = _syncTicks == 0 ? ticks : _syncTicks + ((ticks - _syncTicks) / 8);
    }
}
