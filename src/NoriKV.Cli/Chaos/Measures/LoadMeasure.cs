using System.Globalization;
using NoriKV.Cli.Bench;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Client;

namespace NoriKV.Cli.Chaos.Measures;

/// <summary>What a slow follower costs the others, and what a cluster does when ten times too much is asked of it.</summary>
internal sealed class LoadMeasure(ChaosCluster cluster, MeasureOptions options, Action<string> tell, TimeProvider time)
{
    private const int Rounds = 3;
    private const double SlowMs = 20;

    // A closed loop is as fast as it has callers, until the cluster is full: the peak is that of the best.
    private static readonly int[] ClosedCallers = [256, 1024, 4096];

    /// <summary>p99 of writes with all disks well, and with one slow; phases alternate, so that the machine's moods meet both.</summary>
    public async Task<IReadOnlyList<MeasureRow>> SlowFollowerAsync(CancellationToken cancellationToken)
    {
        ChaosNode slow = cluster.Nodes[^1];
        await LeadElsewhereAsync(slow, cancellationToken).ConfigureAwait(false);
        NoriKVClient client = MeasureRun.Connect(cluster, TimeSpan.FromSeconds(30));
        await using (client.ConfigureAwait(false))
        {
            var well = new List<double>();
            var ill = new List<double>();
            for (int round = 0; round < Rounds; round++)
            {
                well.Add(await P99Async(client, round, cancellationToken).ConfigureAwait(false));
                slow.Process!.Tell(string.Create(CultureInfo.InvariantCulture, $"disk slow {SlowMs}"));
                ill.Add(await P99Async(client, round, cancellationToken).ConfigureAwait(false));
                slow.Process!.Tell("disk well");
                tell(FormattableString.Invariant($"p99 of writes: {well[^1]:0.00} ms, with a slow follower {ill[^1]:0.00} ms"));
            }

            (double a, double b) = (Median(well), Median(ill));
            int led = await LedAsync(slow, cancellationToken).ConfigureAwait(false);
            return
            [
                new MeasureRow(
                    FormattableString.Invariant($"one node whose disk takes {SlowMs} ms more a call (it leads {led} shards), ")
                        + "p99 of PUT",
                    FormattableString.Invariant($"{a:0.00} ms and {b:0.00} ms: {b / a:0.00} x"),
                    "within 1.5 x",
                    b <= 1.5 * a),
            ];
        }
    }

    /// <summary>Peak of closed loops, then ten times that by a schedule that does not wait, without retries.</summary>
    public async Task<IReadOnlyList<MeasureRow>> OverloadAsync(CancellationToken cancellationToken)
    {
        double peak = await PeakAsync(cancellationToken).ConfigureAwait(false);
        long before = MemoryMax();
        tell(FormattableString.Invariant($"peak {peak:0} writes/s, the largest node has {before >> 20} MiB"));

        NoriKVClient hasty = Hasty();
        await using (hasty.ConfigureAwait(false))
        {
            const int Callers = 16_384;
            BenchReport report = await BenchAsync(hasty, Callers, 10 * peak, 2, cancellationToken).ConfigureAwait(false);
            long after = MemoryMax();
            double goodput = report.Throughput;
            string errors = string.Join(", ", report.Errors.Select(static e => $"{e.Value} {e.Key}"));
            return
            [
                new MeasureRow(
                    FormattableString.Invariant($"10 x offered: {10 * peak:0} writes/s"),
                    FormattableString.Invariant($"goodput {goodput:0}/s, {100 * goodput / peak:0} % of the peak ({errors})"),
                    "at least 80 % of peak",
                    goodput >= 0.8 * peak),
                new MeasureRow(
                    "memory of the largest node under overload",
                    FormattableString.Invariant($"{before >> 20} MiB before, {after >> 20} MiB after"),
                    "bounded: under 1 GiB",
                    after < 1L << 30),
            ];
        }
    }

    // Two seconds for each write, one try, and no limit of its own: what is not done in time counts for nothing, here and there.
    private NoriKVClient Hasty() => NoriKVClient.Connect(MeasureRun.Options(cluster, TimeSpan.FromSeconds(2)) with
    {
        Retry = RetryPolicy.None,
        InFlightMax = 1 << 16,
    });

    private async Task<double> PeakAsync(CancellationToken cancellationToken)
    {
        NoriKVClient client = Hasty();
        await using (client.ConfigureAwait(false))
        {
            double peak = 0;
            foreach (int callers in ClosedCallers)
            {
                double rate = (await BenchAsync(client, callers, 0, 1, cancellationToken).ConfigureAwait(false)).Throughput;
                tell(FormattableString.Invariant($"{callers} callers: {rate:0} writes/s"));
                peak = Math.Max(peak, rate);
            }

            return peak;
        }
    }

    private async Task<double> P99Async(INoriKV client, int round, CancellationToken cancellationToken)
    {
        BenchReport report = await BenchAsync(client, 16, 0, (ulong)round, cancellationToken).ConfigureAwait(false);
        return report.All.Quantile(0.99) / 1e6;
    }

    private Task<BenchReport> BenchAsync(INoriKV client, int callers, double rate, ulong seed, CancellationToken cancellationToken) =>
        new BenchEngine(
            client,
            new BenchOptions
            {
                Reads = 0, Keys = 20_000, Concurrency = callers, Rate = rate, Seed = seed, Duration = options.Phase,
                WarmUp = TimeSpan.FromSeconds(2),
            },
            time).RunAsync(cancellationToken);

    // A slow leader is another measure: this one asks what a slow follower costs.
    private async Task LeadElsewhereAsync(ChaosNode slow, CancellationToken cancellationToken)
    {
        NodeSight? sight = await cluster.SightAsync(slow, cancellationToken).ConfigureAwait(false);
        int n = 0;
        foreach (int shard in sight?.Led ?? [])
        {
            ChaosNode target = cluster.Nodes[n++ % (cluster.Nodes.Count - 1)];
            await Load.LeadershipMover.MoveAsync($"{slow.Real}", shard, target.Name, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<int> LedAsync(ChaosNode node, CancellationToken cancellationToken) =>
        (await cluster.SightAsync(node, cancellationToken).ConfigureAwait(false))?.Led.Count() ?? 0;

    // The resident set of the largest node, in bytes.
    private long MemoryMax() => cluster.Nodes.Max(static n =>
    {
        string line = File.ReadLines($"/proc/{n.Process!.Id}/status").First(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    });

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
