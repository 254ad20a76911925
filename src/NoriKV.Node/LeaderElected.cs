using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A replica on this node leads its shard.</summary>
public readonly record struct LeaderElected(ShardId Shard, Term Term, string Node) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "LeaderElected";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
        fields.Add("node", Node);
    }
}
