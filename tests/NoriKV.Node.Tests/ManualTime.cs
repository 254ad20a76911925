namespace NoriKV.Node.Tests;

/// <summary>A clock that moves when told; timestamps are its ticks.</summary>
internal sealed class ManualTime(long unixMs = 1_800_000_000_000) : TimeProvider
{
    private long _ticks = DateTimeOffset.FromUnixTimeMilliseconds(unixMs).UtcTicks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public long UnixMs => GetUtcNow().ToUnixTimeMilliseconds();

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public void AdvanceMs(long ms) => Advance(TimeSpan.FromMilliseconds(ms));

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);
}
