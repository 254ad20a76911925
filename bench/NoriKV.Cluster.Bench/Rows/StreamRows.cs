using NoriKV.Cluster.Bench.Clusters;
using NoriKV.Cluster.Bench.Load;
using NoriKV.Cluster.Bench.Reporting;
using NoriKV.Types;

namespace NoriKV.Cluster.Bench.Rows;

/// <summary>The C# client over its pipelined streams, beside the best that the peer did by unary calls.</summary>
internal sealed class StreamRows(Report report, NoriCluster cluster, double bestPut, double bestGet)
{
    private static readonly ReadOptions Stale = new() { Consistency = Consistency.StaleOk };

    private TimeSpan Time => report.Options.RunTime;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        bool put = report.Options.Wants("PUT, stream"), get = report.Options.Wants("GET, stream");
        bool scan = report.Options.Wants("scan, 1,024 shards");
        if (!put && !get && !scan) return;
        await using var load = new StreamLoad(cluster, report.Options.Keys);
        Report.Progress($"filling {report.Options.Keys:N0} keys");
        await load.FillAsync(cancellationToken);
        if (put)
        {
            Report.Progress("stream: PUT");
            await load.PutAsync(StreamLoad.InFlight, Time / 2, cancellationToken);
            List<Measured> puts = await RepeatAsync(() => load.PutAsync(StreamLoad.InFlight, Time, cancellationToken));
            Add("PUT, stream, 1,024 in flight, 1,024 shards", puts, bestPut, Goal.AtLeast(3));
            AddMicros("PUT, stream: CPU of all nodes", puts, 40);
        }

        if (get) await GetAsync(load, cancellationToken);
        if (scan) await ScanAsync(report, load, "scan, 1,024 shards, limit 100 (p95)", 15, cancellationToken);
    }

    /// <summary>A scan by one caller: its p95 and what it costs the nodes.</summary>
    public static async Task ScanAsync(
        Report report, StreamLoad load, string name, double goalMs, CancellationToken cancellationToken)
    {
        Report.Progress(name);
        await load.ScanAsync(report.Options.RunTime / 2, cancellationToken);
        List<Measured> runs = [];
        for (int i = 0; i < report.Options.Repeat; i++) runs.Add(await load.ScanAsync(report.Options.RunTime, cancellationToken));
        report.Add(new Row
        {
            Workload = name, Unit = "ms", Goal = Goal.OursAtMost(goalMs), OursRuns = [.. runs.Select(static m => m.P95Ms)], Ours = runs,
        });
        report.Add(new Row
        {
            Workload = name.Replace("p95", "CPU of all nodes", StringComparison.Ordinal), Unit = "ms",
            Goal = Goal.OursAtMost(goalMs), OursRuns = [.. runs.Select(static m => m.NodesMicros / 1000)],
        });
    }

    private async Task GetAsync(StreamLoad load, CancellationToken cancellationToken)
    {
        Report.Progress("stream: GET, linearizable and stale in turn");
        await load.GetAsync(StreamLoad.InFlight, ReadOptions.Default, Time / 2, cancellationToken);
        await load.GetAsync(StreamLoad.InFlight, Stale, Time / 2, cancellationToken);
        List<Measured> fresh = [], stale = [];
        for (int i = 0; i < report.Options.Repeat; i++)
        {
            fresh.Add(await load.GetAsync(StreamLoad.InFlight, ReadOptions.Default, Time, cancellationToken));
            stale.Add(await load.GetAsync(StreamLoad.InFlight, Stale, Time, cancellationToken));
        }

        Add("GET, stream, linearizable, 1,024 in flight", fresh, bestGet, Goal.AtLeast(8));
        AddMicros("GET, stream: CPU of all nodes", fresh, 10);
        report.Add(new Row
        {
            Workload = "GET, stream, stale_ok", Unit = "ops/s", Goal = Goal.AtLeast(1.5),
            OursRuns = [.. stale.Select(static m => m.PerSecond)], PeerRuns = [.. fresh.Select(static m => m.PerSecond)], Ours = stale,
            Note = "the peer is our linearizable GET",
        });
    }

    private async Task<List<Measured>> RepeatAsync(Func<Task<Measured>> run)
    {
        List<Measured> runs = [];
        for (int i = 0; i < report.Options.Repeat; i++) runs.Add(await run());
        return runs;
    }

    private void Add(string name, List<Measured> runs, double best, Goal goal) => report.Add(new Row
    {
        Workload = name, Unit = "ops/s", Goal = goal, OursRuns = [.. runs.Select(static m => m.PerSecond)],
        PeerRuns = double.IsNaN(best) ? [] : [best], Ours = runs, Note = double.IsNaN(best) ? null : "the peer is etcd's best above",
    });

    private void AddMicros(string name, List<Measured> runs, double goal) => report.Add(new Row
    {
        Workload = name, Unit = "µs", Goal = Goal.OursAtMost(goal), OursRuns = [.. runs.Select(static m => m.NodesMicros)],
    });
}
