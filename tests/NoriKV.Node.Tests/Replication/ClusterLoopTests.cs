using System.Collections.Concurrent;
using System.Text;
using Nori.IO;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Three nodes with their own threads, on the real clock.</summary>
public sealed class ClusterLoopTests
{
    [Fact]
    public async Task Concurrent_writers_and_readers_are_served_while_a_node_stops_and_comes_back()
    {
        var network = new DirectNetwork();
        var files = Enumerable.Range(1, 3).Select(i => new MemoryFileSystem((ulong)i)).ToArray();
        NoriNode[] nodes = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Start(network, files[i], i)))];
        var acked = new ConcurrentDictionary<string, (string Value, KvVersion Version)>();
        await Write("a", 300);

        await nodes[1].StopAsync(TimeSpan.FromSeconds(5));
        await Write("b", 300);
        nodes[1] = await Start(network, files[1], 1);
        await Write("c", 300);

        foreach ((string key, (string value, KvVersion version)) in acked)
        {
            GetResult got = await Read(key);
            Assert.Equal(version, got.Version);
            Assert.Equal(value, Encoding.UTF8.GetString(got.Value.Span));
        }

        foreach (NoriNode node in nodes)
        {
            Assert.Null(node.NotReadyReason);
            await node.StopAsync(TimeSpan.FromSeconds(5));
        }

        Task Write(string prefix, int count) => Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
            {
                string key = $"{prefix}{i}";
                KvVersion version = await Retry(
                    n => n.PutAsync(Bytes(key), Bytes($"{key}!"), new PutOptions { IdempotencyKey = key }, Until(2)), put => put.Version);
                acked[key] = ($"{key}!", version);
                Assert.Equal(version, (await Read(key)).Version);
            });

        Task<GetResult> Read(string key) => Retry(n => n.GetAsync(Bytes(key), ReadOptions.Default, Until(2)), static got => got);

        // As a client does that follows no hints: the next node, until one answers.
        async Task<TValue> Retry<T, TValue>(Func<NoriNode, ValueTask<KvResult<T>>> call, Func<T, TValue> select)
        {
            KvError? last = null;
            for (int attempt = 0; attempt < 200; attempt++)
            {
                KvResult<T> result = await call(nodes[attempt % 3]);
                if (result.TryGet(out T? value, out last)) return select(value);
                if (attempt % 3 == 2) await Task.Delay(20);
            }

            throw new InvalidOperationException($"no node answers: {last!.Message}");
        }
    }

    private static RequestContext Until(int seconds) => new(
        TimeProvider.System.GetTimestamp() + (seconds * TimeProvider.System.TimestampFrequency), "", CancellationToken.None);

    private static async Task<NoriNode> Start(DirectNetwork network, IFileSystem files, int i) => await NoriNode.StartAsync(new NodeOptions
    {
        NodeName = $"n{i + 1}",
        DataDirectory = Data,
        FileSystem = files,
        TotalShards = 64,
        LogSegmentBytes = 4 << 20,
        MemtableBytes = 4 << 20,
        BlockCacheBytes = 4 << 20,
        DiskReserveBytes = 0,
        RaftWorkers = 2,
        RunAnswers = static run => ThreadPool.QueueUserWorkItem(static run => run(), run, preferLocal: false),
        Plan = new ClusterPlan
        {
            Self = new NodeNumber((ulong)i + 1),
            ClusterId = new Guid("00000000-0000-4000-8000-000000000002"),
            Nodes = [.. Enumerable.Range(1, 3).Select(static n => new PlannedNode(new NodeNumber((ulong)n), $"n{n}", $"n{n}:1"))],
            Replicas = static shard => [.. Enumerable.Range(1, 3).Select(n => new PlannedReplica(
                new ReplicaId((shard.Value * 8) + (ulong)n), new NodeNumber((ulong)n), false))],
        },
        Transport = network.Open(new NodeNumber((ulong)i + 1)),
    });

    /// <summary>Delivers on the sender's thread.</summary>
    private sealed class DirectNetwork
    {
        private readonly ConcurrentDictionary<ulong, Port> _ports = new();

        public ITransport Open(NodeNumber node) => _ports[node.Value] = new Port(this, node);

        private sealed class Port(DirectNetwork network, NodeNumber self) : ITransport
        {
            public Action<NodeNumber, PeerChannel, ReadOnlyMemory<byte>>? Received { get; set; }

            public bool TrySend(NodeNumber target, PeerChannel channel, ReadOnlyMemory<byte> frame)
            {
                if (!network._ports.TryGetValue(target.Value, out Port? port)) return false;
                port.Received?.Invoke(self, channel, frame);
                return true;
            }
        }
    }
}
