using System.Text.Json;
using NoriKV.Node;
using NoriKV.Node.Meta;
using NoriKV.Transport.Grpc;
using NoriKV.Types;

namespace NoriKV.Cli.Cluster;

/// <summary>A cluster's status for scripts: the proto's field names. Fields may be added, none change.</summary>
internal static class ClusterJson
{
    public static void WriteSummary(Utf8JsonWriter json, ClusterFacts facts)
    {
        ClusterStatus status = facts.Status;
        json.WriteString("cluster_id", status.ClusterId);
        json.WriteBoolean("healthy", facts.IsHealthy);
        json.WriteString("meta_leader", facts.NameOf(status.MetaLeader));
        json.WriteNumber("view_epoch", status.ViewEpoch);
        json.WriteNumber("cluster_version", status.ClusterVersion);
        json.WriteNumber("total_shards", status.TotalShards);
        json.WriteNumber("replication_factor", status.ReplicationFactor);
        json.WriteNumber("effective_replication_factor", status.EffectiveReplicationFactor);
        json.WriteNumber("members", facts.Members.Count());
        json.WriteNumber("live", facts.Members.Count(static n => n.IsLive));
        json.WriteNumber("leaderless_shards", facts.Leaderless.Count());
        json.WriteNumber("under_replicated_shards", facts.UnderReplicated.Count());
        json.WriteNumber("moves_in_flight", status.MovesInFlight);
        json.WriteNumber("moves_wanted", status.MovesWanted);
    }

    public static void WriteNodes(Utf8JsonWriter json, IEnumerable<NodeStatus> nodes)
    {
        json.WriteStartArray("nodes");
        foreach (NodeStatus node in nodes)
        {
            json.WriteStartObject();
            json.WriteString("id", node.Node.Name);
            json.WriteNumber("number", node.Node.Number.Value);
            json.WriteString("state", AdminMessages.Word(node.Node.State));
            json.WriteBoolean("live", node.IsLive);
            json.WriteNumber("silent_ms", node.SilentMs);
            json.WriteNumber("replicas", node.Replicas);
            json.WriteNumber("leaders", node.Leaders);
            json.WriteString("addr", node.Node.Address);
            json.WriteString("zone", node.Node.Zone);
            json.WriteString("store_uuid", node.Node.StoreUuid);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static void WriteShards(Utf8JsonWriter json, ClusterFacts facts, IEnumerable<ShardStatus> shards)
    {
        json.WriteStartArray("shards");
        foreach (ShardStatus shard in shards)
        {
            json.WriteStartObject();
            json.WriteNumber("id", shard.Shard.Value);
            json.WriteBoolean("meta", shard.Shard.Value == facts.Status.TotalShards);
            json.WriteString("leader", facts.NameOf(shard.Leader));
            json.WriteNumber("term", shard.Term.Value);
            json.WriteStartArray("replicas");
            foreach (PlannedReplica replica in shard.Replicas)
            {
                json.WriteStartObject();
                json.WriteString("node_id", facts.NameOf(replica.Node));
                json.WriteNumber("replica_id", replica.Id.Value);
                json.WriteBoolean("learner", replica.IsLearner);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            if (shard.Move is not null) json.WriteString("move", shard.Move);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
