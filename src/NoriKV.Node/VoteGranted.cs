using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A replica on this node got a peer's vote.</summary>
public readonly record struct VoteGranted(ShardId Shard, Term Term, ReplicaId From) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Raft";

    /// <inheritdoc/>
    public string Kind => "VoteGranted";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("term", (long)Term.Value);
        fields.Add("from", (long)From.Value);
    }
}
