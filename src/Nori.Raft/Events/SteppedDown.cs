using Nori.Observe;

namespace Nori.Raft;

/// <summary>This replica leads no more.</summary>
/// <param name="Group">The group.</param>
/// <param name="Term">The term it knows now.</param>
/// <param name="Replica">The replica.</param>
public readonly record struct SteppedDown(ulong Group, ulong Term, ulong Replica) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "StepDown";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("group", (long)Group);
        fields.Add("term", (long)Term);
        fields.Add("replica", (long)Replica);
    }
}
