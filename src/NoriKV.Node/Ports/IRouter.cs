using NoriKV.Types;

namespace NoriKV.Node.Ports;

/// <summary>Says where a request belongs: which shard, and which node should serve it.</summary>
public interface IRouter
{
    /// <summary>The shard of a key.</summary>
    ShardId ShardOf(ReadOnlySpan<byte> key);

    /// <summary>The node that leads the shard as far as is known here; null where none is known.</summary>
    NodeNumber? LeaderOf(ShardId shard);

    /// <summary>True when this node holds a replica of the shard.</summary>
    bool IsLocal(ShardId shard);
}
