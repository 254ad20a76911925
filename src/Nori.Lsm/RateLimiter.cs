namespace Nori.Lsm;

/// <summary>
/// Counts bytes that background work wrote and says how long it should rest to keep to a rate.
/// </summary>
/// <remarks>
/// Thread-safe. Flushes count, but only compactions rest: a flush that waits would stop writers.
/// </remarks>
internal sealed class RateLimiter(long bytesPerSecond, TimeProvider time)
{
    private static readonly TimeSpan RestMax = TimeSpan.FromSeconds(1);

    // Guards _owedUntil.
    private readonly Lock _lock = new();
    private long _owedUntil = time.GetTimestamp();

    public void Note(long bytes)
    {
        if (bytesPerSecond == 0 || bytes <= 0) return;
        long ticks = (long)(bytes / (double)bytesPerSecond * time.TimestampFrequency);
        lock (_lock) _owedUntil = Math.Max(_owedUntil, time.GetTimestamp()) + ticks;
    }

    /// <summary>How long to rest before the next step; zero when within the rate.</summary>
    public TimeSpan Rest()
    {
        if (bytesPerSecond == 0) return TimeSpan.Zero;
        long now = time.GetTimestamp();
        lock (_lock)
        {
            if (_owedUntil <= now) return TimeSpan.Zero;
            TimeSpan rest = time.GetElapsedTime(now, _owedUntil);
            return rest < RestMax ? rest : RestMax;
        }
    }
}
