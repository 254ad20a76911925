using Nori.Core;
using NoriKV.Cli.Chaos.Nodes;

namespace NoriKV.Cli.Chaos;

/// <summary>Disks and clocks.</summary>
internal sealed partial class FaultHands
{
    // Clocks gain little in less.
    private static readonly TimeSpan DriftMin = TimeSpan.FromSeconds(2);

    // Drifts under way: the rates of the last one hold, until the last has ended.
    private int _drifts;

    // The one copy that may be rotten or lost in a round is this node's.
    private async Task BitFlipAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        if (!TryHarm(node)) return;
        report.Injected(ChaosFaults.BitFlip);
        await node.KillAsync().ConfigureAwait(false);
        node.Flipped = FlippedBit.Flip(node.DataDirectory, random);
        _isHarming = false;
        report.Tell($"{node.Name} killed for {lasts.TotalSeconds:0.00} s, flipped {node.Flipped?.ToString() ?? "nothing"}");
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        if (!node.IsUp) Begin(node);
    }

    private async Task DiskErrorAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        if (!node.IsUp) return;
        NodeProcess process = node.Process!;
        string call = random.NextInt(3) switch { 0 => "sync", 1 => "write", _ => "read" };
        report.Tell($"{node.Name}: the next {call} fails");
        process.MayFail = true;
        process.Tell($"disk fail {call}");
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        process.Tell("disk well");
        if (node.Process != process || process.IsEnding) return;
        if (await cluster.SightAsync(node, stop).ConfigureAwait(false) is { IsReady: true }) return;
        await node.KillAsync().ConfigureAwait(false);
        if (!node.IsUp) Begin(node);
    }

    private async Task OrderAsync(ChaosNode node, string order, string end, TimeSpan lasts, CancellationToken stop)
    {
        if (!node.IsUp) return;
        report.Tell($"{node.Name}: {order} for {lasts.TotalSeconds:0.00} s");
        NodeProcess process = node.Process!;
        // A node that cannot write while it starts says so and ends; one that serves must serve on.
        if (!process.Ready.IsCompleted) process.MayFail = true;
        process.Tell(order);
        await LastsAsync(lasts, stop).ConfigureAwait(false);
        process.Tell(end);
    }

    private Task ClockJumpAsync(ChaosNode node, Prng random, TimeSpan lasts, CancellationToken stop)
    {
        double hours = (random.NextDouble() * 2) - 1;
        double seconds = Math.Round(random.Chance(0.5) ? hours * 3 * 3600 : hours * 20, 3);
        return OrderAsync(
            node, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"clock {seconds}"), "clock 0", lasts, stop);
    }

    // All nodes at once, half of them as far off as may be: a lease that lasts long meets loyalty that does not. Wall clocks drift as
    // well, or are kept right: a leader whose wall clock is off leads no more before long. In the end they are set, as a time service
    // sets them.
    private async Task ClockDriftAsync(Prng random, TimeSpan lasts, CancellationToken stop)
    {
        if (lasts < DriftMin) lasts = DriftMin;
        Interlocked.Increment(ref _drifts);
        string which = random.Chance(0.5) ? "" : " monotonic";
        foreach (ChaosNode node in Nodes)
        {
            double share = (random.NextDouble() * 2) - 1;
            if (random.Chance(0.5)) share = Math.Sign(share);
            double rate = Math.Round(1 + (share * options.ClockDrift / 100), 4);
            if (!node.IsUp) continue;
            report.Tell($"{node.Name}:{which} clocks run {rate} times as fast for {lasts.TotalSeconds:0.00} s");
            node.Process!.Tell(FormattableString.Invariant($"clock rate {rate}{which}"));
        }

        await LastsAsync(lasts, stop).ConfigureAwait(false);
        if (Interlocked.Decrement(ref _drifts) > 0) return;
        foreach (ChaosNode node in Nodes.Where(static n => n.IsUp)) SetClock(node.Process!);
    }

    private static void SetClock(NodeProcess process)
    {
        process.Tell("clock rate 1");
        process.Tell("clock 0");
    }
}
