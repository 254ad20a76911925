using Nori.Observe;

namespace Nori.Raft;

/// <summary>A configuration took effect, or an earlier one did again.</summary>
/// <param name="Group">The group.</param>
/// <param name="Index">The place of its entry.</param>
/// <param name="Voters">How many vote.</param>
/// <param name="Learners">How many learn.</param>
/// <param name="IsJoint">Between the two steps of a change of voters.</param>
public readonly record struct MembersChanged(ulong Group, ulong Index, int Voters, int Learners, bool IsJoint) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "MembersChanged";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("group", (long)Group);
        fields.Add("index", (long)Index);
        fields.Add("voters", (long)Voters);
        fields.Add("learners", (long)Learners);
        fields.Add("joint", IsJoint ? 1L : 0L);
    }
}
