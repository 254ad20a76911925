using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>Of one group: whether the asked replica knows no later term than this, and no other leader of it.</summary>
internal readonly record struct ReadRoundGroup(ShardId Shard, Term Term, ReplicaId Leader, ReplicaId Asked);
