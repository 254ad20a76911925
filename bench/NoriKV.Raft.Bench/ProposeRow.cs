using System.Diagnostics;
using Nori.Core;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Raft.Bench;

/// <summary>Durable puts to the leaders of random groups, so many at once.</summary>
internal static class ProposeRow
{
    private const int InFlight = 64;

    public static async Task<Row> RunAsync(BenchCluster cluster, int valueBytes, TimeSpan duration)
    {
        await RunForAsync(cluster, valueBytes, TimeSpan.FromMilliseconds(500));
        long syncsBefore = cluster.Meter.Read("wal_fsync_duration_seconds");
        TimeSpan cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
        long began = Stopwatch.GetTimestamp();
        List<double> latencies = await RunForAsync(cluster, valueBytes, duration);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double cpu = (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalMicroseconds;
        long syncs = cluster.Meter.Read("wal_fsync_duration_seconds") - syncsBefore;
        latencies.Sort();
        int nodes = cluster.Nodes.Count;
        return new Row(
            $"propose, {nodes} node{(nodes > 1 ? "s" : "")}, {cluster.Groups:N0} groups, {valueBytes} B",
            [
                ("per second", latencies.Count / seconds),
                ("p50 ms", latencies[latencies.Count / 2]),
                ("p99 ms", latencies[latencies.Count * 99 / 100]),
                ("CPU µs each, load included", cpu / latencies.Count),
                ("fsyncs each and node", (double)syncs / nodes / latencies.Count),
            ]);
    }

    private static async Task<List<double>> RunForAsync(BenchCluster cluster, int valueBytes, TimeSpan duration)
    {
        long end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        Task<List<double>>[] callers =
            [.. Enumerable.Range(1, InFlight).Select(i => Task.Run(() => CallAsync(cluster, (ulong)i, valueBytes, end)))];
        List<double>[] all = await Task.WhenAll(callers);
        return [.. all.SelectMany(static l => l)];
    }

    private static async Task<List<double>> CallAsync(BenchCluster cluster, ulong seed, int valueBytes, long end)
    {
        var random = new Prng(seed);
        var latencies = new List<double>();
        byte[] value = new byte[valueBytes];
        random.Fill(value);
        while (Stopwatch.GetTimestamp() < end)
        {
            byte[] key = new byte[16];
            random.Fill(key);
            long began = Stopwatch.GetTimestamp();
            await PutAsync(cluster, key, value);
            latencies.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return latencies;
    }

    private static async Task PutAsync(BenchCluster cluster, byte[] key, byte[] value)
    {
        var context = new RequestContext(long.MaxValue, "", CancellationToken.None);
        ShardId shard = cluster.Nodes[0].ShardOf(key);
        for (int attempt = 0; ; attempt++)
        {
            NoriNode node = cluster.LeaderOf(shard) ?? cluster.Nodes[0];
            KvResult<PutResult> result = await node.PutAsync(key, value, new PutOptions(), context);
            if (result.IsOk) return;
            if (attempt == 100) throw new InvalidOperationException($"a put failed: {result.Error}");
            await Task.Delay(10);
        }
    }
}
