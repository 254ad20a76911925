using Nori.Observe;

namespace Nori.Swim;

/// <summary>A member is suspected.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Incarnation">The incarnation that this is about.</param>
public readonly record struct MemberSuspected(string Member, ulong Incarnation) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Swim";

    /// <inheritdoc/>
    public string Kind => "Suspect";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("member", Member);
        fields.Add("incarnation", (long)Incarnation);
    }
}
