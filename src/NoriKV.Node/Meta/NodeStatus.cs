namespace NoriKV.Node.Meta;

/// <summary>A node as the meta leader sees it.</summary>
/// <param name="Node">What the registry has.</param>
/// <param name="Replicas">Replicas of data shards assigned to it.</param>
/// <param name="Leaders">Data shards that it leads.</param>
/// <param name="IsLive">Its registry heartbeat is recent.</param>
/// <param name="SilentMs">Since its last registry heartbeat to this meta leader, or since that leads.</param>
public sealed record NodeStatus(RegisteredNode Node, int Replicas, int Leaders, bool IsLive, long SilentMs);
