using System.Runtime.CompilerServices;
using Nori.IO;
using NoriKV.Client;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.Embedded;

/// <summary>A whole single node in the process, without sockets, behind <see cref="INoriKV"/>.</summary>
/// <remarks>Thread-safe. One data directory, one process: a lock refuses the second.</remarks>
public sealed class EmbeddedNoriKV : INoriKV
{
    private const int PagePairs = 1000;
    private const int PageBytes = 1 << 20;

    private readonly INoriNode _node;
    private readonly EmbeddedOptions _options;
    private volatile bool _disposed;

    internal EmbeddedNoriKV(INoriNode node, EmbeddedOptions options)
    {
        _node = node;
        _options = options;
    }

    /// <summary>Opens or founds the data directory, applies what a crash left in the log, and serves.</summary>
    /// <exception cref="ArgumentException">The options have problems; all are named.</exception>
    /// <exception cref="DirectoryLockedException">Another store, here or in another process, has the directory.</exception>
    /// <exception cref="CorruptionException">What is stored is damaged; names file and offset.</exception>
    public static async ValueTask<EmbeddedNoriKV> OpenAsync(
        EmbeddedOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        NoriNode node = await NoriNode.StartAsync(options.ToNode(), cancellationToken).ConfigureAwait(false);
        return new EmbeddedNoriKV(node, options);
    }

    /// <summary>The sizes it accepts.</summary>
    public KvLimits Limits => _node.Limits;

    /// <inheritdoc/>
    public async ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        RequestContext context = Context(cancellationToken);
        return Done(
            await _node.PutAsync(key, value, options ?? new PutOptions(), context).ConfigureAwait(false),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default) =>
        Done(
            await _node.GetAsync(key, options ?? ReadOptions.Default, Context(cancellationToken)).ConfigureAwait(false),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default) =>
        Done(
            await _node.DeleteAsync(key, options ?? new DeleteOptions(), Context(cancellationToken))
                .ConfigureAwait(false),
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations,
        BatchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operations);
        return Done(
            await _node.BatchAsync(operations, options ?? new BatchOptions(), Context(cancellationToken))
                .ConfigureAwait(false),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<KvPair> ScanAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        await foreach (ScanPage page in PagesAsync(options, cancellationToken).ConfigureAwait(false))
        {
            foreach (KvPair pair in page.Pairs) yield return pair;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Limit <= 0) throw NoriKVException.From(new KvError(KvCode.InvalidArgument, "a page needs a positive limit"));
        var pairs = new List<KvPair>();
        ScanPage? last = null;
        await foreach (ScanPage page in PagesAsync(options, cancellationToken).ConfigureAwait(false))
        {
            pairs.AddRange(page.Pairs);
            last = page;
        }

        return last! with { Pairs = pairs };
    }

    /// <inheritdoc/>
    public async ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        long count = 0;
        await foreach (ScanPage page in PagesAsync(options with { CountOnly = true }, cancellationToken)
            .ConfigureAwait(false)) count = page.Count;
        return count;
    }

    /// <inheritdoc/>
    public ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new(_node.View);
    }

    /// <inheritdoc/>
    public ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        return new(_node.NotReadyReason is null);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _node.WatchAsync(cancellationToken);
    }

    /// <summary>Finishes what is in flight, flushes and closes the data directory; complete when it is closed.</summary>
    public ValueTask DisposeAsync()
    {
        _disposed = true;
        return _node.StopAsync(_options.StopLimit);
    }

    private async IAsyncEnumerable<ScanPage> PagesAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A limit is a call's: the calls behind the first ask only for the rest.
        ScanOptions rest = options;
        while (true)
        {
            ScanPage page = Done(
                await _node.ScanAsync(
                    rest, PagePairs, PageBytes, Context(cancellationToken))
                    .ConfigureAwait(false),
                cancellationToken);
            yield return page;
            long left = rest.Limit - page.Pairs.Count;
            bool full = options.CountOnly || (options.Limit > 0 && left <= 0);
            if (full || page.NextPageToken.IsEmpty) yield break;
            rest = rest with { PageToken = page.NextPageToken, Limit = Math.Max(left, 0) };
        }
    }

    private RequestContext Context(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        long deadline = _options.Deadline == Timeout.InfiniteTimeSpan
            ? long.MaxValue
            : _options.Time.GetTimestamp() + (long)(_options.Deadline.TotalSeconds * _options.Time.TimestampFrequency);
        return new RequestContext(deadline, "", cancellationToken);
    }

    private static T Done<T>(KvResult<T> result, CancellationToken cancellationToken)
    {
        if (result.TryGet(out T? value, out KvError? error)) return value;
        if (error.Code == KvCode.Cancelled) cancellationToken.ThrowIfCancellationRequested();
        throw NoriKVException.From(error);
    }
}
