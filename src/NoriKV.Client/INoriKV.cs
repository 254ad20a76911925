using NoriKV.Types;

namespace NoriKV.Client;

/// <summary>
/// Keys and values, the same over the network and over a node in the process. What cannot be done throws
/// <see cref="NoriKVException"/>; a missing key is a result.
/// </summary>
/// <remarks>Thread-safe. Keys and values passed in must not change until the call completes.</remarks>
public interface INoriKV : IAsyncDisposable
{
    /// <summary>Writes a pair; completes once it is durable. Overwriting without a TTL removes the key's TTL.</summary>
    /// <exception cref="VersionMismatchException">The key does not have the version asked for.</exception>
    /// <exception cref="AlreadyExistsException">The key exists and must not.</exception>
    ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default);

    /// <summary>Reads a key; <see cref="GetResult.Found"/> says whether it exists.</summary>
    ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Removes a key; a missing one is no error.</summary>
    /// <exception cref="VersionMismatchException">The key does not have the version asked for.</exception>
    ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Runs many operations, atomic per shard; one result each, in their order.</summary>
    ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations,
        BatchOptions? options = null,
        CancellationToken cancellationToken = default);

    /// <summary>The pairs of a range or a prefix in key order; resumed by itself when a connection breaks.</summary>
    IAsyncEnumerable<KvPair> ScanAsync(ScanOptions options, CancellationToken cancellationToken = default);

    /// <summary>
    /// One page of a scan: at most <see cref="ScanOptions.Limit"/> pairs, and the token that goes on behind it, empty when
    /// nothing follows. For a caller that keeps its place itself, such as a stateless web page.
    /// </summary>
    /// <exception cref="InvalidArgumentException">The limit is not positive, or the token is of another scan.</exception>
    ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default);

    /// <summary>How many pairs a scan would give.</summary>
    ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default);

    /// <summary>The newest view of the cluster.</summary>
    ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default);

    /// <summary>True when the node that is asked says that it serves.</summary>
    /// <exception cref="UnavailableException">No node could be reached before the deadline.</exception>
    ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default);

    /// <summary>The current view, then each newer one; views between two reads are skipped.</summary>
    IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken = default);
}
