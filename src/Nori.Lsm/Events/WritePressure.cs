using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>The pressure that slows writes changed.</summary>
/// <param name="Ratio">0: none; 1: about to stop.</param>
public readonly record struct WritePressure(double Ratio) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Lsm";

    /// <inheritdoc/>
    public string Kind => "WritePressure";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("ratio", Ratio);
    }
}
