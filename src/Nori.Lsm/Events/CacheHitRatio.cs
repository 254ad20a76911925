using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>How well the block cache served since the last such event.</summary>
/// <param name="Name">The cache.</param>
/// <param name="Ratio">Hits of all reads, 0 to 1.</param>
public readonly record struct CacheHitRatio(string Name, double Ratio) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Cache";

    /// <inheritdoc/>
    public string Kind => "HitRatio";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("name", Name);
        fields.Add("ratio", Ratio);
    }
}
