using Nori.Raft.Core;

namespace Nori.Raft;

/// <summary>What became of a change of members.</summary>
/// <param name="Status">Done, refused, or that it cannot be said.</param>
/// <param name="Reason">Why it was refused.</param>
/// <param name="Replica">Who is in the way: who leads, or who lags.</param>
/// <param name="Configuration">The configuration in effect here.</param>
public readonly record struct MembersResult(
    MembersStatus Status, ConfigurationStatus Reason, ReplicaId Replica, Configuration Configuration)
{
    /// <summary>True when it is in effect and committed.</summary>
    public bool IsDone => Status == MembersStatus.Done;
}
