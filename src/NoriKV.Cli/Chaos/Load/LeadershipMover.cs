using Google.Protobuf;
using Nori.Grpc;
using NoriKV.Proto.V1;

namespace NoriKV.Cli.Chaos.Load;

/// <summary>Asks a node to hand a leadership to another.</summary>
internal static class LeadershipMover
{
    private static readonly GrpcMethod<ShardInfo, ShardInfo> Transfer = new(
        GrpcMethodKind.Unary,
        "norikv.v1.Admin",
        "TransferShard",
        ForShard(),
        ForShard());

    /// <summary>True when it was done.</summary>
    public static async Task<bool> MoveAsync(string address, int shard, string node, CancellationToken cancellationToken)
    {
        using var channel = new GrpcChannel(new GrpcChannelOptions { Address = new Uri($"http://{address}") });
        var request = new ShardInfo { Id = (uint)shard };
        request.Replicas.Add(new ShardReplica { NodeId = node, Leader = true });
        try
        {
            var options = new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(5), CancellationToken = cancellationToken };
            await channel.UnaryAsync(Transfer, request, options).ConfigureAwait(false);
            return true;
        }
        catch (GrpcException)
        {
            return false;
        }
    }

    private static Marshaller<ShardInfo> ForShard() =>
        new(static (m, o) => m.WriteTo(o), static b => ShardInfo.Parser.ParseFrom(b), static m => m.CalculateSize());
}
