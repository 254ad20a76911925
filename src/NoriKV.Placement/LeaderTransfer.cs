using NoriKV.Types;

namespace NoriKV.Placement;

/// <summary>A leadership that should move between two nodes that both hold the shard.</summary>
public readonly record struct LeaderTransfer(ShardId Shard, NodeNumber Source, NodeNumber Target);
