using NoriKV.Cli.Chaos.Load;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Client;

namespace NoriKV.Cli.Chaos.Measures;

/// <summary>Kills the node that leads most, or lets its syncs stall, again and again under load.</summary>
internal sealed class FailoverMeasure(ChaosCluster cluster, MeasureOptions options, Action<string> tell, TimeProvider time)
{
    private static readonly TimeSpan FailoverGoal = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WorstGoal = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    /// <summary>SIGKILL, then a new life of the same node.</summary>
    public Task<IReadOnlyList<MeasureRow>> KillsAsync(CancellationToken cancellationToken) =>
        RunAsync(
            "leader killed, all its shards writable again",
            options.Kills,
            isAlive: false,
            static node => node.KillAsync(),
            node =>
            {
                node.Start();
                return Task.CompletedTask;
            },
            cancellationToken);

    /// <summary>Syncs that do not return.</summary>
    public Task<IReadOnlyList<MeasureRow>> StallsAsync(CancellationToken cancellationToken) =>
        RunAsync(
            "leader's fsync stalls, all its shards led elsewhere and writable",
            options.Stalls,
            isAlive: true,
            static node =>
            {
                node.Process!.Tell("disk stall");
                return Task.CompletedTask;
            },
            static node =>
            {
                node.Process!.Tell("disk well");
                return Task.CompletedTask;
            },
            cancellationToken);

    private async Task<IReadOnlyList<MeasureRow>> RunAsync(
        string what, int times, bool isAlive, Func<ChaosNode, Task> fail, Func<ChaosNode, Task> restore,
        CancellationToken cancellationToken)
    {
        NoriKVClient client = MeasureRun.Connect(cluster, TimeSpan.FromSeconds(30));
        await using (client.ConfigureAwait(false))
        {
            var load = new CountingLoad(client, options.Callers, options.Cluster.Seed, time);
            var probes = new ShardProbes(client, options.Cluster.Shards, time);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task writing = load.RunAsync(stop.Token);
            var took = new List<TimeSpan>();
            var longest = TimeSpan.Zero;
            for (int i = 0; i < times; i++)
            {
                (ChaosNode victim, int[] led) = await BusiestAsync(cancellationToken).ConfigureAwait(false);
                load.TakeLongest();
                await fail(victim).ConfigureAwait(false);
                long failed = time.GetTimestamp();
                // A leader that lives serves on through its followers' disks: it has yet to hand over.
                if (isAlive) await LedElsewhereAsync(victim, led, cancellationToken).ConfigureAwait(false);
                TimeSpan[]? each = await probes.WritableAfterAsync(led, Limit, cancellationToken).ConfigureAwait(false);
                TimeSpan until = time.GetElapsedTime(failed);
                took.Add(until);
                await restore(victim).ConfigureAwait(false);
                await SettleAsync(cancellationToken).ConfigureAwait(false);
                TimeSpan wait = load.TakeLongest();
                if (wait > longest) longest = wait;
                tell(FormattableString.Invariant($"{what}, {i + 1} of {times}: {victim.Name} led {led.Length}, ")
                    + FormattableString.Invariant($"{until.TotalSeconds:0.00} s{Spread(each)}; ")
                    + FormattableString.Invariant($"longest write {wait.TotalSeconds:0.00} s"));
            }

            await stop.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
            int lost = await load.CountLostAsync(cancellationToken).ConfigureAwait(false);
            return Rows(what, [.. took.Order()], longest, load, lost);
        }
    }

    // Whether all are late or a few: half of them, nine in ten.
    private static string Spread(TimeSpan[]? each) => each is { Length: > 0 }
        ? FormattableString.Invariant($" (first {each[0].TotalSeconds:0.00}, half {each[each.Length / 2].TotalSeconds:0.00}, ")
            + FormattableString.Invariant($"nine in ten {each[each.Length * 9 / 10].TotalSeconds:0.00})")
        : "";

    private static MeasureRow[] Rows(string what, TimeSpan[] took, TimeSpan longest, CountingLoad load, int lost)
    {
        TimeSpan median = took[took.Length / 2];
        return
        [
            new(
                $"{what}, {took.Length} times",
                FormattableString.Invariant($"median {median.TotalSeconds:0.00} s, worst {took[^1].TotalSeconds:0.00} s"),
                "median < 2 s, worst < 5 s",
                median < FailoverGoal && took[^1] < WorstGoal),
            new(
                $"{what}: writes meanwhile",
                FormattableString.Invariant($"{load.Done} done, {load.Failed} failed, longest {longest.TotalSeconds:0.00} s, ")
                    + FormattableString.Invariant($"{lost} keys lost writes"),
                "none failed, none lost",
                load.Failed == 0 && lost == 0),
        ];
    }

    // The node that leads most, and what it leads; the shard of the registry is nobody's to write.
    private async Task<(ChaosNode Node, int[] Led)> BusiestAsync(CancellationToken cancellationToken)
    {
        (ChaosNode Node, int[] Led) busiest = (cluster.Nodes[0], []);
        foreach (ChaosNode node in cluster.Nodes)
        {
            NodeSight? sight = await cluster.SightAsync(node, cancellationToken).ConfigureAwait(false);
            int[] led = [.. (sight?.Led ?? []).Where(s => s < options.Cluster.Shards)];
            if (led.Length > busiest.Led.Length) busiest = (node, led);
        }

        return busiest;
    }

    // The others say that they lead what it led; gives up at the limit, which the figure then shows.
    private async Task LedElsewhereAsync(ChaosNode victim, int[] led, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (time.GetElapsedTime(begun) < Limit)
        {
            IEnumerable<Task<NodeSight?>> asked =
                cluster.Nodes.Where(n => n != victim).Select(n => cluster.SightAsync(n, cancellationToken));
            NodeSight?[] sights = await Task.WhenAll(asked).ConfigureAwait(false);
            HashSet<int> elsewhere = [.. sights.SelectMany(static s => s?.Led ?? [])];
            if (led.All(elsewhere.Contains)) return;
            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    // All nodes serve, and no replica is far behind: the next fault meets a whole cluster.
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (time.GetElapsedTime(begun) < Limit)
        {
            IEnumerable<Task<NodeSight?>> asked = cluster.Nodes.Select(n => cluster.SightAsync(n, cancellationToken));
            NodeSight?[] sights = await Task.WhenAll(asked).ConfigureAwait(false);
            if (sights.All(static s => s is { IsReady: true }) && sights[0]!.Replicas.All(r => IsLevel(sights, r.Key, r.Value.Applied)))
                return;

            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsLevel(NodeSight?[] sights, int shard, long applied)
    {
        const long BehindMax = 200;
        return sights.All(s => !s!.Replicas.TryGetValue(shard, out ReplicaState other) || Math.Abs(other.Applied - applied) < BehindMax);
    }
}
