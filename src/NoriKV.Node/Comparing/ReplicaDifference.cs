using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>Replicas of a shard that applied the same and do not hold the same.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Index">The applied index at which they were compared.</param>
/// <param name="Nodes">The nodes whose replicas differ from the leader's.</param>
/// <param name="Range">Where the first difference lies: bounds of engine keys below the slot, in hexadecimal.</param>
/// <param name="IsRebuilt">
/// True: most of the voters hold what the leader holds, and the others are rebuilt from it. False: nothing was done; nobody can
/// say who is right.
/// </param>
public sealed record ReplicaDifference(
    ShardId Shard, LogIndex Index, IReadOnlyList<NodeNumber> Nodes, string Range, bool IsRebuilt);
