using Nori.Core;
using Nori.Raft.Core;
using NoriKV.TestKit.Simulation.Checks;
using NoriKV.TestKit.Simulation.Faults;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Scenarios;

/// <summary>
/// Watches how shards' memberships go on, and now and then strikes at just that moment: at the leader of the meta group, at the
/// shard's leader, at the node of a replica that arrives or leaves. What is drawn at random falls between such moments mostly.
/// </summary>
internal sealed class MoveStrikes(
    SimWorld world, IReadOnlyList<SimNode> machines, FaultRunner faults, MembershipCheck membership, Prng random)
{
    /// <summary>Numbers of strikes, so that they can be left out like other faults.</summary>
    public const int FirstNumber = 10_000;

    private const long LookPeriod = 20 * Ticks.Millisecond;
    private static readonly FaultKinds[] s_kinds =
        [FaultKinds.Crash, FaultKinds.CrashInside, FaultKinds.Kill, FaultKinds.Pause, FaultKinds.Partition];

    private readonly Dictionary<uint, (Configuration Configuration, bool IsCommitted, int Homes)> _stages = [];
    private readonly double _chance = random.NextDouble() * 0.3;
    private long _mayStrikeAt;

    /// <summary>Strikes so far, those left out included.</summary>
    public List<int> Numbers { get; } = [];

    /// <summary>Looks, strikes perhaps, and looks again later, as long as somebody changes the cluster.</summary>
    public void Watch(Task script)
    {
        if (faults.IsOver || script.IsCompleted || !Array.Exists(s_kinds, k => world.Options.Faults.HasFlag(k))) return;
        for (uint shard = 0; shard <= (uint)world.Options.Shards; shard++) LookAt(shard);
        world.Events.After(LookPeriod, () => Watch(script));
    }

    private void LookAt(uint shard)
    {
        SimNode? leader = LeaderOf(shard, out ReplicaSight sight);
        if (leader is null) return;
        (Configuration configuration, ulong index) = leader.Probe!.ConfigurationOf(new ShardId(shard));
        int homes = machines.Count(m => m.Probe?.Look(new ShardId(shard)) is not null);
        (Configuration Configuration, bool IsCommitted, int Homes) stage = (configuration, index <= sight.Commit, homes);
        bool isNew = _stages.TryGetValue(shard, out (Configuration Configuration, bool IsCommitted, int Homes) before)
            && !before.Equals(stage);
        _stages[shard] = stage;
        if (!isNew || world.Events.Now < _mayStrikeAt || !random.Chance(_chance)) return;
        _mayStrikeAt = world.Events.Now + (Ticks.Second / 2) + random.NextLong(2 * Ticks.Second);
        Strike(shard, leader, before.Configuration, configuration);
    }

    private void Strike(uint shard, SimNode leader, Configuration before, Configuration now)
    {
        SimNode[] moving =
        [
            .. before.Members.Concat(now.Members).Distinct()
                .Where(m => now.IsLearner(m) || !now.Voters.Contains(m) || !before.Voters.Contains(m))
                .Select(m => membership.HomeOf(shard, m)).OfType<SimNode>(),
        ];
        SimNode? victim = random.NextInt(10) switch
        {
            < 5 => LeaderOf((uint)world.Options.Shards, out _),
            < 7 => leader,
            _ => moving.Length > 0 ? moving[random.NextInt(moving.Length)] : leader,
        };
        FaultKinds kind = s_kinds[random.NextInt(s_kinds.Length)];
        var action = new FaultAction(
            FirstNumber + Numbers.Count, kind, world.Events.Now, (100 * Ticks.Millisecond) + random.NextLong(3 * Ticks.Second),
            random.NextUInt64());
        Numbers.Add(action.Number);
        if (victim is null || !victim.MayStart || !world.Options.Faults.HasFlag(kind)
            || world.Options.WithoutFaults.Contains(action.Number))
        {
            return;
        }

        world.Probes.Hit("scenario.strike");
        world.Trace.Tell("--", $"{action}: {victim.Name}, as shard {shard} goes from {before} to {now}");
        if (kind == FaultKinds.Partition) faults.Isolate(victim, action.Duration);
        else faults.Strike(action, victim);
    }

    private SimNode? LeaderOf(uint shard, out ReplicaSight leader)
    {
        SimNode? found = null;
        leader = default;
        foreach (SimNode machine in machines)
        {
            if (machine.Probe?.Look(new ShardId(shard)) is not { IsLeader: true } sight) continue;
            if (found is null || sight.Term > leader.Term) (found, leader) = (machine, sight);
        }

        return found;
    }
}
