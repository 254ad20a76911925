using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>A replica of this node whose data cannot be read, or not all of it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="What">What is damaged, where, and what follows.</param>
/// <param name="IsAlone">True: nobody has another copy. False: a peer is asked for one.</param>
public sealed record ReplicaDamage(ShardId Shard, string What, bool IsAlone);
