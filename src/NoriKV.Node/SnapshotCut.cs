using Nori.Observe;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>A snapshot of a shard was begun or finished.</summary>
public readonly record struct SnapshotCut(ShardId Shard, LogIndex Index, bool Finished) : IEvent
{
    /// <inheritdoc/>
    public string Family => "Shard";

    /// <inheritdoc/>
    public string Kind => Finished ? "SnapshotDone" : "SnapshotStart";

    /// <inheritdoc/>
    public void WriteFields(IEventFields fields)
    {
        fields.Add("shard", Shard.Value);
        fields.Add("index", (long)Index.Value);
    }
}
