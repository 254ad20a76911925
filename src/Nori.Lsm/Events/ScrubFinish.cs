using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A scrub came to its end.</summary>
/// <param name="Bytes">Bytes it read.</param>
/// <param name="Tables">Tables it checked.</param>
/// <param name="Damages">Damages it found.</param>
public readonly record struct ScrubFinish(long Bytes, int Tables, int Damages) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Scrub";

    /// <inheritdoc/>
    public string Kind => "Finish";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("bytes", Bytes);
        fields.Add("tables", Tables);
        fields.Add("damages", Damages);
    }
}
