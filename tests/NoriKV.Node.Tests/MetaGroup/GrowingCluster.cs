using System.Text;
using Nori.IO;
using NoriKV.Node.Meta;
using NoriKV.Node.Tests.Replication;
using NoriKV.Types;
using static NoriKV.Node.Tests.SteppedNode;

namespace NoriKV.Node.Tests.MetaGroup;

/// <summary>Nodes that found a cluster alone and join it, without threads: one clock, one network, a file system each.</summary>
internal sealed class GrowingCluster
{
    private const int RoundsMax = 400;

    private readonly Func<NodeOptions, NodeOptions> _configure;
    private readonly Dictionary<int, ClusterPlan?> _plans = [];

    public GrowingCluster(int shards = 8, Func<NodeOptions, NodeOptions>? configure = null, ulong seed = 1)
    {
        _configure = configure ?? (static o => o);
        Seed = seed;
        Shards = shards;
        Found();
    }

    /// <summary>So many nodes, three or more, and three voters of each shard on them.</summary>
    public static GrowingCluster Of(int nodes, int shards = 8, Func<NodeOptions, NodeOptions>? configure = null)
    {
        var cluster = new GrowingCluster(shards, configure);
        for (int node = 2; node <= nodes; node++) cluster.Join(node);
        cluster.AwaitLevel(3);
        return cluster;
    }

    public ulong Seed { get; }

    public int Shards { get; }

    public ManualTime Time { get; } = new();

    public MemoryNetwork Network { get; } = new();

    public SortedDictionary<int, MemoryFileSystem> Disks { get; } = [];

    public SortedDictionary<int, NoriNode> Nodes { get; } = [];

    /// <summary>The meta group.</summary>
    public ShardId Meta => new((uint)Shards);

    public ClusterStatus Status => Ask(n => n.Admin.StatusAsync(Context(3000)));

    /// <summary>A node joins by the seed, and starts.</summary>
    public void Join(int node, int seed = 1, string zone = "")
    {
        JoinReply reply = TryJoin(node, seed, zone);
        Assert.Null(reply.Refusal);
        Assert.Equal((ulong)node, reply.Number.Value);
        _plans[node] = new ClusterPlan
        {
            Self = reply.Number,
            ClusterId = reply.ClusterId,
            StoreUuid = StoreOf(node),
            ReplicationFactor = reply.ReplicationFactor,
            Nodes = reply.Nodes,
            Replicas = static _ => [],
        };
        Start(node, zone);
    }

    public JoinReply TryJoin(int node, int seed = 1, string zone = "", string? name = null, int protocol = 1)
    {
        for (int attempt = 0; ; attempt++)
        {
            JoinReply reply = Await(Nodes[seed].JoinAsync(
                new JoinRequest
                {
                    Name = name ?? $"n{node}",
                    StoreUuid = StoreOf(node),
                    Address = $"n{node}:7447",
                    Zone = zone,
                    TotalShards = Shards,
                    ProtocolMin = protocol,
                    ProtocolMax = protocol,
                },
                Context(3000)).AsTask());
            if (reply.Refusal is null || !reply.MayRetry || attempt == 20) return reply;
            Run(200);
        }
    }

    public void Start(int node, string zone = "")
    {
        if (!Disks.ContainsKey(node)) Disks[node] = new MemoryFileSystem(Seed + (ulong)node);
        NodeOptions options = _configure(Options(Disks[node], Time) with
        {
            NodeName = $"n{node}",
            AdvertiseAddress = $"n{node}:7447",
            Zone = zone,
            TotalShards = Shards,
            Seed = (Seed * 100) + (ulong)node,
            Plan = _plans.GetValueOrDefault(node),
            Transport = Network.Open(new NodeNumber((ulong)node)),
        });
        Task<NoriNode> start = NoriNode.StartAsync(options).AsTask();
        Assert.True(start.IsCompleted, "a node without loops starts synchronously");
        Nodes[node] = start.GetAwaiter().GetResult();
    }

    /// <summary>The nodes start as members of that cluster from here on: what their records would say.</summary>
    public void BelongTo(Guid clusterId)
    {
        foreach (int node in _plans.Keys.ToArray())
        {
            if (_plans[node] is { } plan) _plans[node] = plan with { ClusterId = clusterId };
        }
    }

    /// <summary>The first node starts from here on with what it wrote down of a cluster in which it is alone.</summary>
    public void KeepRecordOfFirst()
    {
        NoriNode node = Nodes[1];
        _plans[1] = new ClusterPlan
        {
            Self = node.Number,
            ClusterId = node.ClusterId,
            StoreUuid = node.StoreUuid,
            Nodes = [new PlannedNode(node.Number, node.NodeId, "n1:7447") { StoreUuid = node.StoreUuid }],
            Replicas = static _ => [],
        };
    }

    /// <summary>The power of a node fails.</summary>
    public void Crash(int node, ulong seed = 7)
    {
        Network.Close(new NodeNumber((ulong)node));
        Nodes.Remove(node);
        Disks[node] = Disks[node].Crash(seed);
    }

    public void Settle()
    {
        for (int round = 0; round < RoundsMax; round++)
        {
            bool worked = false;
            foreach (NoriNode node in Nodes.Values.ToArray())
            {
                foreach (NodeStep step in node.Steps) worked |= step.RunOnce();
            }

            if (!(Network.Deliver() | worked)) return;
        }
    }

    public void Run(long ms)
    {
        for (long passed = 0; passed < ms; passed += 10)
        {
            Time.AdvanceMs(10);
            Settle();
        }
    }

    public void RunUntil(Func<bool> condition, string what, long msMax = 60_000)
    {
        for (long passed = 0; !condition(); passed += 10)
        {
            Assert.True(passed < msMax, $"{what}: not within {msMax} ms (seed {Seed}): {Describe()}");
            Run(10);
        }
    }

    public T Await<T>(Task<T> call)
    {
        Settle();
        RunUntil(() => call.IsCompleted, "the call is answered");
        return call.GetAwaiter().GetResult();
    }

    public ClusterStatus Ask(Func<NoriNode, ValueTask<KvResult<ClusterStatus>>> ask)
    {
        KvResult<ClusterStatus> result = TryAsk(ask);
        Assert.True(result.IsOk, result.Error?.Message);
        return result.Value;
    }

    public KvResult<ClusterStatus> TryAsk(Func<NoriNode, ValueTask<KvResult<ClusterStatus>>> ask, int? at = null)
    {
        for (int attempt = 0; ; attempt++)
        {
            KvResult<ClusterStatus> result = Await(ask(Nodes[at ?? Nodes.Keys.First()]).AsTask());
            if (result.IsOk || attempt == 20 || result.Error!.Code is not (KvCode.Unavailable or KvCode.CommitTimeout)) return result;
            Run(200);
        }
    }

    /// <summary>Until the plan wants nothing more and each shard has that many voters, all of them there.</summary>
    public void AwaitLevel(int voters, long msMax = 120_000) => RunUntil(
        () => IsLevel(voters), $"every shard has {voters} voters", msMax);

    public bool IsLevel(int voters)
    {
        for (uint s = 0; s < (uint)Shards; s++)
        {
            NodeInspection? leader = Leader(new ShardId(s));
            if (leader is null || leader.Configuration.IsJoint || leader.Configuration.Voters.Count != voters) return false;
            if (Nodes.Values.Count(n => n.Log.Group(new ShardId(s)) is not null) != leader.Configuration.Members.Count) return false;
        }

        NodeInspection? meta = Leader(Meta);
        return meta is not null && !meta.Configuration.IsJoint
            && Nodes.Values.Any(n => n.Log.Group(Meta)?.Core.Role == Nori.Raft.Core.RaftRole.Leader)
            && Nodes.Values.All(n => n.Table.Current.Shards.Take(Shards).All(
                r => r.Count(static x => !x.IsLearner) == voters));
    }

    public NodeInspection? Leader(ShardId shard)
    {
        NodeInspection? best = null;
        foreach (NoriNode node in Nodes.Values)
        {
            if (node.Log.Group(shard)?.Core.Role != Nori.Raft.Core.RaftRole.Leader) continue;
            NodeInspection found = node.Inspect(shard);
            if (best is null || found.Term > best.Term) best = found;
        }

        return best;
    }

    public NoriNode LeaderNode(ShardId shard) =>
        Nodes.Values.First(n => n.Log.Group(shard)?.Core.Role == Nori.Raft.Core.RaftRole.Leader);

    public void Put(string key, string value)
    {
        for (int attempt = 0; ; attempt++)
        {
            ShardId shard = Nodes.First().Value.ShardOf(Bytes(key));
            RunUntil(() => Leader(shard) is not null, $"the shard of {key} has a leader");
            KvResult<PutResult> put = Await(
                LeaderNode(shard).PutAsync(Bytes(key), Bytes(value), new PutOptions(), Context(5000)).AsTask());
            if (put.IsOk) return;
            Assert.True(attempt < 20, put.Error!.Message);
            Run(100);
        }
    }

    public string? Read(string key)
    {
        ShardId shard = Nodes.First().Value.ShardOf(Bytes(key));
        for (int attempt = 0; ; attempt++)
        {
            RunUntil(() => Leader(shard) is not null, $"the shard of {key} has a leader");
            KvResult<GetResult> get = Await(LeaderNode(shard).GetAsync(
                Bytes(key), ReadOptions.Default, Context(5000)).AsTask());
            if (get.IsOk) return get.Value.Found ? Encoding.UTF8.GetString(get.Value.Value.Span) : null;
            Assert.True(attempt < 20, get.Error!.Message);
            Run(100);
        }
    }

    /// <summary>Replicas of data shards on each node, as they live there.</summary>
    public int ReplicasOn(int node) =>
        Enumerable.Range(0, Shards).Count(s => Nodes[node].Log.Group(new ShardId((uint)s)) is not null);

    public RequestContext Context(long ms) =>
        new(Time.GetTimestamp() + (ms * TimeSpan.TicksPerMillisecond), "", CancellationToken.None);

    public static Guid StoreOf(int node) => new($"00000000-0000-4000-8000-{node:D12}");

    public string Describe()
    {
        var text = new StringBuilder();
        foreach ((int number, NoriNode node) in Nodes)
        {
            text.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $"\nn{number} map {node.Table.Current.Revision} view {node.View.Epoch}:");
            for (uint s = 0; s <= (uint)Shards; s++)
            {
                if (node.Log.Group(new ShardId(s)) is not { } group) continue;
                text.Append(System.Globalization.CultureInfo.InvariantCulture,
                    $" {s}:{group.Replica}{(group.Core.Role == Nori.Raft.Core.RaftRole.Leader ? "*" : "")}{group.Core.Configuration}");
            }
        }

        return text.ToString();
    }

    private void Found()
    {
        _plans[1] = null;
        Start(1);
        RunUntil(() => Nodes[1].Table.Current.Revision > 0, "the registry is written");
    }
}
