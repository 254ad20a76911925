namespace NoriKV.Node.Tests.Replication;

/// <summary>The clock of one node, whose wall is wrong by so much.</summary>
internal sealed class SkewedTime(TimeProvider inner) : TimeProvider
{
    public long SkewMs { get; set; }

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override long GetTimestamp() => inner.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow().AddMilliseconds(SkewMs);
}
