using NoriKV.Types;

namespace NoriKV.Node.Meta;

/// <summary>The registry as of one applied index of the meta group. Immutable.</summary>
internal sealed record MetaState
{
    /// <summary>Nothing was written yet.</summary>
    public static MetaState Empty { get; } = new();

    /// <summary>The applied index.</summary>
    public ulong Revision { get; init; }

    /// <summary>Null before the first leader wrote the registry.</summary>
    public MetaSettings? Settings { get; init; }

    public MetaCounters Counters { get; init; } = new(1, 1, 1);

    public KvVersion SettingsVersion { get; init; }

    public KvVersion CountersVersion { get; init; }

    /// <summary>Sorted by number.</summary>
    public IReadOnlyList<RegisteredNode> Nodes { get; init; } = [];

    /// <summary>Versions of the nodes' records, in the same order.</summary>
    public IReadOnlyList<KvVersion> NodeVersions { get; init; } = [];

    /// <summary>By shard, the meta group behind the last one.</summary>
    public IReadOnlyList<MetaShard> Shards { get; init; } = [];

    /// <summary>Versions of the shards' records, in the same order.</summary>
    public IReadOnlyList<KvVersion> ShardVersions { get; init; } = [];

    /// <summary>The number of the meta group among the shards.</summary>
    public int DataShards => Shards.Count - 1;

    public IEnumerable<RegisteredNode> Members => Nodes.Where(static n => n.IsMember);

    public RegisteredNode? Find(NodeNumber number)
    {
        int at = IndexOf(number);
        return at < 0 ? null : Nodes[at];
    }

    public RegisteredNode? FindMember(string name) => Nodes.FirstOrDefault(n => n.IsMember && n.Name == name);

    public KvVersion VersionOf(NodeNumber number)
    {
        int at = IndexOf(number);
        return at < 0 ? default : NodeVersions[at];
    }

    /// <summary>What other nodes are told of it.</summary>
    public ClusterMap ToMap() => new()
    {
        Revision = Revision,
        NextReplica = Counters.NextReplica,
        Nodes = Nodes,
        Shards = [.. Shards.Select(ToPlanned)],
    };

    /// <summary>The replicas of a shard as others are told of them.</summary>
    public static IReadOnlyList<PlannedReplica> ToPlanned(MetaShard shard) =>
        [.. shard.Replicas.Select(static r => new PlannedReplica(
            r.Id, r.Node, r.Role is MetaRole.Learner or MetaRole.Arriving or MetaRole.Joining))];

    private int IndexOf(NodeNumber number)
    {
        for (int i = 0; i < Nodes.Count; i++)
        {
            if (Nodes[i].Number == number) return i;
        }

        return -1;
    }
}
