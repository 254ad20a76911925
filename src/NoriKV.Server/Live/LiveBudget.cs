namespace NoriKV.Server.Live;

/// <summary>
/// What one watcher may be sent: 20 messages and 150 kbit a second. What is too much waits; as messages tell differences of
/// state, what waits melts together.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class LiveBudget(TimeProvider time)
{
    /// <summary>Bytes a second of messages; with what may leave at once, less than 150 kbit/s of any five seconds.</summary>
    public const int BytesPerSecond = 14_000;

    /// <summary>Bytes that may leave at once: a first picture.</summary>
    public const int BytesAtOnce = 20 << 10;

    /// <summary>Shortest time between two messages.</summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    private double _left = BytesAtOnce;
    private long _at = time.GetTimestamp();
    private long _sentAt;

    /// <summary>How long to wait before the next message may leave.</summary>
    public TimeSpan Wait()
    {
        Refill();
        TimeSpan owed = _left >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_left / BytesPerSecond);
        TimeSpan spacing = _sentAt == 0 ? TimeSpan.Zero : Spacing - time.GetElapsedTime(_sentAt);
        return owed > spacing ? owed : spacing > TimeSpan.Zero ? spacing : TimeSpan.Zero;
    }

    /// <summary>True while there is room for what can wait, too.</summary>
    public bool HasRoom
    {
        get
        {
            Refill();
            return _left > BytesPerSecond / 4;
        }
    }

    /// <summary>A message left. It may be longer than what was left: the next ones pay.</summary>
    public void Spend(int bytes)
    {
        Refill();
        _left -= bytes;
        _sentAt = time.GetTimestamp();
    }

    private void Refill()
    {
        long now = time.GetTimestamp();
        _left = Math.Min(BytesAtOnce, _left + (time.GetElapsedTime(_at, now).TotalSeconds * BytesPerSecond));
        _at = now;
    }
}
