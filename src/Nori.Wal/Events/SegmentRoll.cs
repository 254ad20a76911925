using Nori.Observe;

namespace Nori.Wal;

/// <summary>A segment was left with so many bytes and this one begun.</summary>
/// <param name="Segment">The number of the new segment.</param>
/// <param name="Bytes">The length of the one before it.</param>
public readonly record struct SegmentRoll(ulong Segment, long Bytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Wal";

    /// <inheritdoc/>
    public string Kind => "SegmentRoll";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("bytes", Bytes);
    }
}
