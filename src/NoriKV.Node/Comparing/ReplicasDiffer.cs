using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>Replicas of a shard applied the same and do not hold the same.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Index">The applied index at which they were compared.</param>
/// <param name="Odd">How many differ from the leader.</param>
/// <param name="Rebuilt">They are rebuilt from the leader, which most voters agree with.</param>
public readonly record struct ReplicasDiffer(ShardId Shard, LogIndex Index, int Odd, bool Rebuilt) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => "ReplicasDiffer";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("index", (long)Index.Value);
        fields.Add("odd", Odd);
        fields.Add("rebuilt", Rebuilt ? 1 : 0);
    }
}
