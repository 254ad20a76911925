using Nori.Observe;

namespace Nori.Wal;

/// <summary>Damage of one sector was put right when the log was opened.</summary>
/// <param name="Segment">The number of the segment.</param>
/// <param name="Offset">Where the batch begins in it.</param>
/// <param name="Bytes">The length of the batch.</param>
public readonly record struct BatchRepaired(ulong Segment, long Offset, int Bytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Wal";

    /// <inheritdoc/>
    public string Kind => "BatchRepaired";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("offset", Offset);
        fields.Add("bytes", Bytes);
    }
}
