using Nori.Core;
using NoriKV.Node.Meta;
using NoriKV.TestKit.Simulation.Nodes;
using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Scenarios;

/// <summary>What the operator of each scenario does. Faults go on meanwhile; what is not done when they end is done behind them.</summary>
internal sealed class ScenarioScript(SimWorld world, ScenarioRun run, Prng random)
{
    /// <summary>
    /// A cluster has three nodes at least, once it has had them, or is to be alone in the end: fewer hold fewer than three copies.
    /// </summary>
    private const int Least = 3;

    /// <summary>Longer than a silent node takes to be given up.</summary>
    private static readonly long s_stillMax = 30 * Ticks.Second;

    /// <summary>What it waits for, in words; empty while it goes on.</summary>
    public string WaitsFor { get; private set; } = "";

    /// <summary>Runs it from the beginning to the end.</summary>
    public async Task RunAsync()
    {
        await BreatheAsync().ConfigureAwait(false);
        switch (world.Options.Scenario)
        {
            case SimulationScenario.Grow:
                await GrowAsync().ConfigureAwait(false);
                break;
            case SimulationScenario.Nine:
                await GrowByOneAsync().ConfigureAwait(false);
                break;
            case SimulationScenario.Drain:
                for (int i = random.NextInt(3, 6); i > 0; i--) await DrainOneAsync().ConfigureAwait(false);
                break;
            case SimulationScenario.Replace:
                for (int i = random.NextInt(2, 4); i > 0; i--) await ReplaceOneAsync().ConfigureAwait(false);
                break;
            case SimulationScenario.Move:
                await MoveAboutAsync(random.NextInt(10, 40)).ConfigureAwait(false);
                break;
            default:
                await MixAsync().ConfigureAwait(false);
                break;
        }

        world.Trace.Tell("op", "the script is done");
    }

    private async Task GrowAsync()
    {
        await JoinAsync().ConfigureAwait(false);
        await MaybeRestAsync(0.3).ConfigureAwait(false);
        await JoinAsync().ConfigureAwait(false);
        await MaybeRestAsync(0.5).ConfigureAwait(false);
        await JoinAsync().ConfigureAwait(false);
        await JoinAsync().ConfigureAwait(false);
        await MaybeRestAsync(0.5).ConfigureAwait(false);
        await DrainAsync(Any(), staysIn: false).ConfigureAwait(false);
        await DrainAsync(Any(), staysIn: false).ConfigureAwait(false);
        while (run.InUse.Count > 1)
        {
            // One that is refused, because too many others are silent, is tried again.
            await MaybeRestAsync(0.3).ConfigureAwait(false);
            await DrainAsync(Any(), staysIn: false).ConfigureAwait(false);
        }

        world.Probes.Hit("scenario.alone_again");
    }

    /// <summary>protocol.md §7: a node that joins a level cluster costs ⌊S·RF/(N+1)⌋ learners, all on it.</summary>
    private async Task GrowByOneAsync()
    {
        while (run.Fresh is not null)
        {
            int before = run.Additions, nodes = run.InUse.Count;
            await JoinAsync().ConfigureAwait(false);
            await RestAsync().ConfigureAwait(false);
            int added = run.Additions - before, shards = world.Options.Shards;
            // The second node gets a spare copy of each shard, the third the last one.
            int bound = nodes switch { 1 or 2 => shards, _ => shards * Least / (nodes + 1) };
            world.Trace.Tell("op", $"{nodes} nodes and one: {added} learners, at most {bound}");
            if (added > bound && world.Options.Faults == FaultKinds.None)
                world.Violate("learners_bound", $"a node that joined {nodes} cost {added} learners, not {bound} at most");
        }
    }

    private async Task MixAsync()
    {
        for (int i = random.NextInt(5, 10); i > 0; i--)
        {
            int dice = random.NextInt(10);
            if (run.InUse.Count <= Least || (dice < 3 && run.Fresh is not null)) await JoinAsync().ConfigureAwait(false);
            else if (dice < 5) await DrainOneAsync().ConfigureAwait(false);
            else if (dice < 7) await ReplaceOneAsync().ConfigureAwait(false);
            else await MoveAboutAsync(random.NextInt(1, 6)).ConfigureAwait(false);
            await BreatheAsync().ConfigureAwait(false);
        }
    }

    private async Task DrainOneAsync()
    {
        if (run.InUse.Count > Least) await DrainAsync(Any(), staysIn: random.Chance(0.3)).ConfigureAwait(false);
        if (run.InUse.Count <= Least || random.Chance(0.5)) await JoinAsync().ConfigureAwait(false);
    }

    /// <summary>Empties a node; then it leaves, or is taken back at some moment in between.</summary>
    private async Task DrainAsync(SimNode node, bool staysIn)
    {
        string name = NameOf(node);
        // Fewer copies than there were, on the operator's word.
        int? factor = run.InUse.Count > Least ? null : 1;
        world.Probes.Hit("scenario.drain");
        KvError? refusal =
            await run.Operator.WishAsync($"drain {name}", (a, c) => a.DrainAsync(name, factor, c)).ConfigureAwait(false);
        // One that was granted without an answer may be refused when it is made again.
        if (refusal is not null && await StateAsync(node).ConfigureAwait(false) != RegisteredState.Draining) return;
        if (staysIn)
        {
            await world.Events.DelayAsync(random.NextLong(4 * Ticks.Second)).ConfigureAwait(false);
            await run.Operator.WishAsync($"undrain {name}", (a, c) => a.UndrainAsync(name, c)).ConfigureAwait(false);
            return;
        }

        while (await StateAsync(node).ConfigureAwait(false) == RegisteredState.Draining)
        {
            // Refused while it holds anything.
            await run.Operator.WishAsync($"decommission {name}", (a, c) => a.DecommissionAsync(name, c)).ConfigureAwait(false);
            await world.Events.DelayAsync(Ticks.Second).ConfigureAwait(false);
        }

        await UntilCanLoseAsync(node).ConfigureAwait(false);
        run.Retire(node);
    }

    /// <summary>A machine is lost, or only taken for lost; another one takes its name, or another name.</summary>
    private async Task ReplaceOneAsync()
    {
        if (run.Fresh is null || run.InUse.Count < Least) return;
        SimNode node = Any();
        string name = NameOf(node);
        bool isAlive = random.Chance(0.3);
        if (!isAlive)
        {
            await UntilCanLoseAsync(node).ConfigureAwait(false);
            run.Lose(node);
            await BreatheAsync().ConfigureAwait(false);
        }

        // One that is there is not given up; one that stands still for so long is taken for lost. Not for ever: where the registry
        // has no majority without it, nobody answers the operator who shall let it go on.
        if (isAlive)
        {
            node.Pause();
            world.Events.After(s_stillMax, node.Resume);
        }

        bool isGivenUp = await GiveUpAsync(node, name, isAlive ? 15 : int.MaxValue).ConfigureAwait(false);
        if (isAlive) node.Resume();
        if (!isGivenUp) return;
        world.Probes.Hit(isAlive ? "scenario.given_up_alive" : "scenario.replaced");
        if (isAlive) run.GiveUp(node);
        await JoinAsync(name).ConfigureAwait(false);
        if (!isAlive) return;
        await UntilCanLoseAsync(node).ConfigureAwait(false);
        run.Retire(node);
    }

    /// <summary>Refused as long as the node is heard; false where it goes on being heard.</summary>
    private async Task<bool> GiveUpAsync(SimNode node, string name, int attempts)
    {
        while (await StateAsync(node).ConfigureAwait(false) is RegisteredState.Active or RegisteredState.Draining)
        {
            if (attempts-- == 0) return false;
            await run.Operator.WishAsync($"replace {name}", (a, c) => a.ReplaceAsync(name, c)).ConfigureAwait(false);
            await world.Events.DelayAsync(Ticks.Second).ConfigureAwait(false);
        }

        return true;
    }

    private async Task MoveAboutAsync(int moves)
    {
        for (int i = 0; i < moves; i++)
        {
            var shard = new ShardId((uint)random.NextInt(world.Options.Shards + (random.Chance(0.2) ? 1 : 0)));
            string source = NameOf(Any()), target = NameOf(Any());
            if (random.Chance(0.7))
            {
                await run.Operator.WishAsync(
                    $"move {shard} from {source} to {target}",
                    (a, c) => a.MoveReplicaAsync(shard, source, target, c)).ConfigureAwait(false);
            }
            else
            {
                await run.Operator.WishAsync(
                    $"lead {shard} on {target}", (a, c) => a.MoveLeaderAsync(shard, target, c)).ConfigureAwait(false);
            }

            await world.Events.DelayAsync(random.NextLong(2 * Ticks.Second)).ConfigureAwait(false);
        }
    }

    private async Task JoinAsync(string? name = null)
    {
        if (run.Fresh is { } machine) await run.JoinAsync(machine, name ?? machine.Name).ConfigureAwait(false);
    }

    private async Task<RegisteredState?> StateAsync(SimNode node)
    {
        ClusterStatus status = await run.Operator.StatusAsync().ConfigureAwait(false);
        return status.Nodes.FirstOrDefault(n => n.Node.Number == node.Number)?.Node.State;
    }

    private async Task MaybeRestAsync(double chance)
    {
        if (random.Chance(chance)) await RestAsync().ConfigureAwait(false);
        else await BreatheAsync().ConfigureAwait(false);
    }

    private async Task RestAsync()
    {
        while (await run.UnrestAsync().ConfigureAwait(false) is { } unrest)
        {
            WaitsFor = $"rest: {unrest}";
            await run.Operator.PauseAsync().ConfigureAwait(false);
        }

        WaitsFor = "";
    }

    private async Task UntilCanLoseAsync(SimNode node)
    {
        while (run.WhyNotLose(node) is { } why)
        {
            WaitsFor = $"{node.Name} can be lost: {why}";
            await run.Operator.PauseAsync().ConfigureAwait(false);
        }

        WaitsFor = "";
    }

    private Task BreatheAsync() => world.Events.DelayAsync(random.NextLong(3 * Ticks.Second));

    private SimNode Any()
    {
        IReadOnlyList<SimNode> nodes = run.InUse;
        return nodes[random.NextInt(nodes.Count)];
    }

    private string NameOf(SimNode node) => run.NameOf(node);
}
