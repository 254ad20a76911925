using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>Where a replica's log stands.</summary>
/// <param name="Replica">The replica on this node.</param>
/// <param name="IsLeader">It leads.</param>
/// <param name="Term">Its term.</param>
/// <param name="Commit">The last entry known to be committed.</param>
/// <param name="Last">The last entry in its log.</param>
public readonly record struct ReplicaStatus(
    ReplicaId Replica, bool IsLeader, Term Term, LogIndex Commit, LogIndex Last);
