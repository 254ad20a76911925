using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>Appends on their way to a peer: a queue bounded in messages and in bytes.</summary>
/// <remarks>One message is always let through an empty window, however large. Not thread-safe.</remarks>
public sealed class InflightWindow
{
    private const int CapacityMin = 8;
    private readonly int _messagesMax;
    private readonly long _bytesMax;
    private (LogIndex Last, long Bytes)[] _ring = [];
    private int _start;

    /// <summary>An empty window.</summary>
    /// <param name="messagesMax">Messages on their way, at most.</param>
    /// <param name="bytesMax">The window is full from so many bytes on.</param>
    public InflightWindow(int messagesMax, long bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(messagesMax);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesMax);
        (_messagesMax, _bytesMax) = (messagesMax, bytesMax);
    }

    /// <summary>Messages on their way.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes on their way.</summary>
    public long Bytes { get; private set; }

    /// <summary>True when nothing more may be sent.</summary>
    public bool IsFull => Count >= _messagesMax || Bytes >= _bytesMax;

    /// <summary>A message went out; its last entry is behind that of the one before.</summary>
    public void Add(LogIndex last, long bytes)
    {
        Invariant.Assert(!IsFull);
        if (Count > 0) Invariant.Assert(_ring[(_start + Count - 1) % _ring.Length].Last < last);
        if (Count == _ring.Length) Grow();
        _ring[(_start + Count) % _ring.Length] = (last, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>The peer holds everything up to a place.</summary>
    public void FreeThrough(LogIndex index)
    {
        while (Count > 0 && _ring[_start].Last <= index) FreeFirst();
    }

    /// <summary>
    /// Gives up waiting for the oldest message, so that a lost one does not close the window for good.
    /// </summary>
    public void FreeFirst()
    {
        if (Count == 0) return;
        Bytes -= _ring[_start].Bytes;
        _start = (_start + 1) % _ring.Length;
        Count--;
    }

    /// <summary>Forgets all.</summary>
    public void Clear() => (Count, Bytes, _start) = (0, 0, 0);

    private void Grow()
    {
        var larger = new (LogIndex, long)[Math.Max(CapacityMin, _ring.Length * 2)];
        for (int i = 0; i < Count; i++) larger[i] = _ring[(_start + i) % _ring.Length];
        (_ring, _start) = (larger, 0);
    }
}
