using Nori.Raft.Core;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.Types;
using ReplicaId = Nori.Raft.Core.ReplicaId;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Judges who takes part in a shard while that changes: a configuration follows the one before it so that no two ever have
/// majorities without a common member; a leader calls committed only what a majority of its voters holds; a replica lives on one
/// machine and never again where it was removed.
/// </summary>
internal sealed class MembershipCheck(SimWorld world, IReadOnlyList<SimNode> nodes)
{
    private readonly SortedDictionary<(uint Shard, ulong Index), Configuration> _committed = [];
    private readonly Dictionary<(uint Shard, ulong Replica), SimNode> _homes = [];
    private readonly Dictionary<(int Place, uint Shard), ulong> _tombs = [];
    private readonly HashSet<(uint Shard, ulong Replica)> _first = [];
    private readonly HashSet<(uint Shard, ulong Replica)> _members = [];
    private readonly uint _shards = (uint)world.Options.Shards + 1;

    /// <summary>Replicas of data shards that were added to those that the shards began with.</summary>
    public int Additions => _members.Count(m => m.Shard < (uint)world.Options.Shards && !_first.Contains(m));

    /// <summary>An entry that is a configuration is committed.</summary>
    public void Note(uint shard, ulong index, Configuration configuration)
    {
        if (!_committed.TryAdd((shard, index), configuration)) return;
        world.Probes.Hit(configuration.IsJoint ? "membership.joint" : "membership.changed");
        foreach (ReplicaId member in configuration.Members) _members.Add((shard, member.Value));
    }

    /// <summary>The machine that a replica lives or lived on; null where it was never seen.</summary>
    public SimNode? HomeOf(uint shard, ReplicaId replica) => _homes.GetValueOrDefault((shard, replica.Value));

    /// <summary>Looks at all nodes that run.</summary>
    public void Look()
    {
        for (uint shard = 0; shard < _shards; shard++)
        {
            (SimNode Node, ReplicaSight Sight)? leader = null;
            ulong term = 0;
            foreach (SimNode node in nodes)
            {
                if (node.Probe is not { } probe) continue;
                LookAtHome(node, probe, shard);
                if (probe.Look(new ShardId(shard)) is not { } sight) continue;
                term = Math.Max(term, sight.Term);
                if (sight.IsLeader && (leader is null || sight.Term > leader.Value.Sight.Term)) leader = (node, sight);
            }

            // One of an older term is deposed; what it calls committed was, and by whom is not to be seen any more.
            if (leader is { } current && current.Sight.Term == term) LookAtCommit(shard, current.Node, current.Sight);
        }
    }

    /// <summary>Judges the configurations of each shard one after the other.</summary>
    /// <param name="isSeen">Whether the entry of a shard at an index was seen when it was committed.</param>
    public void Judge(Func<uint, ulong, bool> isSeen)
    {
        (uint Shard, ulong Index) before = (uint.MaxValue, 0);
        Configuration? last = null;
        foreach (((uint Shard, ulong Index) at, Configuration next) in _committed)
        {
            if (last is not null && before.Shard == at.Shard && !Follows(last, next))
            {
                bool hasGap = false;
                for (ulong index = before.Index + 1; index < at.Index && !hasGap; index++) hasGap = !isSeen(at.Shard, index);
                if (hasGap) world.Probes.Hit("membership.gap");
                else world.Violate("one_membership", $"shard {at.Shard}: {last} at {before.Index}, then {next} at {at.Index}");
            }

            (before, last) = (at, next);
        }
    }

    private static bool Follows(Configuration last, Configuration next)
    {
        if (last.IsJoint) return !next.IsJoint && next.Voters.SequenceEqual(last.Voters);
        return next.IsJoint ? next.Outgoing.SequenceEqual(last.Voters) : next.Voters.SequenceEqual(last.Voters);
    }

    private void LookAtHome(SimNode node, IReplicaProbe probe, uint shard)
    {
        ulong tomb = _tombs.GetValueOrDefault((node.Place, shard));
        ulong removed = probe.TombstoneOf(new ShardId(shard));
        // A later replica that lives stands for all before it: what was removed then is not remembered beyond a restart.
        if (removed > tomb) _tombs[(node.Place, shard)] = tomb = removed;
        if (probe.Look(new ShardId(shard)) is not { } sight) return;
        if (sight.Replica <= tomb)
            world.Violate("no_revival", $"{node.Name} shard {shard}: replica {sight.Replica} lives, which was removed");
        if (!_homes.TryAdd((shard, sight.Replica), node) && _homes[(shard, sight.Replica)] != node)
        {
            world.Violate(
                "one_home",
                $"shard {shard}: replica {sight.Replica} lives on {node.Name}, and on {_homes[(shard, sight.Replica)].Name}");
        }

        (Configuration configuration, ulong index) = probe.ConfigurationOf(new ShardId(shard));
        if (index != 0) return;
        foreach (ReplicaId member in configuration.Members) _first.Add((shard, member.Value));
    }

    private void LookAtCommit(uint shard, SimNode leader, ReplicaSight sight)
    {
        (Configuration configuration, ulong index) = leader.Probe!.ConfigurationOf(new ShardId(shard));
        // While its own entry is not committed, the one before it counts for what is.
        if (index > sight.Commit) return;
        CheckHalf(configuration.Voters);
        if (configuration.IsJoint) CheckHalf(configuration.Outgoing);

        void CheckHalf(IReadOnlyList<ReplicaId> voters)
        {
            int have = voters.Count(v => !Lacks(shard, v, sight.Commit));
            if (have > voters.Count / 2) return;
            world.Violate(
                "commit_has_majority",
                $"shard {shard}: {leader.Name} leads in term {sight.Term} and has committed {sight.Commit} with {configuration} "
                + $"of {index}, but {have} of {voters.Count} hold it");
        }
    }

    // Of a machine that is down nobody knows; of a replica that never was anywhere we do.
    private bool Lacks(uint shard, ReplicaId voter, ulong commit)
    {
        if (HomeOf(shard, voter) is not { } home) return true;
        if (home.Probe is not { } probe) return false;
        return probe.Look(new ShardId(shard)) is not { } sight || sight.Replica != voter.Value || sight.Last < commit;
    }
}
