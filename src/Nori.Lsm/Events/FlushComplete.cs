using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A flushed table is in the manifest.</summary>
/// <param name="FileNumber">The table.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="Entries">Its entries.</param>
public readonly record struct FlushComplete(long FileNumber, long Bytes, long Entries) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Lsm";

    /// <inheritdoc/>
    public string Kind => "FlushComplete";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("file_number", FileNumber);
        fields.Add("bytes", Bytes);
        fields.Add("entries", Entries);
    }
}
