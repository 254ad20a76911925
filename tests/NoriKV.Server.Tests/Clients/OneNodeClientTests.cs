using System.Globalization;
using Google.Protobuf;
using Nori.Grpc;
using NoriKV.Proto.V1;
using Version = NoriKV.Proto.V1.Version;

namespace NoriKV.Server.Tests;

/// <summary>
/// A client that knows one node and nothing else: plain calls on one channel, no view, no hints, no keys, no retries. While that
/// node lives it sees no error, whatever becomes of the others and wherever the leaders are, and no write of its is done twice.
/// </summary>
public sealed class OneNodeClientTests
{
    private static readonly GrpcCallOptions InTime = new() { Timeout = TimeSpan.FromSeconds(60) };

    [Fact]
    public async Task It_sees_no_error_while_the_other_nodes_are_killed_in_turn_and_leaders_move()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        TestServer known = cluster[0];
        using var stop = new CancellationTokenSource();
        long done = 0;
        Task[] callers = [.. Enumerable.Range(0, 4).Select(i =>
            CountAsync(known, $"plain-{i}", () => Interlocked.Increment(ref done), stop.Token))];
        for (int round = 0; round < 4 && !callers.Any(static c => c.IsFaulted); round++)
        {
            int victim = 1 + (round % 2);
            await cluster.UntilWholeAsync();
            // What the known node led is another's now, and that one dies.
            await LeadAsync(known, cluster[victim]);
            await MoreAsync(10);
            await cluster.KillOneAsync(victim);
            await MoreAsync(20);
            await cluster.StartOneAsync(victim);
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);

        async Task MoreAsync(int more)
        {
            long target = Interlocked.Read(ref done) + more;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (Interlocked.Read(ref done) < target && !callers.Any(static c => c.IsFaulted)) await Task.Delay(5, patience.Token);
        }
    }

    // Each write on the condition of the one before: one that was done twice, or lost, meets its own version.
    private static async Task CountAsync(TestServer known, string key, Action done, CancellationToken stop)
    {
        await Task.Yield();
        Version? version = null;
        for (int i = 1; !stop.IsCancellationRequested; i++)
        {
            ByteString value = Wire.Bytes(i.ToString(CultureInfo.InvariantCulture));
            var put = new PutRequest { Key = Wire.Bytes(key), Value = value, IfMatch = version, IfNotExists = version is null };
            version = (await known.Rpc.UnaryAsync(Wire.Put, put, InTime)).Version;
            GetResponse got = await known.Rpc.UnaryAsync(Wire.Get, new GetRequest { Key = Wire.Bytes(key) }, InTime);
            Assert.Equal((value, version), (got.Value, got.Version));
            done();
        }
    }

    private static async Task LeadAsync(TestServer known, TestServer target)
    {
        string name = target.Server.Node.NodeId;
        for (uint shard = 0; shard < 16; shard += 2)
        {
            var wish = new ShardInfo { Id = shard };
            wish.Replicas.Add(new ShardReplica { NodeId = name, Leader = true });
            try
            {
                await known.Rpc.UnaryAsync(Wire.Transfer, wish, InTime);
            }
            catch (GrpcException)
            {
                // Another move of the same shard is under way: half of them is enough.
            }
        }
    }
}
