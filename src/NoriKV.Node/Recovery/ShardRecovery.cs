using NoriKV.Types;

namespace NoriKV.Node.Recovery;

/// <summary>What becomes of a shard; the meta group is the one behind the last.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Verdict">What is left of it.</param>
/// <param name="Node">The node whose replica goes on, alone; of one that is gone the node where it begins empty.</param>
/// <param name="Replica">That replica.</param>
/// <param name="LastIndex">Its last entry: everything through here is kept.</param>
/// <param name="LastTerm">That entry's term.</param>
/// <param name="Commit">Through here it knew entries to be committed.</param>
/// <param name="Voters">Nodes with a vote, by its newest configuration.</param>
/// <param name="VotersHere">Of them, those whose copy is left.</param>
/// <param name="IsDamaged">The copy was cut where its log is damaged.</param>
/// <param name="NewTerm">Its term from now on, far above any that the lost ones may have seen.</param>
public sealed record ShardRecovery(
    ShardId Shard, ShardVerdict Verdict, string Node, ReplicaId Replica, LogIndex LastIndex, Term LastTerm, LogIndex Commit,
    IReadOnlyList<string> Voters, IReadOnlyList<string> VotersHere, bool IsDamaged, Term NewTerm);
