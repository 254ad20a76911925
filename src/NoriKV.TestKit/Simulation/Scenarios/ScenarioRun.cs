using Nori.Core;
using Nori.IO;
using NoriKV.Node;
using NoriKV.Node.Formation;
using NoriKV.Node.Meta;
using NoriKV.TestKit.Simulation.Checks;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Scenarios;

/// <summary>
/// The machines of a changing cluster: some found it, others join and leave; some are lost for ever. What an operator does with
/// them is in <see cref="ScenarioScript"/>.
/// </summary>
internal sealed class ScenarioRun
{
    private static readonly Guid s_cluster = new("5e8f0a3c-0000-4000-8000-000000000002");

    private readonly SimWorld _world;
    private readonly IReadOnlyList<SimNode> _machines;
    private readonly Prng _random;
    private readonly PlacementOptions _placement;
    private readonly MembershipCheck _membership;
    private readonly ScenarioOperator _operator;
    private readonly Dictionary<SimNode, string> _names = [];
    private readonly HashSet<SimNode> _givenUp = [];
    private ScenarioScript? _script;

    public ScenarioRun(SimWorld world, IReadOnlyList<SimNode> machines, int operatorPlace, MembershipCheck membership, Prng random)
    {
        (_world, _machines, _membership, _random) = (world, machines, membership, random);
        _operator = new ScenarioOperator(world, machines, operatorPlace, random.Fork());
        bool givesUpSoon = world.Options.Scenario is SimulationScenario.Replace or SimulationScenario.Mixed && random.Chance(0.5);
        _placement = new PlacementOptions
        {
            DeadAfter = givesUpSoon ? TimeSpan.FromSeconds(random.NextInt(15, 60)) : TimeSpan.FromMinutes(10),
            MovesPerNode = random.Chance(0.5) ? 8 : random.NextInt(1, 8),
        };
        foreach (SimNode machine in machines) machine.IsInUse = false;
    }

    /// <summary>What the operator does, from the beginning to the end.</summary>
    public Task Script { get; private set; } = Task.CompletedTask;

    /// <summary>What the operator waits for, in words; empty while he goes on.</summary>
    public string WaitsFor => _script?.WaitsFor ?? "";

    public ScenarioOperator Operator => _operator;

    /// <summary>Machines that are members.</summary>
    public IReadOnlyList<SimNode> InUse => [.. _machines.Where(m => m.IsInUse && !_givenUp.Contains(m))];

    /// <summary>Machines that were never used.</summary>
    public SimNode? Fresh => _machines.FirstOrDefault(static m => !m.IsInUse && m.Boots == 0);

    /// <summary>Replicas that were added to shards so far.</summary>
    public int Additions => _membership.Additions;

    /// <summary>Machines that a scenario needs.</summary>
    public static int MachinesOf(SimulationScenario scenario) => scenario switch
    {
        SimulationScenario.Grow or SimulationScenario.Move => 5,
        SimulationScenario.None => 0,
        SimulationScenario.Drain or SimulationScenario.Replace => 8,
        _ => 9,
    };

    /// <summary>Founds the cluster, starts its nodes, and lets the operator begin.</summary>
    public void Begin()
    {
        int founders = _world.Options.Scenario switch
        {
            SimulationScenario.Grow or SimulationScenario.Nine => 1,
            SimulationScenario.Drain or SimulationScenario.Move => 5,
            SimulationScenario.Replace => _random.NextInt(3, 6),
            _ => _random.Chance(0.5) ? 1 : 3,
        };
        Found(founders);
        _script = new ScenarioScript(_world, this, _random.Fork());
        Script = _script.RunAsync();
    }

    /// <summary>A machine joins under a name, with a store of its own; returns when it is a member and runs.</summary>
    public async Task JoinAsync(SimNode machine, string name)
    {
        Guid store = StoreOf(machine);
        JoinReply reply = await _operator.JoinAsync(new JoinRequest
        {
            Name = name,
            StoreUuid = store,
            Address = AddressOf(machine),
            TotalShards = _world.Options.Shards,
        }).ConfigureAwait(false);
        if (reply.Refusal is { } refusal)
        {
            _world.Violate("scenario", $"{machine.Name} may not join as {name}: {refusal}");
            return;
        }

        var plan = new ClusterPlan
        {
            Self = reply.Number,
            ClusterId = reply.ClusterId,
            StoreUuid = store,
            ReplicationFactor = reply.ReplicationFactor,
            Nodes = reply.Nodes,
            Replicas = static _ => [],
        };
        _world.Trace.Tell(machine.Name, $"joins as {name}, node {reply.Number}");
        _world.Probes.Hit("scenario.joined");
        Use(machine, name, reply.Number, plan);
    }

    /// <summary>
    /// Null where every shard goes on without a machine and nothing that was acknowledged is lost with it: in every configuration that
    /// anybody has, a majority of the voters lives on the others. All must run, so that this can be seen, also the machine itself: of
    /// a shard that has not arrived anywhere else yet nobody else knows. Otherwise why not.
    /// </summary>
    public string? WhyNotLose(SimNode machine)
    {
        if (_machines.FirstOrDefault(m => m.IsInUse && m.Probe is null) is { } down) return $"{down.Name} is down";
        for (uint shard = 0; shard <= (uint)_world.Options.Shards; shard++)
        {
            foreach (SimNode other in _machines)
            {
                if (other.Probe is not { } probe || probe.Look(new ShardId(shard)) is null) continue;
                Nori.Raft.Core.Configuration known = probe.ConfigurationOf(new ShardId(shard)).Configuration;
                if (!HasMajority(shard, known.Voters, machine) || !HasMajority(shard, known.Outgoing, machine))
                    return $"shard {shard} is {known} on {other.Name}";
            }
        }

        return null;
    }

    /// <summary>The machine is gone for good, with its disk.</summary>
    public void Lose(SimNode machine)
    {
        _world.Probes.Hit("scenario.lost");
        machine.IsInUse = false;
        if (machine.State == NodeState.Paused) machine.Resume();
        machine.Crash(CrashMode.DropUnsynced, "lost with its disk");
    }

    /// <summary>The machine leaves in order, and does not come back.</summary>
    public void Retire(SimNode machine)
    {
        _world.Probes.Hit("scenario.retired");
        machine.IsInUse = false;
        if (machine.State == NodeState.Paused) machine.Resume();
        // In the middle of a step it hears no signal.
        if (machine.State == NodeState.Paused) machine.Crash(CrashMode.ProcessOnly, "retired while it stands still");
        else machine.Stop();
    }

    /// <summary>The machine runs and is no member any more.</summary>
    public void GiveUp(SimNode machine) => _givenUp.Add(machine);

    /// <summary>The name it goes by.</summary>
    public string NameOf(SimNode machine) => _names[machine];

    /// <summary>What keeps the cluster from being at rest where it shall be; null where nothing does.</summary>
    public async Task<string?> UnrestAsync()
    {
        ClusterStatus status = await _operator.StatusAsync().ConfigureAwait(false);
        return PlacementCheck.Unrest(status, [.. InUse.Select(static m => m.Number)]) ?? PlacementCheck.Strays(status, InUse);
    }

    private bool HasMajority(uint shard, IReadOnlyList<Nori.Raft.Core.ReplicaId> voters, SimNode without) =>
        voters.Count == 0
        || voters.Count(v => _membership.HomeOf(shard, v) is { IsInUse: true } home && home != without) > voters.Count / 2;

    private void Found(int founders)
    {
        if (founders == 1)
        {
            Use(_machines[0], _machines[0].Name, new NodeNumber(1), plan: null);
            return;
        }

        FormationProposal proposal = FormationProposal.Create(
            s_cluster,
            new FormationSettings(_world.Options.Shards, HashTags: false, ReplicationFactor: 3),
            _machines.Take(founders).Select(static m => new FormationMember(m.Name, StoreOf(m), AddressOf(m), "")));
        foreach (SimNode machine in _machines.Take(founders))
        {
            ClusterPlan plan = ClusterRecord.Of(proposal, StoreOf(machine)).ToPlan();
            Use(machine, machine.Name, plan.Self, plan);
        }
    }

    private void Use(SimNode machine, string name, NodeNumber number, ClusterPlan? plan)
    {
        machine.Number = number;
        machine.IsInUse = true;
        _names[machine] = name;
        machine.Configure = options => options with
        {
            NodeName = name,
            AdvertiseAddress = AddressOf(machine),
            Plan = plan,
            Transport = machine.Transport,
            Placement = _placement,
        };
        machine.Start();
    }

    private static string AddressOf(SimNode machine) => $"{machine.Name}:1";

    private static Guid StoreOf(SimNode machine) => new($"00000000-0000-4000-8000-{machine.Place + 1:D12}");
}
