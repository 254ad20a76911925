namespace Nori.Lsm.Tests;

/// <summary>A clock that moves when told.</summary>
internal sealed class ManualTime : TimeProvider
{
    public long UnixMs { get; set; } = 1_000_000;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(UnixMs);

    public override long GetTimestamp() => UnixMs * 10_000;

    public override long TimestampFrequency => 10_000_000;
}
