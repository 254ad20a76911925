using System.Text;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Server.Tests;

/// <summary>A member of a cluster that is told to stop while clients write.</summary>
public sealed class ClusterStopTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Every_member_can_stop_under_load_one_behind_the_other_and_nothing_acknowledged_is_lost()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3, static o => o with { StopTimeout = TimeSpan.FromSeconds(30) });
        using var stop = new CancellationTokenSource();
        List<string>[] written = [.. Enumerable.Range(0, 4).Select(static _ => new List<string>())];
        Task[] load = [.. written.Select((list, i) => WriteAsync(cluster, i, list, stop.Token))];
        for (int i = 0; i < 3; i++)
        {
            await UntilAsync(() => cluster.Servers.All(LeadersKnown));
            int before = written.Sum(static list => list.Count);
            ClusterView last = await LastViewAsync(cluster, i);
            string stopped = $"n{i + 1}";
            Assert.DoesNotContain(last.Shards, s => s.Replicas.Any(r => r.IsLeader && r.NodeId == stopped));
            // The others lead all of its shards, and clients go on.
            await UntilAsync(() => cluster.Servers.All(LeadersKnown));
            await UntilAsync(() => written.Sum(static list => list.Count) > before + 20);
            await cluster.StartOneAsync(i);
        }

        await stop.CancelAsync();
        await Task.WhenAll(load);
        foreach (string key in written.SelectMany(static list => list)) Assert.Equal(key, await ReadAsync(cluster, key));
    }

    // Watched while it stops: the last view that it pushes is one in which it leads nothing.
    private static async Task<ClusterView> LastViewAsync(TestCluster cluster, int server)
    {
        ClusterView last = cluster[server].Server.Node.View;
        IAsyncEnumerable<ClusterView> views = cluster[server].Server.Node.WatchAsync(CancellationToken.None);
        Task watching = Task.Run(async () =>
        {
            await foreach (ClusterView view in views) last = view;
        });
        await cluster.StopOneAsync(server);
        await watching;
        return last;
    }

    private static bool LeadersKnown(TestServer server) =>
        server.Server.Node.Health.Shards.All(static s => s.Status == HealthStatus.Healthy);

    private static async Task WriteAsync(TestCluster cluster, int writer, List<string> written, CancellationToken stop)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            string key = $"k{writer}-{i}";
            bool isDone = false;
            while (!isDone && !stop.IsCancellationRequested)
            {
                foreach (TestServer server in cluster.Servers)
                {
                    KvResult<PutResult> put = await server.Server.Node.PutAsync(
                        Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(key), new PutOptions(), Context());
                    if (isDone = put.IsOk) break;
                }
            }

            if (isDone) written.Add(key);
            await Task.Delay(1, CancellationToken.None);
        }
    }

    private static async Task<string> ReadAsync(TestCluster cluster, string key)
    {
        using CancellationTokenSource patience = new(Patience);
        while (true)
        {
            KvResult<GetResult> get = await cluster[0].Server.Node.GetAsync(Encoding.UTF8.GetBytes(key), new ReadOptions(), Context());
            if (get.IsOk) return Encoding.UTF8.GetString(get.Value.Value.Span);
            await Task.Delay(20, patience.Token);
        }
    }

    private static RequestContext Context() =>
        new(TimeProvider.System.GetTimestamp() + (2 * TimeProvider.System.TimestampFrequency), "", CancellationToken.None);

    private static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!holds()) await Task.Delay(20, patience.Token);
    }
}
