using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using NoriKV.Proto.V1;
using NoriKV.Types;

namespace NoriKV.Transport.Grpc;

/// <summary>Between the wire's messages and the domain's values. Bytes are wrapped, not copied.</summary>
internal static class WireMessages
{
    // Versions are compared with, never stored: a present message with zeros is a version that matches
    // nothing.
    public static KvVersion? ToVersion(Proto.V1.Version? version) =>
        version is null ? null : new KvVersion(version.Term, version.Index);

    public static Proto.V1.Version? ToWire(KvVersion version) =>
        version.IsPresent ? new Proto.V1.Version { Term = version.Term, Index = version.Index } : null;

    public static string? TextOrNull(string text) => text.Length == 0 ? null : text;

    public static bool TryReadOptions(string consistency, ulong maxStalenessMs, out ReadOptions options)
    {
        bool known = ConsistencyNames.TryParse(consistency, out Consistency parsed);
        options = parsed == Consistency.Linearizable && maxStalenessMs == 0
            ? ReadOptions.Default
            : new ReadOptions
            {
                Consistency = parsed,
                MaxStaleness = WireDuration.FromMilliseconds(maxStalenessMs),
            };
        return known;
    }

    public static PutResponse ToWire(in PutResult put)
    {
        var response = new PutResponse { Version = ToWire(put.Version) };
        AddMeta(response.Meta, put.Meta);
        return response;
    }

    public static GetResponse ToWire(in GetResult got)
    {
        var response = new GetResponse
        {
            Value = got.Found ? UnsafeByteOperations.UnsafeWrap(got.Value) : ByteString.Empty,
            Version = ToWire(got.Version),
        };
        AddMeta(response.Meta, got.Meta);
        return response;
    }

    public static DeleteResponse ToWire(in DeleteResult deleted)
    {
        var response = new DeleteResponse
        {
            Tombstoned = deleted.Tombstoned,
            Version = ToWire(deleted.Version),
        };
        AddMeta(response.Meta, deleted.Meta);
        return response;
    }

    public static OperationResult ToWire(in BatchOperationResult result)
    {
        if (result.Error is { } error) return new OperationResult { Error = StatusTable.ToMessage(error) };
        KvMeta meta = result.Meta ?? KvMeta.None;
        return result.Kind switch
        {
            BatchOperationKind.Put => new OperationResult { Put = ToWire(new PutResult(result.Version, meta)) },
            BatchOperationKind.Delete => new OperationResult
            {
                Delete = ToWire(new DeleteResult(result.Tombstoned, result.Version, meta)),
            },
            _ => new OperationResult { Get = ToWire(new GetResult(result.Value, result.Version, meta)) },
        };
    }

    public static KeyValue ToWire(in KvPair pair, bool keysOnly) => new()
    {
        Key = UnsafeByteOperations.UnsafeWrap(pair.Key),
        Value = keysOnly ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(pair.Value),
        Version = ToWire(pair.Version),
    };

    public static ShardInfo ToWire(ShardView shard)
    {
        var info = new ShardInfo { Id = shard.Id.Value };
        foreach (ShardReplicaView replica in shard.Replicas)
            info.Replicas.Add(new ShardReplica { NodeId = replica.NodeId, Leader = replica.IsLeader });
        return info;
    }

    public static Proto.V1.ClusterView ToWire(Types.ClusterView view)
    {
        var message = new Proto.V1.ClusterView
        {
            Epoch = view.Epoch,
            TotalShards = (uint)view.TotalShards,
            HashTags = view.HashTags,
            ClusterId = view.ClusterId,
        };
        foreach (Types.ClusterNode node in view.Nodes)
            message.Nodes.Add(new Proto.V1.ClusterNode { Id = node.Id, Addr = node.Address, Role = Word(node.Role) });
        message.Shards.AddRange(view.Shards.Select(ToWire));
        return message;
    }

    public static void AddMeta(MapField<string, string> map, KvMeta meta)
    {
        if (ReferenceEquals(meta, KvMeta.None)) return;
        if (meta.Consistency is { } consistency) map["consistency"] = consistency.ToWire();
        if (meta.ServedBy is { } servedBy) map["served_by"] = servedBy;
        if (meta.StalenessMs is { } ms) map["staleness_ms"] = ms.ToString(CultureInfo.InvariantCulture);
        if (meta.Durability is { } durability) map["durability"] = durability;
        if (meta.IdempotentReplay is { } replay) map["idempotent_replay"] = replay;
        if (meta.Snapshot is { } snapshot) map["snapshot"] = snapshot;
    }

    private static string Word(NodeRole role) => role switch
    {
        NodeRole.Leader => "leader",
        NodeRole.Follower => "follower",
        _ => "unknown",
    };
}
