using NoriKV.Placement;
using NoriKV.Types;

namespace NoriKV.Client.Routing;

/// <summary>Where to send a key, as one cluster view says. Immutable.</summary>
internal sealed class RoutingTable
{
    private readonly string?[] _leaders; // by shard; null where none is known

    public RoutingTable(ClusterView view)
    {
        View = view;
        var addresses = view.Nodes
            .Where(static n => n.Role != NodeRole.Unknown && NodeAddress.IsValid(n.Address))
            .ToDictionary(static n => n.Id, static n => n.Address, StringComparer.Ordinal);
        Nodes = [.. addresses.Values.Distinct(StringComparer.Ordinal)];
        _leaders = new string?[view.TotalShards];
        foreach (ShardView shard in view.Shards)
        {
            if (shard.Id.Value >= _leaders.Length) continue;
            ShardReplicaView? leader = shard.Replicas.FirstOrDefault(static r => r.IsLeader);
            if (leader is not null) _leaders[shard.Id.Value] = addresses.GetValueOrDefault(leader.NodeId);
        }
    }

    public ClusterView View { get; }

    /// <summary>The addresses of the nodes that are alive.</summary>
    public IReadOnlyList<string> Nodes { get; }

    public string? LeaderOf(ReadOnlySpan<byte> key) => _leaders.Length == 0
        ? null
        : _leaders[KeyHash.Shard(key, _leaders.Length, View.HashTags).Value];
}
