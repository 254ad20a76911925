using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>A member of a shard's configuration.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Node">The node it lives on.</param>
/// <param name="Role">How it takes part.</param>
public readonly record struct ConfigurationMember(ReplicaId Replica, NodeNumber Node, MemberRole Role = MemberRole.Voter);
