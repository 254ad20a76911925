using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A peer asks for the vote of a replica on this node.</summary>
public readonly record struct VoteRequested(ShardId Shard, Term Term, ReplicaId From) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "VoteReq";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
        fields.Add("from", (long)From.Value);
    }
}
