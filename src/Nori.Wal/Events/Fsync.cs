using Nori.Observe;

namespace Nori.Wal;

/// <summary>The log was synced.</summary>
/// <param name="Segment">The number of the segment.</param>
/// <param name="Milliseconds">How long the sync took.</param>
public readonly record struct Fsync(ulong Segment, double Milliseconds) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Wal";

    /// <inheritdoc/>
    public string Kind => "Fsync";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("seg", (long)Segment);
        fields.Add("ms", Milliseconds);
    }
}
