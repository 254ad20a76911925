using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>What a comparison found.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Index">The applied index of all that were compared.</param>
/// <param name="Compared">How many were.</param>
/// <param name="Odd">Those that do not hold what the leader holds, with what they hold.</param>
/// <param name="Range">Where the first difference lies; empty where there is none.</param>
/// <param name="LeaderHasMajority">Most voters of the shard hold what the leader holds.</param>
internal sealed record ComparisonResult(
    ShardId Shard, LogIndex Index, int Compared, IReadOnlyList<(ReplicaId Replica, NodeNumber Node, ulong Hash)> Odd,
    string Range, bool LeaderHasMajority);
