using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>What a table that was set apart still holds is in a new table, and the damaged one is gone.</summary>
/// <param name="Table">The number of the damaged one.</param>
/// <param name="EntriesKept">Entries in the new one; 0: there is none.</param>
public readonly record struct DamageDropped(long Table, long EntriesKept) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Scrub";

    /// <inheritdoc/>
    public string Kind => "DamageDropped";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("table", Table);
        fields.Add("entries_kept", EntriesKept);
    }
}
