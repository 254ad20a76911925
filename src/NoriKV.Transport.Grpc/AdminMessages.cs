using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Types;
using Wire = NoriKV.Proto.V1;

namespace NoriKV.Transport.Grpc;

/// <summary>The cluster's status as a message and back.</summary>
public static class AdminMessages
{
    /// <summary>As it is sent.</summary>
    public static Wire.ClusterStatus ToWire(ClusterStatus status, bool omitShards = false)
    {
        ArgumentNullException.ThrowIfNull(status);
        var names = status.Nodes.ToDictionary(static n => n.Node.Number, static n => n.Node.Name);
        var wire = new Wire.ClusterStatus
        {
            ClusterId = status.ClusterId.ToString(),
            TotalShards = (uint)status.TotalShards,
            ReplicationFactor = (uint)status.ReplicationFactor,
            EffectiveReplicationFactor = (uint)status.EffectiveReplicationFactor,
            ClusterVersion = (uint)status.ClusterVersion,
            MetaLeader = names.GetValueOrDefault(status.MetaLeader, ""),
            MetaLeaderNumber = status.MetaLeader.Value,
            ViewEpoch = status.ViewEpoch,
            MovesInFlight = (uint)status.MovesInFlight,
            MovesWanted = (uint)status.MovesWanted,
        };
        wire.Nodes.AddRange(status.Nodes.Select(ToWire));
        if (omitShards) return wire;
        foreach (ShardStatus shard in status.Shards)
        {
            var one = new Wire.ShardStatus
            {
                Id = shard.Shard.Value,
                Leader = names.GetValueOrDefault(shard.Leader, ""),
                LeaderNumber = shard.Leader.Value,
                Term = shard.Term.Value,
                Move = shard.Move ?? "",
            };
            one.Replicas.AddRange(shard.Replicas.Select(r => new Wire.ReplicaPlace
            {
                ReplicaId = r.Id.Value,
                NodeId = names.GetValueOrDefault(r.Node, ""),
                NodeNumber = r.Node.Value,
                Learner = r.IsLearner,
            }));
            wire.Shards.Add(one);
        }

        return wire;
    }

    /// <summary>As it was sent. What a newer node adds is left out.</summary>
    public static ClusterStatus FromWire(Wire.ClusterStatus wire)
    {
        ArgumentNullException.ThrowIfNull(wire);
        return new ClusterStatus
        {
            ClusterId = Guid.TryParse(wire.ClusterId, out Guid id) ? id : Guid.Empty,
            TotalShards = (int)wire.TotalShards,
            ReplicationFactor = (int)wire.ReplicationFactor,
            EffectiveReplicationFactor = (int)wire.EffectiveReplicationFactor,
            ClusterVersion = (int)wire.ClusterVersion,
            MetaLeader = new NodeNumber(wire.MetaLeaderNumber),
            ViewEpoch = wire.ViewEpoch,
            Nodes = [.. wire.Nodes.Select(FromWire)],
            Shards = [.. wire.Shards.Select(s => new ShardStatus(
                new ShardId(s.Id),
                [.. s.Replicas.Select(r => new PlannedReplica(
                    new ReplicaId(r.ReplicaId), new NodeNumber(r.NodeNumber), r.Learner))],
                new NodeNumber(s.LeaderNumber), new Term(s.Term), s.Move.Length == 0 ? null : s.Move))],
            MovesInFlight = (int)wire.MovesInFlight,
            MovesWanted = (int)wire.MovesWanted,
        };
    }

    /// <summary>What became of a node, in one word.</summary>
    public static string Word(RegisteredState state) => state switch
    {
        RegisteredState.Active => "active",
        RegisteredState.Draining => "draining",
        RegisteredState.Decommissioned => "decommissioned",
        _ => "replaced",
    };

    private static Wire.NodeStatus ToWire(NodeStatus node) => new()
    {
        Id = node.Node.Name,
        Number = node.Node.Number.Value,
        Addr = node.Node.Address,
        Zone = node.Node.Zone,
        State = Word(node.Node.State),
        Live = node.IsLive,
        SilentMs = (ulong)Math.Max(0, node.SilentMs),
        Replicas = (uint)node.Replicas,
        Leaders = (uint)node.Leaders,
        StoreUuid = node.Node.StoreUuid.ToString(),
        JoinedUnixMs = (ulong)Math.Max(0, node.Node.JoinedUnixMs),
    };

    private static NodeStatus FromWire(Wire.NodeStatus wire) => new(
        new RegisteredNode(
            new NodeNumber(wire.Number), wire.Id, Guid.TryParse(wire.StoreUuid, out Guid store) ? store : Guid.Empty, wire.Addr,
            wire.Zone,
            wire.State switch
            {
                "active" => RegisteredState.Active,
                "draining" => RegisteredState.Draining,
                "decommissioned" => RegisteredState.Decommissioned,
                _ => RegisteredState.Replaced,
            },
            (long)wire.JoinedUnixMs),
        (int)wire.Replicas, (int)wire.Leaders, wire.Live, (long)wire.SilentMs);
}
