namespace NoriKV.Node.Replication;

/// <summary>
/// How long a write that is taken now will wait, told from those that came out lately: how long each was in the node, for each
/// one that was there before it. Only crowds are looked at, and only for a while: of a node with few writes in flight the time of
/// a sync says nothing about a queue.
/// </summary>
/// <remarks>Thread-safe. The lock guards what was seen.</remarks>
internal sealed class QueuePace(TimeProvider time)
{
    /// <summary>With fewer in flight nothing is told, and nothing noted.</summary>
    public const int CrowdMin = 64;

    private const double Weight = 0.2;

    // Behind an election or a stall of the disk the pace before it says nothing any more.
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private double _ticksEach;
    private long _notedAt;
    private bool _isKnown;

    /// <summary>Some came out together.</summary>
    /// <param name="waited">Timestamps they were in the node for, added up.</param>
    /// <param name="ahead">How many were there when each of them came, added up.</param>
    public void Note(long waited, long ahead)
    {
        if (ahead <= 0) return;
        double each = waited / (double)ahead;
        lock (_lock)
        {
            _ticksEach = IsKnownLocked() ? _ticksEach + (Weight * (each - _ticksEach)) : each;
            _notedAt = time.GetTimestamp();
            _isKnown = true;
        }
    }

    /// <summary>How long one waits behind so many; zero where that is not known.</summary>
    public TimeSpan Expect(long ahead)
    {
        if (ahead < CrowdMin) return TimeSpan.Zero;
        lock (_lock)
        {
            return IsKnownLocked() ? TimeSpan.FromSeconds(ahead * _ticksEach / time.TimestampFrequency) : TimeSpan.Zero;
        }
    }

    private bool IsKnownLocked() => _isKnown && time.GetElapsedTime(_notedAt) < KnownFor;
}
