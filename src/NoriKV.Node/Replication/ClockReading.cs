namespace NoriKV.Node.Replication;

/// <summary>The wall clock and the monotonic one at one moment: what is concluded from a reading is not mixed with a later one.</summary>
/// <param name="Wall">Read first: whoever stands still between the two takes the wall for older than it is, never for younger.</param>
/// <param name="Timestamp">Of the same provider.</param>
internal readonly record struct ClockReading(DateTimeOffset Wall, long Timestamp)
{
    public static ClockReading Of(TimeProvider time)
    {
        DateTimeOffset wall = time.GetUtcNow();
        return new ClockReading(wall, time.GetTimestamp());
    }
}
