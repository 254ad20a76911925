using System.Diagnostics;
using System.Runtime.CompilerServices;
using NoriKV.Client.Operations;
using NoriKV.Client.Pipeline;
using NoriKV.Client.Retry;
using NoriKV.Client.Routing;
using NoriKV.Client.Sessions;
using NoriKV.Client.Tracing;
using NoriKV.Client.Transport;
using NoriKV.Client.Wire;
using NoriKV.Proto.V1;
using NoriKV.Types;
using BatchOperation = NoriKV.Types.BatchOperation;
using ClusterView = NoriKV.Types.ClusterView;

namespace NoriKV.Client;

/// <summary>
/// <see cref="INoriKV"/> over the network. Concurrent operations to one node share a pipelined stream; failures are
/// retried within the deadline, writes under an idempotency key so that each is done at most once.
/// </summary>
/// <remarks>Thread-safe. Make one and share it.</remarks>
public sealed class NoriKVClient : INoriKV
{
    /// <summary>
    /// The name of the <see cref="ActivitySource"/> that tells of operations, for whoever collects traces: one span each, whose context
    /// the nodes go on with.
    /// </summary>
    public const string ActivitySourceName = ClientSpans.SourceName;

    private static readonly PutOptions NoPutOptions = new();
    private static readonly DeleteOptions NoDeleteOptions = new();
    private static readonly BatchOptions NoBatchOptions = new();

    private readonly NoriKVClient? _whole; // whose connections it shares
    private readonly CancellationTokenSource _disposing = new();
    private readonly NodePool _nodes;
    private readonly Places _places;
    private readonly SessionPool _sessions;
    private readonly OperationRunner _runner;
    private readonly ScanRunner _scans;
    private readonly ViewWatcher _watcher;
    private readonly ClientLoop _loop;
    private int _disposed;

    internal NoriKVClient(NoriKVClientOptions options, Func<string, INodeTransport> connect)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw NoriKVException.From(new KvError(KvCode.InvalidArgument, string.Join("; ", problems)));
        var random = options.NewPrng();
        var router = new Router(options);
        var cluster = new ClusterIdentity(options.ClusterId);
        var backoff = new Backoff(options.Retry, random.Fork());
        _nodes = new NodePool(options, cluster, router, connect);
        _places = new Places(options.InFlightMax, options.Time, _disposing.Token);
        _sessions = new SessionPool(options.Time);
        _runner = new OperationRunner(_nodes, router, backoff, options, _disposing.Token);
        _scans = new ScanRunner(_nodes, router, backoff, _runner, options);
        _watcher = new ViewWatcher(_nodes, router, cluster, backoff, _runner);
        _loop = new ClientLoop(_nodes, router, _watcher, options);
        Options = options;
    }

    private NoriKVClient(NoriKVClient whole, TimeSpan deadline)
    {
        _whole = whole;
        _disposing = whole._disposing;
        _nodes = whole._nodes;
        _places = whole._places;
        _sessions = whole._sessions;
        _runner = whole._runner;
        _scans = whole._scans;
        _watcher = whole._watcher;
        _loop = whole._loop;
        Options = whole.Options with { Deadline = deadline };
    }

    /// <summary>What it was made with.</summary>
    public NoriKVClientOptions Options { get; }

    private bool IsDisposed => (_whole ?? this)._disposed != 0;

    /// <summary>Operations in flight.</summary>
    public int InFlight => _places.InUse;

    /// <summary>A client; connections are made when first needed.</summary>
    /// <exception cref="InvalidArgumentException">The options have problems; all are named.</exception>
    public static NoriKVClient Connect(NoriKVClientOptions options) =>
        new(options, address => new GrpcNodeTransport(address, options));

    /// <summary>A client of the nodes at these addresses, host:port each; without any, those of the default options.</summary>
    public static NoriKVClient Connect(params string[] addresses) =>
        Connect(addresses is { Length: 0 } ? new NoriKVClientOptions() : new NoriKVClientOptions { Addresses = addresses });

    /// <summary>A client that has reached a node.</summary>
    /// <exception cref="UnavailableException">No node answered before the deadline.</exception>
    public static async ValueTask<NoriKVClient> ConnectAsync(
        NoriKVClientOptions options, CancellationToken cancellationToken = default)
    {
        NoriKVClient client = Connect(options);
        try
        {
            await client.GetClusterViewAsync(cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// This client with another deadline for its operations: <c>kv.WithDeadline(TimeSpan.FromSeconds(2)).GetAsync(key)</c>. It
    /// shares connections and bounds and lives as long as this one; disposing it does nothing.
    /// </summary>
    /// <param name="deadline">How long one operation may take, retries included; infinite for no limit.</param>
    /// <exception cref="InvalidArgumentException">It is not positive.</exception>
    public NoriKVClient WithDeadline(TimeSpan deadline) => deadline > TimeSpan.Zero || deadline == Timeout.InfiniteTimeSpan
        ? new NoriKVClient(_whole ?? this, deadline)
        : throw NoriKVException.From(new KvError(KvCode.InvalidArgument, "the deadline must be positive"));

    /// <inheritdoc/>
    public ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default) =>
        ClientSpans.RunAsync(
            "put",
            0,
            (Client: this, key, value, options, cancellationToken),
            static x => x.Client.PutCoreAsync(x.key, x.value, x.options, x.cancellationToken));

    /// <inheritdoc/>
    public ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default) =>
        ClientSpans.RunAsync(
            "get",
            0,
            (Client: this, key, options, cancellationToken),
            static x => x.Client.GetCoreAsync(x.key, x.options, x.cancellationToken));

    /// <inheritdoc/>
    public ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default) =>
        ClientSpans.RunAsync(
            "delete",
            0,
            (Client: this, key, options, cancellationToken),
            static x => x.Client.DeleteCoreAsync(x.key, x.options, x.cancellationToken));

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations,
        BatchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(operations);
        return ClientSpans.RunAsync(
            "batch",
            operations.Count,
            (Client: this, operations, options, cancellationToken),
            static x => x.Client.BatchCoreAsync(x.operations, x.options, x.cancellationToken));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<KvPair> ScanAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        await foreach (ScanResponse page in PagesAsync(options, cancellationToken).ConfigureAwait(false))
        {
            foreach (KeyValue pair in page.Pairs) yield return Responses.Pair(pair);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (options.Limit <= 0) throw NoriKVException.From(new KvError(KvCode.InvalidArgument, "a page needs a positive limit"));
        var pairs = new List<KvPair>();
        ScanResponse? last = null;
        await foreach (ScanResponse page in PagesAsync(options, cancellationToken).ConfigureAwait(false))
        {
            foreach (KeyValue pair in page.Pairs) pairs.Add(Responses.Pair(pair));
            last = page;
        }

        return Responses.Page(pairs, last);
    }

    /// <inheritdoc/>
    public async ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ulong count = 0;
        ScanOptions counting = options with { CountOnly = true };
        await foreach (ScanResponse page in PagesAsync(counting, cancellationToken).ConfigureAwait(false)) count = page.Count;

        return checked((long)count);
    }

    /// <inheritdoc/>
    public async ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        using var late = new CancellationTokenSource(_runner.Left(_runner.DeadlineFromNow(Options.Deadline)), Options.Time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            await foreach (ClusterView view in ViewsAsync(any.Token).ConfigureAwait(false)) return view;
        }
        catch (OperationCanceledException e) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new UnavailableException(
                new KvError(KvCode.Unavailable, $"no node answered at {string.Join(", ", Options.Addresses)}"), e);
        }

        throw new UnavailableException(new KvError(KvCode.Unavailable, "the watch ended without a view"));
    }

    /// <summary>True when the node that is asked says by the standard health service that it serves.</summary>
    /// <exception cref="UnavailableException">No node could be reached before the deadline.</exception>
    public async ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default)
    {
        long deadline = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _runner.IsServingAsync(deadline, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _places.Leave();
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ClusterView> WatchClusterAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        await foreach (ClusterView view in ViewsAsync(cancellationToken).ConfigureAwait(false)) yield return view;
    }

    /// <summary>Closes the connections; operations in flight fail, those of writes with an unknown outcome.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_whole is not null || Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.DisposeAsync().ConfigureAwait(false);
        await _nodes.DisposeAsync().ConfigureAwait(false);
    }

    private IAsyncEnumerable<ScanResponse> PagesAsync(ScanOptions options, CancellationToken cancellationToken) =>
        UntilDisposed.ReadAsync(
            token => _scans.PagesAsync(options, Options.Deadline, token), _disposing.Token, cancellationToken);

    private IAsyncEnumerable<ClusterView> ViewsAsync(CancellationToken cancellationToken) =>
        UntilDisposed.ReadAsync(token => _watcher.WatchAsync(refuses: true, token), _disposing.Token, cancellationToken);

    private async ValueTask<PutResult> PutCoreAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions? options, CancellationToken cancellationToken)
    {
        options ??= NoPutOptions;
        OperationOutcome outcome = await WriteAsync(
            key,
            options.IdempotencyKey,
            (key, value, options),
            static (x, id) => new StreamCall { Put = Requests.Put(x.key, x.value, x.options, id) },
            cancellationToken).ConfigureAwait(false);
        return Responses.Put(outcome.ResultOrThrow().Put);
    }

    private async ValueTask<GetResult> GetCoreAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options, CancellationToken cancellationToken)
    {
        var call = new StreamCall { Get = Requests.Get(key, options ?? ReadOptions.Default) };
        OperationOutcome outcome = await ReadAsync(call, key, cancellationToken).ConfigureAwait(false);
        return Responses.Get(outcome.ResultOrThrow().Get);
    }

    private async ValueTask<DeleteResult> DeleteCoreAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options, CancellationToken cancellationToken)
    {
        options ??= NoDeleteOptions;
        OperationOutcome outcome = await WriteAsync(
            key,
            options.IdempotencyKey,
            (key, options),
            static (x, id) => new StreamCall { Delete = Requests.Delete(x.key, x.options, id) },
            cancellationToken).ConfigureAwait(false);
        return Responses.Delete(outcome.ResultOrThrow().Delete);
    }

    private async ValueTask<IReadOnlyList<BatchOperationResult>> BatchCoreAsync(
        IReadOnlyList<BatchOperation> operations, BatchOptions? options, CancellationToken cancellationToken)
    {
        options ??= NoBatchOptions;
        ReadOnlyMemory<byte> key = operations.Count > 0 ? operations[0].Key : default;
        OperationOutcome outcome = operations.All(static o => o.Kind == BatchOperationKind.Get)
            ? await ReadAsync(
                new StreamCall { Batch = Requests.Batch(operations, options, "") }, key, cancellationToken)
                .ConfigureAwait(false)
            : await WriteAsync(
                key,
                options.IdempotencyKey,
                (operations, options),
                static (x, id) => new StreamCall { Batch = Requests.Batch(x.operations, x.options, id) },
                cancellationToken).ConfigureAwait(false);
        return Responses.Batch(outcome.ResultOrThrow().Batch, operations);
    }

    private async ValueTask<OperationOutcome> WriteAsync<T>(
        ReadOnlyMemory<byte> key,
        string? idempotencyKey,
        T state,
        Func<T, string, StreamCall> call,
        CancellationToken cancellationToken)
    {
        long deadline = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!string.IsNullOrEmpty(idempotencyKey))
            {
                return await _runner.RunAsync(call(state, idempotencyKey), key, true, deadline, cancellationToken)
                    .ConfigureAwait(false);
            }

            SessionKey id = _sessions.Acquire();
            try
            {
                OperationOutcome outcome = await _runner.RunAsync(
                    call(state, id.Text), key, true, deadline, cancellationToken).ConfigureAwait(false);
                if (outcome.Result is not { } result || !Responses.IsAnswerToAnother(result)) return outcome;
                return OperationOutcome.Failed(NoriKVException.From(new KvError(
                    KvCode.Internal, $"the node answered another write of the session in {id.Text}: this one was not done")));
            }
            finally
            {
                _sessions.Release(id);
            }
        }
        finally
        {
            _places.Leave();
        }
    }

    private async ValueTask<OperationOutcome> ReadAsync(
        StreamCall call, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        long deadline = await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _runner.RunAsync(call, key, false, deadline, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _places.Leave();
        }
    }

    private async ValueTask<long> EnterAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        long deadline = _runner.DeadlineFromNow(Options.Deadline);
        await _places.EnterAsync(deadline, cancellationToken).ConfigureAwait(false);
        _loop.Begin();
        return deadline;
    }
}
