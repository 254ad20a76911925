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
            ClusterViewJson.WriteMembers(json, view);
            json.WriteEndObject();
        });
    }
}
