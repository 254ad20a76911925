namespace NoriKV.Types;

/// <summary>Durations as the wire writes them: unsigned milliseconds where 0 means none.</summary>
public static class WireDuration
{
    /// <summary>The longest duration kept (about 14,000 years); what is above it is cut to it.</summary>
    public static TimeSpan Max { get; } = TimeSpan.FromTicks(TimeSpan.MaxValue.Ticks / 2);

    /// <summary>The duration of so many milliseconds; null for 0.</summary>
    public static TimeSpan? FromMilliseconds(ulong milliseconds) =>
        milliseconds == 0 ? null
        : milliseconds >= (ulong)Max.TotalMilliseconds ? Max
        : TimeSpan.FromTicks((long)milliseconds * TimeSpan.TicksPerMillisecond);
}
