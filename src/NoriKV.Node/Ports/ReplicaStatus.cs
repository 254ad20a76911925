using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Ports;

/// <summary>Where a replica's log stands.</summary>
/// <param name="Replica">The replica on this node; none where the shard has none here.</param>
/// <param name="Role">What it is.</param>
/// <param name="Leader">The node that leads, as far as is known; none.</param>
/// <param name="Term">Its term.</param>
/// <param name="Commit">The last entry known to be committed.</param>
/// <param name="Last">The last entry in its log.</param>
/// <param name="Applied">The last entry whose effect can be read.</param>
public readonly record struct ReplicaStatus(
    ReplicaId Replica, Raft.RaftRole Role, NodeNumber Leader, Term Term, LogIndex Commit, LogIndex Last, LogIndex Applied)
{
    /// <summary>It leads.</summary>
    public bool IsLeader => Role == Raft.RaftRole.Leader;
}
