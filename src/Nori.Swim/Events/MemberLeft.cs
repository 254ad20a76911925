using Nori.Observe;

namespace Nori.Swim;

/// <summary>A member went by its own will.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Incarnation">The incarnation that this is about.</param>
public readonly record struct MemberLeft(string Member, ulong Incarnation) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Swim";

    /// <inheritdoc/>
    public string Kind => "Leave";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("member", Member);
        fields.Add("incarnation", (long)Incarnation);
    }
}
