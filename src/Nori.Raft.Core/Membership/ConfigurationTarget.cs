namespace Nori.Raft.Core;

/// <summary>
/// Who shall take part when a change is done; the steps in between are the core's business.
/// </summary>
/// <param name="Voters">The voters: at least one.</param>
/// <param name="Learners">The learners; none of them a voter.</param>
public sealed record ConfigurationTarget(IReadOnlyList<ReplicaId> Voters, IReadOnlyList<ReplicaId> Learners)
{
    /// <summary>A target without learners.</summary>
    public ConfigurationTarget(IReadOnlyList<ReplicaId> voters)
        : this(voters, [])
    {
    }
}
