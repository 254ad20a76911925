using NoriKV.Node.Directory;
using NoriKV.Node.Log;
using NoriKV.Node.Machine;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// With which replica a shard begins on this node that the engine knows nothing of. Only a node that never began before
/// begins shards by its plan: later they come from the meta group, and one that went away must not come back from a plan. Where
/// the engine is damaged, a first replica whose whole log is there begins once more as it began.
/// </summary>
internal sealed class FirstReplicas(
    NodeOptions options, SharedLog log, NodeDirectory directory, bool hasBegun, bool isDamaged)
{
    /// <summary>The replica and the members it begins with; null: not here.</summary>
    public (ReplicaId Replica, ConfigurationMember[] Members)? Of(ShardId shard)
    {
        GroupState? held = log.GroupState(shard);
        if (held is { IsClean: true }) return null;
        bool beginsAgain = isDamaged && held is { PrefixIndex.Value: 0 };
        (ReplicaId Replica, ConfigurationMember[] Members)? planned = hasBegun && !beginsAgain ? null : Planned(shard, held);
        if (held is not { } known || planned?.Replica == known.Replica) return planned;
        // It arrived while the node ran, and a crash came before its first table: the log has all of it.
        return (known.Replica, []);
    }

    private (ReplicaId Replica, ConfigurationMember[] Members)? Planned(ShardId shard, GroupState? held)
    {
        if (options.Plan is null)
        {
            ReplicaId replica = held?.Replica ?? new ReplicaId(shard.Value + 1UL);
            return (replica, [new ConfigurationMember(replica, directory.Identity.Node)]);
        }

        IReadOnlyList<PlannedReplica> planned = options.Plan.Replicas(shard);
        ReplicaId own = planned.FirstOrDefault(r => r.Node == options.Plan.Self).Id;
        if (own.Value == 0) return null;
        return (own, [.. planned.OrderBy(static r => r.Id).Select(static r => new ConfigurationMember(
            r.Id, r.Node, r.IsLearner ? MemberRole.Learner : MemberRole.Voter))]);
    }
}
