using System.Net;
using Nori.Grpc;
using NoriKV.Node.Recovery;
using NoriKV.Proto.V1;
using NoriKV.Transport.Grpc;

namespace NoriKV.Server.Tests;

/// <summary>Real servers of which two lose their disks for ever.</summary>
public sealed class RecoveryTests
{
    private const int Keys = 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Two_of_three_directories_are_deleted_and_the_data_is_served_again()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        for (int i = 0; i < Keys; i++) await PutAsync(cluster[i % 3], $"k{i}", $"v{i}");
        await UntilAsync(() => IsLevel(cluster));
        for (int server = 0; server < 3; server++) await cluster.StopOneAsync(server);
        cluster.LoseDisk(1);
        cluster.LoseDisk(2);

        RecoveryPlan plan = await QuorumRecovery.PlanAsync(["/data"], cluster.Files[0]);
        Assert.Equal(["n2", "n3"], plan.Lost.Select(static l => l.Node));
        Assert.Equal(16, plan.Of(ShardVerdict.Partial).Count());
        await QuorumRecovery.ApplyAsync(plan);
        await cluster.StartOneAsync(0);
        for (int i = 0; i < Keys; i++) Assert.Equal($"v{i}", await cluster[0].Http.GetStringAsync($"/kv/k{i}?timeout_ms=30000"));

        // Empty ones under the old names, with the configuration they had: they join, and get everything.
        await Task.WhenAll(cluster.StartOneAsync(1), cluster.StartOneAsync(2));
        await UntilAsync(async () =>
        {
            ClusterStatus status = await cluster[2].Rpc.UnaryAsync(AdminMethods.GetClusterStatus, new ClusterStatusRequest());
            return status.EffectiveReplicationFactor == 3 && status.MovesWanted == 0
                && status.Shards.All(static s => s.Replicas.Count(static r => !r.Learner) == 3);
        });
        await cluster.StopOneAsync(0);
        await PutAsync(cluster[1], "after", "all");
        for (int i = 0; i < Keys; i++) Assert.Equal($"v{i}", await cluster[1].Http.GetStringAsync($"/kv/k{i}?timeout_ms=30000"));
    }

    private static bool IsLevel(TestCluster cluster)
    {
        ulong[][] applied = [.. cluster.Servers.Select(static s => s.Server.Node.Health.Shards
            .OrderBy(static h => h.Shard.Value).Select(static h => h.LastApplied.Value).ToArray())];
        return applied.All(a => a.SequenceEqual(applied[0]));
    }

    private static async Task PutAsync(TestServer server, string key, string value)
    {
        HttpResponseMessage put = await server.Http.PutAsync($"/kv/{key}?timeout_ms=30000", new StringContent(value));
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
    }

    private static Task UntilAsync(Func<bool> holds) => UntilAsync(() => Task.FromResult(holds()));

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                if (await holds()) return;
            }
            catch (GrpcException failure) when (failure.Code is GrpcStatusCode.Unavailable or GrpcStatusCode.DeadlineExceeded)
            {
                // The meta group elects.
            }

            await Task.Delay(50, patience.Token);
        }
    }
}
