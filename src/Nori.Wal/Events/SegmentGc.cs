using Nori.Observe;

namespace Nori.Wal;

/// <summary>A segment was deleted or put aside for reuse.</summary>
/// <param name="Segment">The number of the segment.</param>
/// <param name="Bytes">Its length.</param>
public readonly record struct SegmentGc(ulong Segment, long Bytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Wal";

    /// <inheritdoc/>
    public string Kind => "SegmentGc";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("bytes", Bytes);
    }
}
