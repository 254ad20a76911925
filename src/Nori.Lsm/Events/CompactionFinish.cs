using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A compaction is in the manifest.</summary>
/// <param name="Level">The output level.</param>
/// <param name="InBytes">Bytes of its inputs.</param>
/// <param name="OutBytes">Bytes it wrote; 0: tables were only moved.</param>
public readonly record struct CompactionFinish(int Level, long InBytes, long OutBytes) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Compaction";

    /// <inheritdoc/>
    public string Kind => "Finish";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("level", Level);
        fields.Add("in_bytes", InBytes);
        fields.Add("out_bytes", OutBytes);
    }
}
