using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A replica on this node leads its shard no more.</summary>
public readonly record struct SteppedDown(ShardId Shard, Term Term) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "StepDown";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
    }
}
