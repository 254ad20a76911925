using Nori.Core;
using NoriKV.Cli.Chaos.Load;
using NoriKV.Cli.Chaos.Nodes;

namespace NoriKV.Cli.Chaos;

/// <summary>Carries out a plan: each action begins at its time, lasts, and takes back what it did.</summary>
internal sealed partial class FaultHands(
    ChaosCluster cluster, ShardProbes probes, ChaosOptions options, ChaosReport report, TimeProvider time)
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FailoverLimit = TimeSpan.FromSeconds(60);

    // Guards what nodes count.
    private readonly Lock _gate = new();

    // Actions under way, and all that ever began: whether one was alone.
    private int _active;
    private int _begun;

    private IReadOnlyList<ChaosNode> Nodes => cluster.Nodes;

    /// <summary>Carries out all of it; ends when the last has taken back what it did.</summary>
    public Task RunAsync(IReadOnlyList<ChaosAction> plan, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        return Task.WhenAll(plan.Select(a => OneAsync(a, begun, cancellationToken)));
    }

    /// <summary>Takes back all that may still hold: the network is whole, every node runs and is well.</summary>
    public void Heal()
    {
        cluster.Links.Heal();
        foreach (ChaosNode node in Nodes)
        {
            if (!node.IsUp)
            {
                Begin(node);
                continue;
            }

            node.Process!.Resume();
            node.Process.Tell("disk well");
            SetClock(node.Process);
        }
    }

    /// <summary>Starts a node that is down and looks at how it ends; one that somebody else has started meanwhile is left alone.</summary>
    public void Begin(ChaosNode node)
    {
        NodeProcess process;
        lock (_gate)
        {
            // A life that is being ended is followed by the next one of whoever ends it: two would want one directory.
            if (node.IsUp || node.IsLost || node.Process is { Ended.IsCompleted: false }) return;
            process = node.Start();
        }

        report.Tell($"{node.Name} started, process {process.Id}");
        _ = WatchAsync(node, process);
    }

    /// <summary>Looks at how a life ends that somebody else began.</summary>
    public async Task WatchAsync(ChaosNode node, NodeProcess process)
    {
        int code = await process.Ended.ConfigureAwait(false);
        if (process.IsEnding) return;
        report.Tell($"{node.Name} ended by itself with exit code {code}");
        if (!process.MayFail) report.Violate("no_crash", $"{node.Name} ended by itself with exit code {code}; see {node.WordsFile}");
    }

    private async Task OneAsync(ChaosAction action, long begun, CancellationToken cancellationToken)
    {
        TimeSpan wait = action.At - time.GetElapsedTime(begun);
        if (wait > TimeSpan.Zero) await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref _begun);
        Interlocked.Increment(ref _active);
        try
        {
            // These two count where they could be done.
            if (action.Kind is not (ChaosFaults.BitFlip or ChaosFaults.Replace)) report.Injected(action.Kind);
            await ActAsync(action, new Prng(action.Seed), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _active);
        }
    }

    private Task ActAsync(ChaosAction action, Prng random, CancellationToken stop)
    {
        ChaosNode node = Nodes[random.NextInt(Nodes.Count)];
        return action.Kind switch
        {
            ChaosFaults.Kill => KillAsync(node, action.Lasts, stop),
            ChaosFaults.KillAll => KillAllAsync(action.Lasts, stop),
            ChaosFaults.Restart => RestartAsync(node, stop),
            ChaosFaults.Pause => PauseAsync(node, action.Lasts, stop),
            ChaosFaults.Partition or ChaosFaults.OneWay or ChaosFaults.PartialPartition or ChaosFaults.Flapping
                or ChaosFaults.ClientCut or ChaosFaults.SlowLink or ChaosFaults.DatagramLoss or ChaosFaults.StreamCut =>
                NetworkAsync(action, node, random, stop),
            ChaosFaults.SlowDisk => OrderAsync(node, $"disk slow {1 + random.NextInt(80)}", "disk well", action.Lasts, stop),
            ChaosFaults.StalledSync => OrderAsync(node, "disk stall", "disk well", action.Lasts, stop),
            ChaosFaults.FullDisk => OrderAsync(node, "disk full", "disk well", action.Lasts, stop),
            ChaosFaults.DiskError => DiskErrorAsync(node, random, action.Lasts, stop),
            ChaosFaults.BitFlip => BitFlipAsync(node, random, action.Lasts, stop),
            ChaosFaults.ClockJump => ClockJumpAsync(node, random, action.Lasts, stop),
            ChaosFaults.ClockDrift => ClockDriftAsync(random, action.Lasts, stop),
            ChaosFaults.MoveLeader => MoveLeadersAsync(random, stop),
            ChaosFaults.Replace => LoseAsync(node, stop),
            _ => throw Invariant.Unreachable($"{action.Kind} is one kind"),
        };
    }

    private Task LastsAsync(TimeSpan span, CancellationToken stop) => Task.Delay(span, time, stop);

    private async Task KillAsync(ChaosNode node, TimeSpan lasts, CancellationToken stop)
    {
        if (!node.IsUp) return;
        NodeSight? before = await cluster.SightAsync(node, stop).ConfigureAwait(false);
        int begun = Volatile.Read(ref _begun);
        bool isAlone = Volatile.Read(ref _active) == 1 && Nodes.All(static n => n.IsUp);
        await node.KillAsync().ConfigureAwait(false);
        int[] led = [.. (before?.Led ?? []).Intersect(probes.All)];
        report.Tell($"{node.Name} killed, led {led.Length} shards, down for {lasts.TotalSeconds:0.00} s");
        if (isAlone && led.Length > 0 && Nodes.Count > 2)
        {
            TimeSpan? took = await probes.UntilWritableAsync(led, FailoverLimit, stop).ConfigureAwait(false);
            report.Tell($"the shards of {node.Name} were writable after {took?.TotalSeconds:0.000} s");
            if (took is { } span && begun == Volatile.Read(ref _begun)) report.FailedOver(span);
        }

        await LastsAsync(lasts, stop).ConfigureAwait(false);
        if (!node.IsUp) Begin(node);
    }

    private async Task KillAllAsync(TimeSpan lasts, CancellationToken stop)
    {
        report.Tell($"all nodes killed for {lasts.TotalSeconds:0.00} s");
        await Task.WhenAll(Nodes.Select(static n => n.KillAsync())).ConfigureAwait(false);
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        foreach (ChaosNode node in Nodes)
        {
            if (!node.IsUp) Begin(node);
        }
    }

    private async Task RestartAsync(ChaosNode node, CancellationToken stop)
    {
        if (!node.IsUp) return;
        report.Tell($"{node.Name} told to stop");
        NodeProcess process = node.Process!;
        process.Terminate();
        try
        {
            await process.Ended.WaitAsync(StopLimit, time, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Other faults may hold it: what matters is that it comes back whole.
            report.Tell($"{node.Name} did not stop within {StopLimit.TotalSeconds:0} s and was killed");
            await node.KillAsync().ConfigureAwait(false);
        }

        if (!node.IsUp) Begin(node);
    }

    private async Task PauseAsync(ChaosNode node, TimeSpan lasts, CancellationToken stop)
    {
        if (!node.IsUp) return;
        NodeProcess process = node.Process!;
        report.Tell($"{node.Name} stands still for {lasts.TotalSeconds:0.00} s");
        lock (_gate)
        {
            node.Pauses++;
            process.Pause();
        }

        await LastsAsync(lasts, stop).ConfigureAwait(false);
        lock (_gate)
        {
            // A life that ended took its pauses with it.
            if (node.Process == process && --node.Pauses == 0 && !process.Ended.IsCompleted) process.Resume();
        }
    }

    private async Task MoveLeadersAsync(Prng random, CancellationToken stop)
    {
        int moves = 1 + random.NextInt(4);
        for (int i = 0; i < moves; i++)
        {
            ChaosNode leader = Nodes[random.NextInt(Nodes.Count)];
            ChaosNode target = Nodes[random.NextInt(Nodes.Count)];
            int[] led = [.. ((await cluster.SightAsync(leader, stop).ConfigureAwait(false))?.Led ?? []).Order()];
            if (led.Length == 0 || leader == target) continue;
            int shard = led[random.NextInt(led.Length)];
            bool moved = await LeadershipMover.MoveAsync($"{leader.Real}", shard, target.Name, stop).ConfigureAwait(false);
            report.Tell($"shard {shard} {(moved ? "moved" : "did not move")} from {leader.Name} to {target.Name}");
        }
    }
}
