using Nori.Storage.Bench.Reporting;
using NoriKV.Cluster.Bench.Clusters;
using NoriKV.Cluster.Bench.Load;
using NoriKV.Cluster.Bench.Reporting;
using NoriKV.Cluster.Bench.Rows;

namespace NoriKV.Cluster.Bench;

/// <summary>The whole run: both clusters, the rows of both, then a cluster of one shard for the scan within one.</summary>
internal static class ClusterBench
{
    public static async Task RunAsync(Report report, CancellationToken cancellationToken)
    {
        BenchOptions options = report.Options;
        report.Disk = DiskFigures.Measure(options.Directory, options.Quick);
        Report.Progress("starting the nodes");
        using (EtcdCluster? etcd = options.WithEtcd
            ? await EtcdCluster.StartAsync(Path.Combine(options.Directory, "etcd"), cancellationToken) : null)
        using (NoriCluster ours = await NoriCluster.StartAsync(
            options.Server, Path.Combine(options.Directory, "norikv"), 1024, cancellationToken))
        {
            report.PrintHead();
            var unary = new UnaryRows(report, new H2Load(options.Directory), ours, etcd);
            await unary.RunAsync(cancellationToken);
            etcd?.Dispose();
            await new StreamRows(report, ours, unary.BestPut, unary.BestGet).RunAsync(cancellationToken);
        }

        const string within = "scan, 1 shard, limit 100 (p95)";
        if (!options.Wants(within)) return;
        using NoriCluster small = await NoriCluster.StartAsync(
            options.Server, Path.Combine(options.Directory, "one"), 1, cancellationToken);
        await using var load = new StreamLoad(small, options.Keys / 10);
        await load.FillAsync(cancellationToken);
        await StreamRows.ScanAsync(report, load, within, 1, cancellationToken);
    }
}
