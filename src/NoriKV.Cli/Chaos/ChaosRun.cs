using System.Globalization;
using Nori.Core;
using NoriKV.Cli.Chaos.Checks;
using NoriKV.Cli.Chaos.Load;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Client;

namespace NoriKV.Cli.Chaos;

/// <summary>Round after round on one cluster: load, faults, healing, judgement. Ends at the first violation.</summary>
internal sealed class ChaosRun(ChaosOptions options, string folder, bool isTemporary, Action<ChaosReport> progress, TimeProvider time)
{
    private const int Clients = 2;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    /// <summary>Runs it.</summary>
    /// <exception cref="IOException">The cluster did not start.</exception>
    public async Task<ChaosReport> RunAsync(CancellationToken cancellationToken)
    {
        var story = new StreamWriter(Path.Combine(folder, "story.txt")) { AutoFlush = true };
        await using (story.ConfigureAwait(false))
        {
            var report = new ChaosReport(story, time);
            var cluster = new ChaosCluster(options, folder, isTemporary, isDirect: false, time);
            await using (cluster.ConfigureAwait(false))
            {
                await cluster.StartAsync(StartLimit, cancellationToken).ConfigureAwait(false);
                report.Tell($"{options.Nodes} nodes serve");
                await RoundsAsync(cluster, report, cancellationToken).ConfigureAwait(false);
            }

            return report;
        }
    }

    private async Task RoundsAsync(ChaosCluster cluster, ChaosReport report, CancellationToken cancellationToken)
    {
        INoriKV[] clients = [.. Enumerable.Range(0, Clients).Select(i => Connect(cluster, options.Deadline, (ulong)i))];
        INoriKV prober = Connect(cluster, TimeSpan.FromSeconds(2), Clients);
        try
        {
            var probes = new ShardProbes(prober, options.Shards, time);
            var hands = new FaultHands(cluster, probes, options, report, time);
            var judge = new RoundJudge(cluster, hands, probes, options, report, folder, time);
            foreach (ChaosNode node in cluster.Nodes) _ = hands.WatchAsync(node, node.Process!);
            int rounds = Math.Max(1, (int)Math.Round(options.Duration / options.Round));
            for (int round = 0; round < rounds && report.IsGood; round++)
            {
                report.Tell($"round {round + 1} of {rounds}");
                string prefix = string.Create(CultureInfo.InvariantCulture, $"r{round}/");
                var load = new ChaosLoad(clients, options, prefix, report.Counts, time);
                await RoundAsync(load, hands, judge, round, cancellationToken).ConfigureAwait(false);
                report.Rounds++;
                progress(report);
            }
        }
        finally
        {
            foreach (INoriKV client in (INoriKV[])[.. clients, prober]) await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task RoundAsync(ChaosLoad load, FaultHands hands, RoundJudge judge, int round, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task calling = load.RunAsync(new Prng(options.Seed + (ulong)round), stop.Token);
        try
        {
            await hands.RunAsync(ChaosPlan.Draw(options, round), cancellationToken).ConfigureAwait(false);
            await judge.HealAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await calling.ConfigureAwait(false);
        }

        await judge.JudgeAsync(load, round, cancellationToken).ConfigureAwait(false);
    }

    private NoriKVClient Connect(ChaosCluster cluster, TimeSpan deadline, ulong number) => NoriKVClient.Connect(new NoriKVClientOptions
    {
        Addresses = cluster.Addresses,
        Deadline = deadline,
        ConnectTimeout = TimeSpan.FromSeconds(1),
        Seed = options.Seed + number,
    });
}
