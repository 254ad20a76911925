using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A compaction began.</summary>
/// <param name="Level">The input level.</param>
/// <param name="OutputLevel">The output level.</param>
/// <param name="InBytes">Bytes of its inputs.</param>
public readonly record struct CompactionStart(int Level, int OutputLevel, long InBytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Compaction";

    /// <inheritdoc/>
    public string Kind => "Start";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("level", Level);
        fields.Add("output_level", OutputLevel);
        fields.Add("in_bytes", InBytes);
    }
}
