using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A compaction was asked for by its range.</summary>
/// <param name="Level">The first level.</param>
public readonly record struct CompactionScheduled(int Level) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Compaction";

    /// <inheritdoc/>
    public string Kind => "Scheduled";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("level", Level);
    }
}
