using NoriKV.Types;

namespace NoriKV.Node.Diagnosis;

/// <summary>A move under way, as the meta leader sees it.</summary>
/// <param name="Shard">Of a replica of this shard.</param>
/// <param name="Words">Which move.</param>
/// <param name="StandsMs">For how long its record is as it is.</param>
internal readonly record struct MoveReport(ShardId Shard, string Words, long StandsMs);
