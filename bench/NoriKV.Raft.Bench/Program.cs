// What replication costs: see docs/performance.md. Run it by bench/run raft.
using NoriKV.Raft.Bench;

if (args is ["-h" or "--help", ..])
{
    Console.WriteLine(BenchOptions.Usage);
    return 0;
}

if (BenchOptions.Parse(args, Console.Error) is not { } options) return 2;
var report = new Report(options);
try
{
    report.PrintHead();
    foreach (int nodes in new[] { 1, 3 })
    {
        foreach (int groups in new[] { 1, 64, 1024 })
        {
            string folder = Path.Combine(options.Directory, $"{nodes}-{groups}");
            if (options.Wants("propose") || options.Wants("idle"))
            {
                await using BenchCluster cluster = await BenchCluster.StartAsync(folder, nodes, groups);
                foreach (int bytes in options.Wants("propose") ? new[] { 64, 1024 } : [])
                    report.Add(await ProposeRow.RunAsync(cluster, bytes, options.RowTime));
                if (options.Wants("idle"))
                    report.Add(await IdleRow.RunAsync(cluster, TimeSpan.FromSeconds(6), 2 * options.RowTime));
            }

            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }

        if (!options.Wants("restart")) continue;
        string data = Path.Combine(options.Directory, $"{nodes}-restart");
        report.Add(await RestartRow.RunAsync(data, nodes, 1024, options.RowTime));
        Directory.Delete(data, recursive: true);
    }
}
finally
{
    if (Directory.Exists(options.Directory)) Directory.Delete(options.Directory, recursive: true);
}

report.Finish();
return 0;
