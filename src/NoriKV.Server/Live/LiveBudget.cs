namespace NoriKV.Server.Live;

/// <summary>
/// What one watcher may be sent: 20 messages and 150 kbit a second, in any second. A token bucket: what leaves in a second is at most
/// what it holds and what comes in that time. Long messages leave in pieces; what is too much waits, and as messages tell differences
/// of state, what waits melts together.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class LiveBudget(TimeProvider time)
{
    /// <summary>150 kbit.</summary>
    public const int BytesOfASecondMax = 150_000 / 8;

    /// <summary>Bytes that come back in a second.</summary>
    public const int BytesPerSecond = 15_000;

    /// <summary>Bytes that may leave at once.</summary>
    public const int BytesAtOnce = BytesOfASecondMax - BytesPerSecond;

    /// <summary>Bytes of a piece.</summary>
    public const int PieceBytesMax = 1400;

    /// <summary>What a piece takes beside its bytes: frame, TLS, TCP and IP.</summary>
    public const int OverheadBytes = 80;

    /// <summary>Shortest time between two messages.</summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    private double _left = BytesAtOnce;
    private long _at = time.GetTimestamp();
    private long _endedAt;

    /// <summary>How long to wait before a piece may leave.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="begins">It begins a message.</param>
    public TimeSpan Wait(int bytes, bool begins)
    {
        Refill();
        double owed = bytes + OverheadBytes - _left;
        TimeSpan wait = owed <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(owed / BytesPerSecond);
        if (!begins || _endedAt == 0) return wait;
        TimeSpan spacing = Spacing - time.GetElapsedTime(_endedAt);
        return spacing > wait ? spacing : wait;
    }

    /// <summary>A piece leaves.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="ends">It ends a message.</param>
    public void Spend(int bytes, bool ends)
    {
        Refill();
        _left -= bytes + OverheadBytes;
        if (ends) _endedAt = time.GetTimestamp();
    }

    private void Refill()
    {
        long now = time.GetTimestamp();
        _left = Math.Min(BytesAtOnce, _left + (time.GetElapsedTime(_at, now).TotalSeconds * BytesPerSecond));
        _at = now;
    }
}
