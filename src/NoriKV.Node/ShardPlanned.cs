using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>The leader of a shard, on this node, began a change of its replicas: so many shall there be in the end.</summary>
public readonly record struct ShardPlanned(ShardId Shard, Term Term, int Voters, int Learners) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => "Plan";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
        fields.Add("voters", Voters);
        fields.Add("learners", Learners);
    }
}
