using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node.Healing;

/// <summary>What a replica holds cannot be read: it is not served here until a peer has sent it.</summary>
public readonly record struct ReplicaSetApart(ShardId Shard, string What) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => "ReplicaSetApart";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("what", What);
    }
}
