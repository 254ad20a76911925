using NoriKV.Cli.Cluster;
using NoriKV.Client;
using NoriKV.Node;
using NoriKV.Node.Diagnosis;
using NoriKV.Node.Meta;
using NoriKV.Types;

namespace NoriKV.Cli.Tests;

/// <summary>A cluster that is what a test says, and notes what is asked of it.</summary>
internal sealed class FakeCluster : IClusterCalls
{
    public static readonly Guid Id = new("11111111-2222-4333-8444-555555555555");

    /// <summary>What is answered; each question takes the next one, the last for ever.</summary>
    public Queue<ClusterStatus> Answers { get; } = new([Three()]);

    public List<string> Asked { get; } = [];

    public KvError? Refusal { get; set; }

    /// <summary>What a question comes to instead of its answer; null: the answer.</summary>
    public Func<string, KvError?> Before { get; set; } = static _ => null;

    /// <summary>Three nodes, four shards with three replicas each, all led.</summary>
    public static ClusterStatus Three() => new()
    {
        ClusterId = Id,
        TotalShards = 4,
        ReplicationFactor = 3,
        EffectiveReplicationFactor = 3,
        ClusterVersion = 1,
        MetaLeader = new NodeNumber(1),
        ViewEpoch = 1042,
        Nodes = [Node(1, leaders: 2), Node(2, leaders: 1), Node(3, leaders: 1)],
        Shards = [Shard(0, 1), Shard(1, 2), Shard(2, 3), Shard(3, 1), Shard(4, 1)],
    };

    public static NodeStatus Node(ulong number, int leaders = 0, bool live = true, int replicas = 4,
        RegisteredState state = RegisteredState.Active, string zone = "") => new(
        new RegisteredNode(new NodeNumber(number), $"n{number}", Guid.Empty, $"db{number}:7447", zone, state, 1),
        replicas, leaders, live, live ? 300 : 83_000);

    public static ShardStatus Shard(uint id, ulong leader, string? move = null, params ulong[] nodes) => new(
        new ShardId(id),
        [.. (nodes.Length == 0 ? [1, 2, 3] : nodes).Select(n =>
            new PlannedReplica(new ReplicaId((id * 8) + n), new NodeNumber(n), n == 9))],
        new NodeNumber(leader), new Term(leader == 0 ? 0UL : 7), move);

    public Task<ClusterStatus> StatusAsync(bool shards, CancellationToken cancellationToken) => Answer("status");

    public ClusterDiagnosis Diagnosis { get; set; } = new() { Node = "n1", Asked = ["n1", "n2"], Answered = ["n1", "n2"] };

    public Task<ClusterDiagnosis> DiagnoseAsync(CancellationToken cancellationToken) => Task.FromResult(Diagnosis);

    public Task<ClusterStatus> DrainAsync(string node, int? replicationFactor, CancellationToken cancellationToken) =>
        Answer($"drain {node} {replicationFactor}".TrimEnd());

    public Task<ClusterStatus> UndrainAsync(string node, CancellationToken cancellationToken) => Answer($"undrain {node}");

    public Task<ClusterStatus> DecommissionAsync(string node, CancellationToken cancellationToken) => Answer($"decommission {node}");

    public Task<ClusterStatus> ReplaceAsync(string node, CancellationToken cancellationToken) => Answer($"replace {node}");

    public Task<ClusterStatus> MoveLeaderAsync(uint shard, string target, CancellationToken cancellationToken) =>
        Answer($"lead {shard} {target}");

    public Task<ClusterStatus> MoveReplicaAsync(uint shard, string source, string target, CancellationToken cancellationToken) =>
        Answer($"move {shard} {source} {target}");

    public ValueTask DisposeAsync() => default;

    private Task<ClusterStatus> Answer(string asked)
    {
        Asked.Add(asked);
        if ((Refusal ?? Before(asked)) is { } refusal) throw NoriKVException.From(refusal);
        return Task.FromResult(Answers.Count > 1 ? Answers.Dequeue() : Answers.Peek());
    }
}
