using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>A replica that the node has, and how far the engine's tables hold it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Replica">The replica.</param>
/// <param name="Applied">Entries up to here need not be in the log.</param>
/// <param name="AppliedTerm">The term there.</param>
public readonly record struct ExpectedReplica(ShardId Shard, ReplicaId Replica, LogIndex Applied, Term AppliedTerm);
