using Nori.Core;
using Nori.IO;
using NoriKV.TestKit.Simulation.Checks;
using NoriKV.TestKit.Simulation.Faults;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Reports;
using NoriKV.TestKit.Simulation.Scenarios;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.TestKit.Simulation.Workloads;

namespace NoriKV.TestKit.Simulation;

/// <summary>
/// Runs a cluster of production nodes in one thread and in virtual time: a safety phase, in which anything goes wrong, then a
/// liveness phase, in which everything is healed and the cluster must serve again; then the checkers judge.
/// </summary>
public sealed class ClusterSimulation
{
    private const long OperationLimit = 4 * Ticks.Second;
    private const long LookPeriod = 250 * Ticks.Millisecond;

    private readonly SimWorld _world;
    private readonly SimNode[] _nodes;
    private readonly SimClient[] _clients;
    private readonly KeySpace _keys;
    private readonly FaultRunner _faults;
    private readonly IReadOnlyList<FaultAction> _plan;
    private readonly ReplicaCheck _replicas;
    private readonly ScenarioRun? _scenario;
    private readonly MoveStrikes? _strikes;
    private readonly ViewCheck? _views;
    private readonly List<Task> _working = [];
    private int _operations;
    private int _open;
    private bool _stopping;
    private TimeSpan? _healedAfter;
    private TimeSpan? _restartedAfter;

    private ClusterSimulation(SimulationOptions options)
    {
        _world = new SimWorld(options);
        _keys = new KeySpace(_world.Profile.Keys, options.Shards);
        _nodes = new SimNode[options.Nodes];
        for (int i = 0; i < _nodes.Length; i++) _nodes[i] = new SimNode(_world, i, _nodes);
        // One more than asked for: the one that looks at the end.
        _clients = new SimClient[_world.Profile.Clients + 1];
        for (int i = 0; i < _clients.Length; i++) _clients[i] = new SimClient(_world, _nodes, i, _world.Random.Fork());
        _plan = FaultPlan.Draw(options, _world.Profile, _world.Random.Fork());
        _ = new LeaderCheck(_world);
        _faults = new FaultRunner(_world, _nodes, _world.Profile.Clients);
        if (options.Scenario == SimulationScenario.None)
        {
            _replicas = new ReplicaCheck(_world, _nodes);
            return;
        }

        var membership = new MembershipCheck(_world, _nodes);
        _replicas = new ReplicaCheck(_world, _nodes, membership);
        _views = new ViewCheck(_world, _nodes);
        _scenario = new ScenarioRun(_world, _nodes, _nodes.Length + _clients.Length, membership, _world.Random.Fork());
        _strikes = new MoveStrikes(_world, _nodes, _faults, membership, _world.Random.Fork());
    }

    /// <summary>Runs a whole simulation and returns what it found. Equal options give equal reports.</summary>
    /// <exception cref="ArgumentException">The options have problems; all of them are named.</exception>
    public static SimulationReport Run(SimulationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        // A context of the caller's would take continuations away from this thread.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return new ClusterSimulation(WithMachines(options)).Run();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    // Who takes part is the scenario's, and what it loses may be all that may be lost: no rot besides.
    private static SimulationOptions WithMachines(SimulationOptions options) => options.Scenario == SimulationScenario.None
        ? options
        : options with
        {
            Nodes = ScenarioRun.MachinesOf(options.Scenario),
            Faults = options.Faults & ~(FaultKinds.BitRot | FaultKinds.Membership),
        };

    private SimulationReport Run()
    {
        try
        {
            RunPhases();
        }
#pragma warning disable CA1031 // Whatever ends a run is a finding of it: the seed must not get lost.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _world.Violate("simulation", e.ToString());
        }

        return Report();
    }

    private void RunPhases()
    {
        _world.Trace.Tell("--", $"{_nodes.Length} nodes, {_world.Options.Shards} shards, {_world.Profile.Clients} clients, "
            + $"{_keys.Plain.Count + _keys.Expiring.Count} keys, {_plan.Count} faults in {Ticks.Text(_world.Profile.Safety)} s");
        if (_scenario is { } scenario)
        {
            scenario.Begin();
            _strikes!.Watch(scenario.Script);
        }
        else
        {
            foreach (SimNode node in _nodes) node.Start();
        }

        _faults.Arrange(_plan);
        for (int i = 0; i < _world.Profile.Clients; i++) _working.Add(WorkAsync(i));
        Look(0);
        RunUntil(_world.Profile.Safety, () => false);
        FinalLook(BeginLiveness());
        foreach (Task client in _working)
        {
            if (client.IsFaulted) _world.Violate("simulation", $"a client ended: {client.Exception}");
        }

        Judge();
    }

    /// <summary>One client: an operation, a pause, and again.</summary>
    private async Task WorkAsync(int number)
    {
        Prng random = _world.Random.Fork();
        var mix = new OperationMix(_world, _keys, number, random);
        double pause = Ticks.Second * _world.Profile.Clients / _world.Profile.OperationsPerSecond;
        while (true)
        {
            await _world.Events.DelayAsync((long)(-Math.Log(1 - random.NextDouble()) * pause)).ConfigureAwait(false);
            if (_stopping || _operations >= _world.Options.OperationsMax) return;
            _operations++;
            _open++;
            Call call = await _clients[number].PerformAsync(mix.Next(), OperationLimit).ConfigureAwait(false);
            _open--;
            mix.Note(call);
        }
    }

    /// <summary>Looks into the nodes now and then: at logs often, at states less often.</summary>
    private void Look(int count) => _world.Events.After(LookPeriod, () =>
    {
        _replicas.Look(hashes: count % 8 == 0);
        _views?.Look();
        Look(count + 1);
    });

    /// <summary>When everything was healed.</summary>
    private long BeginLiveness()
    {
        long healed = _world.Events.Now;
        _world.Trace.Tell("--", "liveness: everything is healed");
        _world.Network.IsCalm = true;
        _stopping = true;
        _faults.HealAll();
        RunUntil(healed + (2 * OperationLimit), () => _open == 0 && Array.TrueForAll(_nodes, static n => n.State != NodeState.Paused));
        return healed;
    }

    /// <summary>The operator ends what he began, and all comes to lie where it shall.</summary>
    private bool ComesToRest(string what)
    {
        if (_scenario is not { } scenario) return true;
        long until = _world.Events.Now + _world.Options.ScenarioLimit.Ticks;
        RunUntil(until, () => scenario.Script.IsCompleted);
        if (!scenario.Script.IsCompletedSuccessfully)
        {
            string why = scenario.Script.IsFaulted ? scenario.Script.Exception.ToString() : "the script does not end";
            if (!scenario.Script.IsFaulted) why += $" ({scenario.WaitsFor}); {CurrentUnrest(scenario)}";
            _world.Violate("scenario", $"{what}: {why}");
            return false;
        }

        string? unrest = "nobody looked";
        async Task LookAsync()
        {
            while (unrest is not null)
            {
                unrest = await scenario.UnrestAsync().ConfigureAwait(false);
                await scenario.Operator.PauseAsync().ConfigureAwait(false);
            }
        }

        Task rest = LookAsync();
        RunUntil(until, () => rest.IsCompleted);
        if (unrest is not null && _world.Violations.Count == 0)
            _world.Violate("placement", $"{what}: {_world.Options.ScenarioLimit.TotalSeconds} s after everything was healed: {unrest}");
        return unrest is null;
    }

    // How the cluster stands; where nobody answers, that.
    private string CurrentUnrest(ScenarioRun scenario)
    {
        Task<string?> look = scenario.UnrestAsync();
        RunUntil(_world.Events.Now + OperationLimit, () => look.IsCompleted);
        return look.IsCompletedSuccessfully ? look.Result ?? "all is at rest" : "no meta leader answers";
    }

    /// <summary>Every key is written and read once more; then all nodes restart, and every key is read again.</summary>
    private void FinalLook(long healed)
    {
        // What an operator began he ends first, which may take him minutes.
        if (!ComesToRest("rest")) return;
        if (_scenario is not null) healed = _world.Events.Now;
        _healedAfter = Recover(healed, "everything was healed", writes: true);
        if (_healedAfter is null) return;
        long restarted = _world.Events.Now;
        foreach (SimNode node in _nodes)
        {
            if (node.State != NodeState.Up) continue;
            if (node.Place % 2 == 0) node.Stop();
            else node.Crash(CrashMode.DropUnsynced, "the last restart");
            FileCheck.Run(_world, node);
            node.Start();
        }

        _restartedAfter = Recover(restarted, "all nodes restarted", writes: false);
        if (_restartedAfter is not null) ComesToRest("rest_after_restart");
    }

    /// <summary>How long it took until every key was served, every shard led, and all replicas held the same; null: too long.</summary>
    private TimeSpan? Recover(long begun, string what, bool writes)
    {
        TimeSpan limit = _world.Options.LivenessLimit;
        Task look = LookAsync(writes);
        RunUntil(begun + limit.Ticks, () => look.IsCompleted);
        string? unwell = look.IsCompletedSuccessfully ? null
            : look.IsFaulted ? look.Exception.ToString()
            : "not every key is served";
        if (unwell is null)
        {
            RunUntil(begun + limit.Ticks, _replicas.HaveConverged);
            _replicas.Look(hashes: true);
            unwell = _replicas.Divergence();
        }

        if (_world.Violations.Count > 0) return null;
        if (unwell is null) return new TimeSpan(_world.Events.Now - begun);
        _world.Violate("liveness", $"{limit.TotalSeconds} s after {what}: {unwell}");
        return null;
    }

    private async Task LookAsync(bool writes)
    {
        SimClient client = _clients[^1];
        foreach (string key in _keys.Plain)
        {
            var read = new ClientOperation { Call = ClientCall.Get, Keys = [key] };
            await UntilKnownAsync(client, read).ConfigureAwait(false);
            if (!writes) continue;
            var put = new ClientOperation
            {
                Call = ClientCall.Put,
                Keys = [key],
                Values = [$"last.{key}:8"],
                IdempotencyKey = $"last-{key}",
            };
            await UntilKnownAsync(client, put).ConfigureAwait(false);
        }
    }

    private async Task UntilKnownAsync(SimClient client, ClientOperation operation)
    {
        Call call;
        do
        {
            call = await client.PerformAsync(operation, OperationLimit).ConfigureAwait(false);
            // A value that is written again by another call would be two calls' value.
            operation = operation with { Values = [.. operation.Values.Select(v => "+" + v)] };
        }
        while (!call.IsKnown);
    }

    private void RunUntil(long time, Func<bool> isDone)
    {
        while (!isDone() && _world.Violations.Count == 0 && _world.Events.TryRunNext(time))
        {
            if (_world.Events.Stray is { } where) _world.Violate("one_thread", $"a second thread came into the run: {where}");
        }
    }

    private void Judge()
    {
        Call[] calls = [.. _clients.SelectMany(c => c.Calls).OrderBy(c => c.Called).ThenBy(c => c.Client)];
        HistoryCheck.Run(_world, _keys, calls);
        VersionCheck.Run(_world, _keys, calls);
        _replicas.Judge();
        StalenessCheck.Run(_world, calls);
        ExpiryCheck.Run(_world, _keys, calls);
    }

    private SimulationReport Report()
    {
        foreach (SimNode node in _nodes)
        {
            _world.Trace.Tell(
                node.Name,
                $"{node.Boots} boots, {node.Disk.AllFiles().Count()} files, {node.Disk.Syncs} syncs, {node.Disk.BytesWritten} bytes");
        }

        Call[] calls = [.. _clients.SelectMany(c => c.Calls)];
        return new SimulationReport
        {
            Options = _world.Options,
            Violations = _world.Violations,
            UndecidedKeys = _world.UndecidedKeys,
            Story = _world.Trace.Story,
            TraceHash = _world.Trace.Hash,
            VirtualTime = new TimeSpan(_world.Events.Now),
            HealedAfter = _healedAfter,
            RestartedAfter = _restartedAfter,
            SafetyPhase = new TimeSpan(_world.Profile.Safety),
            Clients = _world.Profile.Clients,
            Events = _world.Events.Executed,
            Operations = calls.Length,
            OperationsKnown = calls.Count(c => c.IsKnown),
            OperationsUnknown = calls.Count(c => c.IsUnknown || c.Returned == long.MaxValue),
            Faults = _plan.Count,
            FaultNumbers = [.. _plan.Select(f => f.Number).Concat(_strikes?.Numbers ?? []).Except(_world.Options.WithoutFaults)],
            Messages = _world.Network.Sent,
            Counts = _world.Probes.Counts,
            Disks = [.. _nodes.Select(n => new DiskUse(n.Name, n.Disk.AllFiles().Count(), n.Disk.Syncs, n.Disk.BytesWritten))],
        };
    }
}
