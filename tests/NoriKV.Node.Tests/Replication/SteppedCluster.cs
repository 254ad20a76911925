using System.Text;
using Nori.IO;
using NoriKV.Node.Ports;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.Replication;

/// <summary>Nodes of one cluster without threads: one clock, one network, a file system each. Every step is the test's.</summary>
internal sealed class SteppedCluster
{
    private const int StepsPerMs = 200;
    private readonly Func<NodeOptions, NodeOptions> _configure;

    public SteppedCluster(int nodes = 3, int shards = 4, Func<NodeOptions, NodeOptions>? configure = null, ulong seed = 1)
    {
        _configure = configure ?? (static o => o);
        Seed = seed;
        Shards = shards;
        Numbers = [.. Enumerable.Range(1, nodes).Select(static n => new NodeNumber((ulong)n))];
        Disks = [.. Numbers.Select(n => new MemoryFileSystem(seed + n.Value))];
        Files = [.. Disks.Select(static d => new FaultInjectingFileSystem(d))];
        Nodes = new NoriNode?[nodes];
        for (int i = 0; i < nodes; i++) Start(i);
    }

    public ulong Seed { get; }

    public int Shards { get; }

    public NodeNumber[] Numbers { get; }

    public ManualTime Time { get; } = new();

    public MemoryNetwork Network { get; } = new();

    public MemoryFileSystem[] Disks { get; }

    public FaultInjectingFileSystem[] Files { get; }

    public NoriNode?[] Nodes { get; }

    /// <summary>Steps left out, by node and name: a disk that stands still, a worker that is paused.</summary>
    public HashSet<(int Node, string Step)> Frozen { get; } = [];

    public ClusterPlan Plan(NodeNumber self) => new()
    {
        Self = self,
        ClusterId = new Guid("00000000-0000-4000-8000-000000000001"),
        Nodes = [.. Numbers.Select(static n => new PlannedNode(n, $"n{n}", $"127.0.0.1:{7000 + n.Value}"))],
        Replicas = shard => [.. Numbers.Select(n => new PlannedReplica(new ReplicaId((shard.Value * 16) + n.Value), n, false))],
    };

    public void Start(int i)
    {
        NodeNumber number = Numbers[i];
        NodeOptions options = _configure(Options(Files[i], Time) with
        {
            NodeName = $"n{number}",
            TotalShards = Shards,
            Seed = (Seed * 100) + number.Value,
            Plan = Plan(number),
            Transport = Network.Open(number),
            // What replicas do is the test's business, here.
            Placement = new Node.Meta.PlacementOptions { MovesReplicas = false, LevelsLeaders = false },
        });
        Task<NoriNode> start = NoriNode.StartAsync(options).AsTask();
        Assert.True(start.IsCompleted, "a node without loops starts synchronously");
        Nodes[i] = start.GetAwaiter().GetResult();
    }

    /// <summary>The power of a node fails: what was not synced may be gone.</summary>
    public void Crash(int i, ulong seed)
    {
        Network.Close(Numbers[i]);
        Nodes[i] = null;
        Disks[i] = Disks[i].Crash(seed);
        Files[i] = new FaultInjectingFileSystem(Disks[i]);
    }

    public void Stop(int i)
    {
        Task stop = Nodes[i]!.StopAsync(TimeSpan.FromSeconds(5)).AsTask();
        Assert.True(stop.IsCompleted);
        Network.Close(Numbers[i]);
        Nodes[i] = null;
    }

    /// <summary>All steps of all nodes and all frames, until nothing is left to do now.</summary>
    public void Settle()
    {
        for (int round = 0; round < StepsPerMs; round++)
        {
            bool worked = false;
            for (int i = 0; i < Nodes.Length; i++) worked |= StepNode(i);
            if (!(Network.Deliver() | worked)) return;
        }
    }

    public bool StepNode(int i)
    {
        bool worked = false;
        if (Nodes[i] is not { } node) return false;
        foreach (NodeStep step in node.Steps)
        {
            if (!Frozen.Contains((i, step.Name))) worked |= step.RunOnce();
        }

        return worked;
    }

    /// <summary>Time passes in steps of 10 ms, everything that it brings about included.</summary>
    public void Run(long ms)
    {
        for (long passed = 0; passed < ms; passed += 10)
        {
            Time.AdvanceMs(10);
            Settle();
        }
    }

    public void RunUntil(Func<bool> condition, string what, long msMax = 20_000)
    {
        for (long passed = 0; !condition(); passed += 10)
        {
            Assert.True(passed < msMax, $"{what}: not within {msMax} ms (seed {Seed})");
            Run(10);
        }
    }

    public ReplicaStatus Status(int i, uint shard) => ((IReplicatedLog)Nodes[i]!.Log).Status(new ShardId(shard));

    /// <summary>The node that leads the shard and whose majority knows it; -1 none.</summary>
    public int LeaderOf(uint shard)
    {
        for (int i = 0; i < Nodes.Length; i++)
        {
            if (Nodes[i] is null || !Status(i, shard).IsLeader) continue;
            int followers = Enumerable.Range(0, Nodes.Length).Count(
                j => Nodes[j] is not null && Status(j, shard).Leader == Numbers[i] && Status(j, shard).Term == Status(i, shard).Term);
            if (followers > Nodes.Length / 2) return i;
        }

        return -1;
    }

    public void AwaitLeaders() => RunUntil(
        () => Enumerable.Range(0, Shards).All(s => LeaderOf((uint)s) >= 0), "every shard has a leader");

    public int LeaderOf(string key) => LeaderOf(Nodes.First(n => n is not null)!.ShardOf(Bytes(key)).Value);

    public Task<KvResult<PutResult>> BeginPut(int i, string key, string value, PutOptions? options = null) =>
        Nodes[i]!.PutAsync(Bytes(key), Bytes(value), options ?? new PutOptions(), Context(5000)).AsTask();

    /// <summary>Puts at the leader, once there is one.</summary>
    public KvResult<PutResult> Put(string key, string value)
    {
        for (int attempt = 0; ; attempt++)
        {
            RunUntil(() => LeaderOf(key) >= 0, $"the shard of {key} has a leader");
            KvResult<PutResult> put = Await(BeginPut(LeaderOf(key), key, value));
            // Leadership may move between the look and the write.
            if (attempt == 3 || put.Error?.Code != KvCode.NotLeader) return put;
            Run(50);
        }
    }

    public KvResult<GetResult> Get(int i, string key, Consistency consistency = Consistency.Linearizable) => Await(
        Nodes[i]!.GetAsync(Bytes(key), new ReadOptions { Consistency = consistency }, Context(5000)).AsTask());

    public string? Read(int i, string key, Consistency consistency = Consistency.Linearizable)
    {
        GetResult found = Get(i, key, consistency).Value;
        return found.Found ? Encoding.UTF8.GetString(found.Value.Span) : null;
    }

    public T Await<T>(Task<T> call)
    {
        Settle();
        RunUntil(() => call.IsCompleted, "the call is answered");
        return call.GetAwaiter().GetResult();
    }

    public RequestContext Context(long ms) =>
        new(Time.GetTimestamp() + (ms * TimeSpan.TicksPerMillisecond), "", CancellationToken.None);

    /// <summary>What a node's replica of a shard holds, key by key.</summary>
    public string Dump(int i, uint shard) => Nodes[i]!.Inspect(new ShardId(shard)).Dump();
}
