using NoriKV.Cluster.Bench.Clusters;
using NoriKV.Cluster.Bench.Load;
using NoriKV.Cluster.Bench.Reporting;

namespace NoriKV.Cluster.Bench.Rows;

/// <summary>Unary calls by h2load: the same bytes to the leader of each side, in turn.</summary>
internal sealed class UnaryRows(Report report, H2Load load, NoriCluster ours, EtcdCluster? etcd)
{
    private static readonly (string Name, bool IsPut, int InFlight, Goal? Goal)[] All =
    [
        ("PUT, 1 in flight (mean time)", true, 1, Goal.AtMost(0.8)),
        ("PUT, 64 in flight", true, 64, Goal.AtLeast(2)),
        ("PUT, 256 in flight", true, 256, Goal.AtLeast(3)),
        ("GET linearizable, 1 in flight (mean time)", false, 1, Goal.AtMost(0.7)),
        ("GET linearizable, 64 in flight", false, 64, null),
        ("GET linearizable, 256 in flight", false, 256, Goal.AtLeast(3)),
    ];

    /// <summary>The peer's best medians so far, operations a second; NaN where it was not measured.</summary>
    public double BestPut { get; private set; } = double.NaN;

    public double BestGet { get; private set; } = double.NaN;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach ((string name, bool isPut, int inFlight, Goal? goal) in All)
        {
            if (!report.Options.Wants(name)) continue;
            List<Measured> mine = [], theirs = [];
            // Once in vain on each side: code is compiled, connections and logs have grown.
            await RunAsync(ours, isPut, inFlight, report.Options.RunTime / 2, cancellationToken);
            if (etcd is not null) await RunAsync(etcd, isPut, inFlight, report.Options.RunTime / 2, cancellationToken);
            for (int i = 0; i < report.Options.Repeat; i++)
            {
                if (etcd is not null) theirs.Add(await RunAsync(etcd, isPut, inFlight, report.Options.RunTime, cancellationToken));
                mine.Add(await RunAsync(ours, isPut, inFlight, report.Options.RunTime, cancellationToken));
            }

            Func<Measured, double> figure = inFlight == 1 ? static m => m.MeanMs : static m => m.PerSecond;
            report.Add(new Row
            {
                Workload = name, Unit = inFlight == 1 ? "ms" : "ops/s", Goal = goal,
                OursRuns = [.. mine.Select(figure)], PeerRuns = [.. theirs.Select(figure)], Ours = mine, Peer = theirs,
            });
            double best = Row.Beside(theirs, static m => m.PerSecond);
            if (isPut && !(best <= BestPut)) BestPut = best;
            if (!isPut && !(best <= BestGet)) BestGet = best;
        }
    }

    private Task<Measured> RunAsync(
        PeerCluster cluster, bool isPut, int inFlight, TimeSpan time, CancellationToken cancellationToken)
    {
        Report.Progress($"{cluster.Name}: {(isPut ? "PUT" : "GET")}, {inFlight} in flight");
        return load.RunAsync(cluster, isPut, inFlight, time, cancellationToken);
    }
}
