using NoriKV.Node.Machine;
using NoriKV.Types;
using Raft = Nori.Raft.Core;

namespace NoriKV.Node.Replication;

/// <summary>What a group starts from.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replica">The replica on this node.</param>
/// <param name="State">What log and engine hold of it.</param>
/// <param name="Members">The nodes of the replicas it may hear of.</param>
/// <param name="LastStamp">The highest stamp of its entries.</param>
internal sealed record GroupStart(
    ShardId Shard, ReplicaId Replica, Raft.RaftState State, IReadOnlyList<ConfigurationMember> Members, long LastStamp);
