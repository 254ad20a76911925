using Nori.Observe;

namespace Nori.Wal;

/// <summary>A torn tail was dropped when the log was opened.</summary>
/// <param name="Segment">The number of the segment.</param>
/// <param name="Offset">Where it was cut.</param>
/// <param name="Bytes">What was cut off.</param>
public readonly record struct CorruptionTruncated(ulong Segment, long Offset, long Bytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Wal";

    /// <inheritdoc/>
    public string Kind => "CorruptionTruncated";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("offset", Offset);
        fields.Add("bytes", Bytes);
    }
}
