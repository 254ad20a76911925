using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A write stops until background work has caught up.</summary>
/// <param name="FileCount">Tables in level 0.</param>
/// <param name="Threshold">The count at which writes stop.</param>
public readonly record struct L0Stall(int FileCount, int Threshold) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Lsm";

    /// <inheritdoc/>
    public string Kind => "L0Stall";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("file_count", FileCount);
        fields.Add("threshold", Threshold);
    }
}
