using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>Who leads a shard, as one of its replicas knows it.</summary>
internal readonly record struct LeaderReport(ShardId Shard, Term Term, NodeNumber Leader);
