using NoriKV.Node.Ports;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// Slots for snapshots to come, each given once in the life of a node. Written batches reach the disk in their order, so
/// the record of slots covers what follows it; ingested tables do not wait for it. So a block of slots is taken in a table
/// before the first of it is used (docs/decisions/0101).
/// </summary>
/// <remarks>One owner steps it.</remarks>
internal sealed class SlotReserve(NodeSlots slots, IStorage storage)
{
    /// <summary>Slots taken at a time: one flush for so many snapshots.</summary>
    public const uint BlockSlots = 64;

    private uint _next;
    private uint _limit;
    private uint _pendingLimit;
    private Task? _flush;
    private bool _wanted;

    /// <summary>True while slots were asked for and are not here.</summary>
    public bool IsFetching => _wanted || _flush is not null;

    /// <summary>Takes a slot; false when none is in reserve: the steps to come fetch some.</summary>
    public bool TryTake(out uint slot)
    {
        slot = _next;
        if (_next < _limit)
        {
            _next++;
            return true;
        }

        _wanted = true;
        return false;
    }

    /// <summary>Goes on fetching slots; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        if (_flush is { } flush)
        {
            if (!flush.IsCompleted) return false;
            _flush = null;
            // A flush that failed fails the engine; the slots it was for stay unused.
            if (flush.IsCompletedSuccessfully) _limit = _pendingLimit;
            return true;
        }

        if (!_wanted) return false;
        _wanted = false;
        return Begin();
    }

    private bool Begin()
    {
        try
        {
            _next = slots.Take(BlockSlots);
        }
        catch (IOException)
        {
            // A full disk: asked for again with the next snapshot. A failed engine: the node notices by itself.
            return false;
        }

        _limit = _next;
        _pendingLimit = _next + BlockSlots;
        _flush = storage.FlushAsync(CancellationToken.None).AsTask();
        return true;
    }
}
