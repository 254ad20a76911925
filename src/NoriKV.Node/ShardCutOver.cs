using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A shard that is led on this node is in the hands of its new replicas: the old ones have no say any more.</summary>
public readonly record struct ShardCutOver(ShardId Shard, Term Term, int Voters, int Learners) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => "Cutover";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
        fields.Add("voters", Voters);
        fields.Add("learners", Learners);
    }
}
