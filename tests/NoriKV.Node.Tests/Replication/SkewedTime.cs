namespace NoriKV.Node.Tests.Replication;

/// <summary>The clock of one node, whose wall is wrong by so much.</summary>
internal sealed class SkewedTime(TimeProvider inner) : TimeProvider
{
    public long SkewMs { get; set; }

    public override long TimestampFrequency => inner.TimestampFrequency;

    public override long GetTimestamp() => inner.GetTimestamp();

    /// <summary>After so many reads of the wall clock from now it is wrong by <see cref="NextSkewMs"/>; 0: it stays as it is.</summary>
    public int ReadsUntilJump { get; set; }

    public long NextSkewMs { get; set; }

    public override DateTimeOffset GetUtcNow()
    {
        DateTimeOffset now = inner.GetUtcNow().AddMilliseconds(SkewMs);
        if (ReadsUntilJump > 0 && --ReadsUntilJump == 0) SkewMs = NextSkewMs;
        return now;
    }
}
