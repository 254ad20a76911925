using Nori.Observe;

namespace Nori.Raft;

/// <summary>This replica campaigns.</summary>
/// <param name="Group">The group.</param>
/// <param name="Term">The term of the campaign.</param>
/// <param name="Replica">The replica.</param>
public readonly record struct VoteRequested(ulong Group, ulong Term, ulong Replica) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "VoteReq";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("group", (long)Group);
        fields.Add("term", (long)Term);
        fields.Add("replica", (long)Replica);
    }
}
