using Microsoft.AspNetCore.Http;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Transport.Http;

/// <summary>GET /meta/cluster: the ClusterView under the proto's field names.</summary>
internal sealed class ClusterEndpoint(INoriNode node)
{
    public Task ServeAsync(HttpContext http)
    {
        ClusterView view = node.View;
        return HttpAnswers.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("epoch", view.Epoch);
            json.WriteStartArray("nodes");
            foreach (ClusterNode member in view.Nodes)
            {
                json.WriteStartObject();
                json.WriteString("id", member.Id);
                json.WriteString("addr", member.Address);
                json.WriteString("role", Word(member.Role));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("shards");
            foreach (ShardView shard in view.Shards)
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

            json.WriteEndArray();
            json.WriteNumber("total_shards", view.TotalShards);
            json.WriteBoolean("hash_tags", view.HashTags);
            json.WriteString("cluster_id", view.ClusterId);
            json.WriteEndObject();
        });
    }

    private static string Word(NodeRole role) => role switch
    {
        NodeRole.Leader => "leader",
        NodeRole.Follower => "follower",
        _ => "unknown",
    };
}
