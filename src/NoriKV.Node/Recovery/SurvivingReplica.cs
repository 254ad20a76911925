using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node.Recovery;

/// <summary>A replica as a directory holds it.</summary>
/// <param name="Shard">Its shard.</param>
/// <param name="Replica">Its id.</param>
/// <param name="Node">Where it lives.</param>
/// <param name="LastIndex">The last entry of its log.</param>
/// <param name="LastTerm">That entry's term.</param>
/// <param name="Term">The highest term it has seen.</param>
/// <param name="Commit">Through here it knows entries to be committed.</param>
/// <param name="Applied">Through here its tables reach.</param>
/// <param name="Damage">What its log lost.</param>
/// <param name="Members">Its newest configuration.</param>
/// <param name="LastStamp">The highest stamp of its entries.</param>
internal sealed record SurvivingReplica(
    ShardId Shard, ReplicaId Replica, NodeNumber Node, LogIndex LastIndex, Term LastTerm, Term Term, LogIndex Commit, LogIndex Applied,
    LogDamage Damage, IReadOnlyList<ConfigurationMember> Members, long LastStamp)
{
    /// <summary>Its log can be gone on with: whole, or cut where damage begins.</summary>
    public bool IsUsable => Damage != LogDamage.HardState;
}
