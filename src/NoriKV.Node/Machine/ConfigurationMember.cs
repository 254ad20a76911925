using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>A voter of a shard.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Node">The node it lives on.</param>
public readonly record struct ConfigurationMember(ReplicaId Replica, NodeNumber Node);
