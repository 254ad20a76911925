using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A flush began to write its table.</summary>
/// <param name="MemtableBytes">Bytes of the memtable.</param>
public readonly record struct FlushStart(long MemtableBytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Lsm";

    /// <inheritdoc/>
    public string Kind => "FlushStart";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("memtable_bytes", MemtableBytes);
    }
}
