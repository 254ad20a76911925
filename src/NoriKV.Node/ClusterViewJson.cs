using System.Text.Json;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// A cluster view as JSON under the proto's field names, as <c>GET /meta/cluster</c> and <c>norikv cluster view --json</c> have it.
/// Members may be added, none change.
/// </summary>
public static class ClusterViewJson
{
    /// <summary>Writes the view's members into the object that is begun.</summary>
    public static void WriteMembers(Utf8JsonWriter json, ClusterView view)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(view);
        json.WriteNumber("epoch", view.Epoch);
        json.WriteStartArray("nodes");
        foreach (ClusterNode node in view.Nodes)
        {
            json.WriteStartObject();
            json.WriteString("id", node.Id);
            json.WriteString("addr", node.Address);
            json.WriteString("role", Word(node.Role));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("shards");
        foreach (ShardView shard in view.Shards) Write(json, shard);
        json.WriteEndArray();
        json.WriteNumber("total_shards", view.TotalShards);
        json.WriteBoolean("hash_tags", view.HashTags);
        json.WriteString("cluster_id", view.ClusterId);
    }

    private static void Write(Utf8JsonWriter json, ShardView shard)
    {
        json.WriteStartObject();
        json.WriteNumber("id", shard.Id.Value);
        json.WriteStartArray("replicas");
        foreach (ShardReplicaView replica in shard.Replicas)
        {
            json.WriteStartObject();
            json.WriteString("node_id", replica.NodeId);
            json.WriteBoolean("leader", replica.IsLeader);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Word(NodeRole role) => role switch
    {
        NodeRole.Leader => "leader",
        NodeRole.Follower => "follower",
        _ => "unknown",
    };
}
