using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>A peer's snapshot took the place of what a replica could not read.</summary>
public readonly record struct ReplicaRebuilt(ShardId Shard, LogIndex Index) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => "ReplicaRebuilt";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("index", (long)Index.Value);
    }
}
