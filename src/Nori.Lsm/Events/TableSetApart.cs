using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A damaged table was set apart: no compaction touches it, and reads that need what is damaged fail.</summary>
/// <param name="Table">Its number.</param>
/// <param name="File">Its file.</param>
/// <param name="Offset">Where the damage begins, in bytes.</param>
public readonly record struct TableSetApart(long Table, string File, long Offset) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Scrub";

    /// <inheritdoc/>
    public string Kind => "TableSetApart";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("table", Table);
        fields.Add("file", File);
        fields.Add("offset", Offset);
    }
}
