using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A replica that a shard begins with.</summary>
/// <param name="Id">Its id: never used for another replica of any shard of this cluster.</param>
/// <param name="Node">Where it lives.</param>
/// <param name="IsLearner">True: it gets the log and has no vote.</param>
public readonly record struct PlannedReplica(ReplicaId Id, NodeNumber Node, bool IsLearner);
