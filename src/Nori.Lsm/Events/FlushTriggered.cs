using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A memtable was sealed and waits for its flush.</summary>
/// <param name="Reason">Why.</param>
/// <param name="MemtableBytes">Its bytes.</param>
public readonly record struct FlushTriggered(string Reason, long MemtableBytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Lsm";

    /// <inheritdoc/>
    public string Kind => "FlushTriggered";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("reason", Reason);
        fields.Add("memtable_bytes", MemtableBytes);
    }
}
