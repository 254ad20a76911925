using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.TestKit.Tests;

/// <summary>Passes every call on to a node; a double overrides what it gets wrong.</summary>
internal class DelegatingNode(INoriNode inner) : INoriNode
{
    public string NodeId => inner.NodeId;

    public KvLimits Limits => inner.Limits;

    public ClusterView View => inner.View;

    public NodeHealth Health => inner.Health;

    public string? NotReadyReason => inner.NotReadyReason;

    public string? CannotServeReason => inner.CannotServeReason;

    public ShardId ShardOf(ReadOnlySpan<byte> key) => inner.ShardOf(key);

    public virtual ValueTask<KvResult<PutResult>> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context) =>
        inner.PutAsync(key, value, options, context);

    public virtual ValueTask<KvResult<GetResult>> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context) => inner.GetAsync(key, options, context);

    public ValueTask<KvResult<DeleteResult>> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions options, RequestContext context) =>
        inner.DeleteAsync(key, options, context);

    public virtual ValueTask<KvResult<IReadOnlyList<BatchOperationResult>>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions options, RequestContext context) =>
        inner.BatchAsync(operations, options, context);

    public ValueTask<KvResult<ScanPage>> ScanAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context) =>
        inner.ScanAsync(options, pagePairsMax, pageBytesMax, context);

    public IAsyncEnumerable<KvResult<ScanPage>> ScanPagesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context) =>
        inner.ScanPagesAsync(options, pagePairsMax, pageBytesMax, context);

    public IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken) =>
        inner.WatchAsync(cancellationToken);

    public ValueTask<KvResult<ShardView>> TransferShardAsync(ShardId shard, string targetNode, RequestContext context) =>
        inner.TransferShardAsync(shard, targetNode, context);

    public ValueTask<KvResult<ShardView>> SnapshotShardAsync(ShardId shard, RequestContext context) =>
        inner.SnapshotShardAsync(shard, context);

    public ValueTask StopAsync(TimeSpan limit) => inner.StopAsync(limit);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
