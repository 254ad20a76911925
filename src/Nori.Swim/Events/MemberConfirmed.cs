using Nori.Observe;

namespace Nori.Swim;

/// <summary>A member is held to be dead.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Incarnation">The incarnation that this is about.</param>
public readonly record struct MemberConfirmed(string Member, ulong Incarnation) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Swim";

    /// <inheritdoc/>
    public string Kind => "Confirm";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("member", Member);
        fields.Add("incarnation", (long)Incarnation);
    }
}
