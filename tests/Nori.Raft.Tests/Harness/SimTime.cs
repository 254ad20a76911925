namespace Nori.Raft.Tests.Harness;

/// <summary>Virtual time.</summary>
internal sealed class SimTime : TimeProvider
{
    public long Nanoseconds { get; set; }

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => Nanoseconds;
}
