using System.Diagnostics;

namespace NoriKV.Raft.Bench;

/// <summary>What groups cost that do nothing: processor time and frames.</summary>
internal static class IdleRow
{
    public static async Task<Row> RunAsync(BenchCluster cluster, TimeSpan settle, TimeSpan duration)
    {
        await Task.Delay(settle);
        GC.Collect();
        long framesBefore = cluster.Frames;
        TimeSpan cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
        await Task.Delay(duration);
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime - cpuBefore;
        int nodes = cluster.Nodes.Count;
        using Process self = Process.GetCurrentProcess();
        return new Row(
            $"idle, {nodes} node{(nodes > 1 ? "s" : "")}, {cluster.Groups:N0} groups",
            [
                ("% of a core and node", 100 * cpu / duration / nodes),
                ("frames a second and node", (cluster.Frames - framesBefore) / duration.TotalSeconds / nodes),
                ("MB of memory and node", self.WorkingSet64 / 1e6 / nodes),
            ]);
    }
}
