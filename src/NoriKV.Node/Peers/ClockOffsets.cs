namespace NoriKV.Node.Peers;

/// <summary>
/// How far a peer's wall clock is ahead of this node's monotonic one, measured by frames: each says the clock at its sending, and its
/// way makes the difference smaller, never larger. So the largest of the last ones, of about a second, is the nearest.
/// </summary>
internal sealed class ClockOffsets
{
    private const int Samples = 8;
    private readonly long[] _samples = new long[Samples];
    private int _count;

    /// <summary>True before the first frame.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>In milliseconds; 0 before the first frame.</summary>
    public long Best { get; private set; }

    public void Add(long offset)
    {
        _samples[_count % Samples] = offset;
        // Where it wraps does not matter, only that it never falls back below a whole window.
        _count = _count == int.MaxValue ? Samples : _count + 1;
        Best = long.MinValue;
        foreach (long sample in _samples.AsSpan(0, Math.Min(_count, Samples))) Best = Math.Max(Best, sample);
    }

    public void Clear() => (_count, Best) = (0, 0);
}
