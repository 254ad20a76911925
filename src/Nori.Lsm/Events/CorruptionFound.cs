using Nori.Observe;

namespace Nori.Lsm.Events;

/// <summary>A scrub found damage.</summary>
/// <param name="File">The file.</param>
/// <param name="Offset">Where in it, in bytes.</param>
public readonly record struct CorruptionFound(string File, long Offset) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Scrub";

    /// <inheritdoc/>
    public string Kind => "CorruptionFound";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("file", File);
        fields.Add("offset", Offset);
    }
}
