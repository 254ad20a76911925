using System.Globalization;
using Google.Protobuf.Collections;
using NoriKV.Types;
using Pb = NoriKV.Proto.V1;

namespace NoriKV.Client.Wire;

/// <summary>Messages as results. Values are handed on without a copy: each message owns its bytes.</summary>
internal static class Responses
{
    public static PutResult Put(Pb.PutResponse response) => new(Version(response.Version), Meta(response.Meta));

    public static GetResult Get(Pb.GetResponse response) =>
        new(response.Value.Memory, Version(response.Version), Meta(response.Meta));

    public static DeleteResult Delete(Pb.DeleteResponse response) =>
        new(response.Tombstoned, Version(response.Version), Meta(response.Meta));

    public static BatchOperationResult[] Batch(Pb.BatchResponse response, IReadOnlyList<BatchOperation> operations)
    {
        if (response.Results.Count != operations.Count)
        {
            throw NoriKVException.From(new KvError(
                KvCode.Internal,
                $"the node answered {response.Results.Count} results to {operations.Count} operations"));
        }

        var results = new BatchOperationResult[operations.Count];
        for (int i = 0; i < results.Length; i++) results[i] = Operation(response.Results[i], operations[i].Kind);
        return results;
    }

    public static KvPair Pair(Pb.KeyValue pair) => new(pair.Key.Memory, pair.Value.Memory, Version(pair.Version));

    public static ScanPage Page(IReadOnlyList<KvPair> pairs, Pb.ScanResponse? last) => last is null
        ? new ScanPage(pairs, default, pairs.Count, KvMeta.None)
        : new ScanPage(pairs, last.NextPageToken.Memory, checked((long)last.Count), Meta(last.Meta));

    public static ClusterView View(Pb.ClusterView view) => new(
        view.Epoch,
        [.. view.Nodes.Select(static n => new ClusterNode(n.Id, n.Addr, Role(n.Role)))],
        [.. view.Shards.Select(static s => new ShardView(
            new ShardId(s.Id), [.. s.Replicas.Select(static r => new ShardReplicaView(r.NodeId, r.Leader))]))],
        view.ClusterId,
        checked((int)view.TotalShards),
        view.HashTags);

    /// <summary>
    /// True when the answer is the first one under that idempotency key, to a request that was not this one. Under a key
    /// that a client made for itself that cannot be, and must never pass for success.
    /// </summary>
    public static bool IsAnswerToAnother(Pb.StreamResult result)
    {
        MapField<string, string>? meta = result.ResultCase switch
        {
            Pb.StreamResult.ResultOneofCase.Put => result.Put.Meta,
            Pb.StreamResult.ResultOneofCase.Delete => result.Delete.Meta,
            Pb.StreamResult.ResultOneofCase.Batch => result.Batch.Meta,
            _ => null,
        };
        return meta is { Count: > 0 } && Find(meta, "idempotent_replay") == "payload_differs";
    }

    private static BatchOperationResult Operation(Pb.OperationResult result, BatchOperationKind kind) =>
        result.ResultCase switch
        {
            Pb.OperationResult.ResultOneofCase.Put when Put(result.Put) is var put =>
                new() { Kind = kind, Version = put.Version, Meta = put.Meta },
            Pb.OperationResult.ResultOneofCase.Delete when Delete(result.Delete) is var delete =>
                new() { Kind = kind, Version = delete.Version, Tombstoned = delete.Tombstoned, Meta = delete.Meta },
            Pb.OperationResult.ResultOneofCase.Get when Get(result.Get) is var get =>
                new() { Kind = kind, Version = get.Version, Value = get.Value, Meta = get.Meta },
            Pb.OperationResult.ResultOneofCase.Error =>
                new() { Kind = kind, Error = StatusMapping.ToError(result.Error) },
            _ => new() { Kind = kind, Error = new KvError(KvCode.Internal, "the node answered an empty result") },
        };

    private static NodeRole Role(string role) => role switch
    {
        "leader" => NodeRole.Leader,
        "follower" => NodeRole.Follower,
        _ => NodeRole.Unknown,
    };

    private static KvVersion Version(Pb.Version? version) =>
        version is null ? KvVersion.None : new KvVersion(version.Term, version.Index);

    private static KvMeta Meta(MapField<string, string> meta)
    {
        if (meta.Count == 0) return KvMeta.None;
        return new KvMeta
        {
            Consistency = meta.TryGetValue("consistency", out string? name) && ConsistencyNames.TryParse(name, out var c)
                ? c
                : null,
            ServedBy = Find(meta, "served_by"),
            StalenessMs = long.TryParse(
                Find(meta, "staleness_ms"), NumberStyles.None, CultureInfo.InvariantCulture, out long ms) ? ms : null,
            Durability = Find(meta, "durability"),
            IdempotentReplay = Find(meta, "idempotent_replay"),
            Snapshot = Find(meta, "snapshot"),
        };
    }

    private static string? Find(MapField<string, string> meta, string name) =>
        meta.TryGetValue(name, out string? value) ? value : null;
}
