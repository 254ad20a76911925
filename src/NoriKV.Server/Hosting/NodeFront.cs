using System.Runtime.CompilerServices;
using NoriKV.Node;
using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Server;

/// <summary>
/// The node as the ports see it, before there is one: a cluster is formed through the same ports. Until the node is attached
/// every request is told to come back, and health says what is waited for.
/// </summary>
internal sealed partial class NodeFront(string nodeId, ServerOptions options, TimeProvider time) : INoriNode
{
    private readonly TaskCompletionSource<INoriNode?> _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _startedAt = time.GetTimestamp();
    private volatile INoriNode? _node;
    private volatile Func<string> _waiting = static () => "starting";

    public string NodeId => _node?.NodeId ?? nodeId;

    public KvLimits Limits => _node?.Limits ?? options.Limits;

    public ClusterView View => _node?.View ?? new ClusterView(0, [], [], "", options.TotalShards, options.HashTags);

    public SlowLog? SlowOperations => _node?.SlowOperations;

    public string? NotReadyReason => _node is { } node ? node.NotReadyReason : _waiting();

    public string? CannotServeReason => _node is { } node ? node.CannotServeReason : _waiting();

    public NodeHealth Health => _node?.Health ?? new NodeHealth
    {
        Status = HealthStatus.Unhealthy,
        Reasons = [_waiting()],
        NodeId = nodeId,
        Uptime = time.GetElapsedTime(_startedAt),
        TotalShards = options.TotalShards,
        Shards = [],
    };

    /// <summary>Says what is waited for, in words.</summary>
    public void Waits(Func<string> words) => _waiting = words;

    /// <summary>From now on the node answers.</summary>
    public void Attach(INoriNode node)
    {
        _node = node;
        _attached.TrySetResult(node);
    }

    public ShardId ShardOf(ReadOnlySpan<byte> key) => _node?.ShardOf(key) ?? default;

    public ValueTask<KvResult<PutResult>> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context) =>
        _node is { } node ? node.PutAsync(key, value, options, context) : NotYet<PutResult>();

    public ValueTask<KvResult<GetResult>> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context) =>
        _node is { } node ? node.GetAsync(key, options, context) : NotYet<GetResult>();

    public ValueTask<KvResult<DeleteResult>> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions options, RequestContext context) =>
        _node is { } node ? node.DeleteAsync(key, options, context) : NotYet<DeleteResult>();

    public ValueTask<KvResult<IReadOnlyList<BatchOperationResult>>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions options, RequestContext context) =>
        _node is { } node
            ? node.BatchAsync(operations, options, context)
            : NotYet<IReadOnlyList<BatchOperationResult>>();

    public ValueTask<KvResult<ScanPage>> ScanAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context) =>
        _node is { } node ? node.ScanAsync(options, pagePairsMax, pageBytesMax, context) : NotYet<ScanPage>();

    public IAsyncEnumerable<KvResult<ScanPage>> ScanPagesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context) =>
        _node is { } node
            ? node.ScanPagesAsync(options, pagePairsMax, pageBytesMax, context)
            : NotYetPagesAsync();

    // A watcher has nothing to lose by waiting: the first view is the first there is.
    public async IAsyncEnumerable<ClusterView> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        INoriNode? node = _node ?? await _attached.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (node is null) yield break;
        await foreach (ClusterView view in node.WatchAsync(cancellationToken).ConfigureAwait(false)) yield return view;
    }

    public ValueTask<KvResult<ShardView>> TransferShardAsync(ShardId shard, string targetNode, RequestContext context) =>
        _node is { } node ? node.TransferShardAsync(shard, targetNode, context) : NotYet<ShardView>();

    public ValueTask<KvResult<ShardView>> SnapshotShardAsync(ShardId shard, RequestContext context) =>
        _node is { } node ? node.SnapshotShardAsync(shard, context) : NotYet<ShardView>();

    public ValueTask StopAsync(TimeSpan limit)
    {
        _attached.TrySetResult(null);
        return _node is { } node ? node.StopAsync(limit) : default;
    }

    public ValueTask DisposeAsync()
    {
        _attached.TrySetResult(null);
        return _node is { } node ? node.DisposeAsync() : default;
    }

    private KvError Error() => new(KvCode.Unavailable, $"This node does not serve yet: {_waiting()}; the operation was not done");

    private ValueTask<KvResult<T>> NotYet<T>() => ValueTask.FromResult<KvResult<T>>(Error());

    private async IAsyncEnumerable<KvResult<ScanPage>> NotYetPagesAsync()
    {
        yield return await NotYet<ScanPage>().ConfigureAwait(false);
    }
}
