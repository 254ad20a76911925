using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A compaction has read a part of its input.</summary>
/// <param name="Level">The output level.</param>
/// <param name="Percent">How far it is, 0 to 100.</param>
public readonly record struct CompactionProgress(int Level, double Percent) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Compaction";

    /// <inheritdoc/>
    public string Kind => "Progress";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("level", Level);
        fields.Add("pct", Percent);
    }
}
