namespace Nori.Raft.Core;

/// <summary>What became of a proposed configuration.</summary>
/// <param name="Status">Accepted or why not.</param>
/// <param name="Index">The index of its entry, when accepted.</param>
/// <param name="Replica">Who is in the way, of <see cref="ConfigurationStatus.NotCaughtUp"/>.</param>
public readonly record struct ConfigurationResult(ConfigurationStatus Status, LogIndex Index, ReplicaId Replica)
{
    /// <summary>True when it is in the log and in effect.</summary>
    public bool IsAccepted => Status == ConfigurationStatus.Accepted;
}
