using Nori.Observe;

namespace Nori.Swim;

/// <summary>A member joined, came back or refuted.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Incarnation">The incarnation that this is about.</param>
public readonly record struct MemberAlive(string Member, ulong Incarnation) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Swim";

    /// <inheritdoc/>
    public string Kind => "Alive";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("member", Member);
        fields.Add("incarnation", (long)Incarnation);
    }
}
