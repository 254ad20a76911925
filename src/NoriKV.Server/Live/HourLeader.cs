namespace NoriKV.Server.Live;

/// <summary>Who led a shard as one of its replicas knew.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Node">The number of the leader's node; 0: none.</param>
/// <param name="Term">The replica's term.</param>
internal readonly record struct HourLeader(uint Shard, ulong Node, ulong Term);
