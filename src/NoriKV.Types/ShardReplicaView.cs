namespace NoriKV.Types;

/// <summary>A replica of a shard.</summary>
/// <param name="NodeId">The id of a listed node.</param>
/// <param name="IsLeader">It leads the shard.</param>
public sealed record ShardReplicaView(string NodeId, bool IsLeader);
