using NoriKV.Node.Tracing;
using NoriKV.Types;

namespace NoriKV.Node;

/// <summary>
/// A node as its transports and the embedded client see it: every operation of the wire, with its meaning, without a
/// transport. Expected outcomes are values; an exception is a bug of ours.
/// </summary>
/// <remarks>Thread-safe. Keys and values passed in must not change until the call completes.</remarks>
public interface INoriNode : IAsyncDisposable
{
    /// <summary>This node's id.</summary>
    string NodeId { get; }

    /// <summary>The sizes it accepts.</summary>
    KvLimits Limits { get; }

    /// <summary>The shard of a key.</summary>
    ShardId ShardOf(ReadOnlySpan<byte> key);

    /// <summary>Writes a pair; answered once it is durable on a majority and applied.</summary>
    ValueTask<KvResult<PutResult>> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context);

    /// <summary>Reads a key.</summary>
    ValueTask<KvResult<GetResult>> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context);

    /// <summary>Removes a key.</summary>
    ValueTask<KvResult<DeleteResult>> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions options, RequestContext context);

    /// <summary>Runs many operations: a result each, atomic per shard.</summary>
    ValueTask<KvResult<IReadOnlyList<BatchOperationResult>>> BatchAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions options, RequestContext context);

    /// <summary>
    /// Reads one page of a scan over all shards, merged in key order. It has a token wherever more follows, also where
    /// the limit ended it.
    /// </summary>
    /// <param name="options">What to scan; <see cref="ScanOptions.Limit"/> is this call's.</param>
    /// <param name="pagePairsMax">Most pairs of this page.</param>
    /// <param name="pageBytesMax">The page ends behind the pair that exceeds this.</param>
    /// <param name="context">Who asks and until when.</param>
    ValueTask<KvResult<ScanPage>> ScanAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context);

    /// <summary>
    /// Streams a whole scan, page by page; holds its place while the caller enumerates. Ends behind the last page or behind
    /// an error.
    /// </summary>
    /// <param name="options">What to scan; <see cref="ScanOptions.Limit"/> is this call's.</param>
    /// <param name="pagePairsMax">Most pairs of a page.</param>
    /// <param name="pageBytesMax">A page ends behind the pair that exceeds this.</param>
    /// <param name="context">Who asks and until when.</param>
    IAsyncEnumerable<KvResult<ScanPage>> ScanPagesAsync(
        ScanOptions options, int pagePairsMax, int pageBytesMax, RequestContext context);

    /// <summary>The current view.</summary>
    ClusterView View { get; }

    /// <summary>The current view at once, then each change, coalesced; ends when the node stops.</summary>
    IAsyncEnumerable<ClusterView> WatchAsync(CancellationToken cancellationToken);

    /// <summary>What /health says.</summary>
    NodeHealth Health { get; }

    /// <summary>Why the node serves nothing any more: it failed, or it stops; null while it works.</summary>
    string? NotReadyReason { get; }

    /// <summary>
    /// Why a client should not be sent here now: <see cref="NotReadyReason"/>, or the node is no member of its cluster any more, or most
    /// shards on it have no leader, longer than an election takes. Null when it can serve. A member that works and cannot serve still
    /// takes requests, which wait.
    /// </summary>
    string? CannotServeReason => NotReadyReason;

    /// <summary>The last slow requests with their stages; null where none are kept.</summary>
    SlowLog? SlowOperations => null;

    /// <summary>Moves the leadership of a shard to a node.</summary>
    ValueTask<KvResult<ShardView>> TransferShardAsync(ShardId shard, string targetNode, RequestContext context);

    /// <summary>Cuts a snapshot of a shard now.</summary>
    ValueTask<KvResult<ShardView>> SnapshotShardAsync(ShardId shard, RequestContext context);

    /// <summary>
    /// Stops taking requests, finishes those in flight, flushes, pushes a last view and closes. A later call waits for the end of
    /// the first, whose limit it is.
    /// </summary>
    ValueTask StopAsync(TimeSpan limit);
}
