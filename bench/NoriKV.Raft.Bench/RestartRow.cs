using System.Diagnostics;

namespace NoriKV.Raft.Bench;

/// <summary>From opening directories with data to a leader for every group.</summary>
internal static class RestartRow
{
    public static async Task<Row> RunAsync(string directory, int nodes, int groups, TimeSpan fill)
    {
        double written;
        await using (BenchCluster cluster = await BenchCluster.StartAsync(directory, nodes, groups))
        {
            Row row = await ProposeRow.RunAsync(cluster, 1024, fill);
            written = row.Figures[0].Value * fill.TotalSeconds;
        }

        long began = Stopwatch.GetTimestamp();
        await using BenchCluster again = await BenchCluster.StartAsync(directory, nodes, groups);
        return new Row(
            $"restart, {nodes} node{(nodes > 1 ? "s" : "")}, {groups:N0} groups with data",
            [("seconds to a leader for all", Stopwatch.GetElapsedTime(began).TotalSeconds), ("puts before", written)]);
    }
}
