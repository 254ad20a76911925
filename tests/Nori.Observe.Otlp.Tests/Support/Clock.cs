namespace Nori.Observe.Otlp.Tests;

/// <summary>A clock that stands until it is told.</summary>
internal sealed class Clock : TimeProvider
{
    private long _ticks = 1;

    public static DateTimeOffset Start { get; } = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public override DateTimeOffset GetUtcNow() => Start + TimeSpan.FromTicks(GetTimestamp() - 1);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}
