using System.Runtime.CompilerServices;
using Nori.IO;
using NoriKV.Client;
using NoriKV.Embedded;
using NoriKV.Node;
using NoriKV.Types;

namespace NoriKV.TestKit.Crashing;

/// <summary>
/// A whole node in the process on a disk in memory that loses power when the test says so: what was not synced is lost, torn or
/// kept, by seed. The application keeps this one store through all crashes and sees what it would see of a real
/// one: calls that fail, and calls whose outcome is unknown.
/// </summary>
/// <remarks>Thread-safe: the application calls while the test crashes.</remarks>
public sealed class CrashableNoriKV : INoriKV
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(1);

    private readonly CrashableOptions _options;
    private readonly SemaphoreSlim _crashing = new(1, 1);
    private volatile Life _life;
    private int _lives = 1;
    private int _disposed;

    private CrashableNoriKV(CrashableOptions options, Life life) => (_options, _life) = (options, life);

    /// <summary>Starts of the node so far.</summary>
    public int Lives => Volatile.Read(ref _lives);

    /// <summary>Opens an empty store.</summary>
    /// <exception cref="ArgumentException">The options have problems; all are named.</exception>
    public static async ValueTask<CrashableNoriKV> OpenAsync(
        CrashableOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new CrashableOptions();
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        MemoryFileSystem disk = new(options.Seed);
        return new CrashableNoriKV(options, await StartAsync(options, disk, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Kills the node where it stands and starts it on what its disk would hold. Calls that were open fail as unavailable, reads,
    /// or with an unknown outcome, writes.
    /// </summary>
    /// <param name="mode">What becomes of what was not synced.</param>
    /// <param name="cancellationToken">Ends waiting for the start; the store is then unavailable.</param>
    public async ValueTask CrashAsync(
        CrashMode mode = CrashMode.PowerLossGarbage, CancellationToken cancellationToken = default)
    {
        await _crashing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed != 0, this);
            Life life = _life;
            // First nobody believes it any more, then the disk is looked at: what was answered before is on it.
            life.IsOver = true;
            int number = Interlocked.Increment(ref _lives);
            MemoryFileSystem disk = life.Disk.Crash(_options.Seed + (ulong)number, mode);
            life.Disk.PowerOff();
            await EndAsync(life).ConfigureAwait(false);
            _life = await StartAsync(_options, disk, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _crashing.Release();
        }
    }

    /// <summary>
    /// Lets calls of the node's disk fail, until the next crash. A failed sync ends the node: only a crash revives it.
    /// </summary>
    public void AddFault(FaultRule rule) => _life.Faults.Add(rule);

    /// <summary>The disk works again; a node that gave up stays down until <see cref="CrashAsync"/>.</summary>
    public void ClearFaults() => _life.Faults.ClearRules();

    /// <inheritdoc/>
    public ValueTask<PutResult> PutAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> value,
        PutOptions? options = null,
        CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: true, store => store.PutAsync(key, value, options, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<GetResult> GetAsync(
        ReadOnlyMemory<byte> key, ReadOptions? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: false, store => store.GetAsync(key, options, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<DeleteResult> DeleteAsync(
        ReadOnlyMemory<byte> key, DeleteOptions? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: true, store => store.DeleteAsync(key, options, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<BatchOperationResult>> BatchAsync(
        IReadOnlyList<BatchOperation> operations,
        BatchOptions? options = null,
        CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: true, store => store.BatchAsync(operations, options, cancellationToken));

    /// <inheritdoc/>
    public async IAsyncEnumerable<KvPair> ScanAsync(
        ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Life life = Current();
        IAsyncEnumerator<KvPair> pairs =
            life.Store.ScanAsync(options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (pairs.ConfigureAwait(false))
        {
            while (await CallAsync(life, isWrite: false, _ => pairs.MoveNextAsync()).ConfigureAwait(false))
                yield return pairs.Current;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ScanPage> ScanPageAsync(ScanOptions options, CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: false, store => store.ScanPageAsync(options, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<long> CountAsync(ScanOptions options, CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: false, store => store.CountAsync(options, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<ClusterView> GetClusterViewAsync(CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: false, store => store.GetClusterViewAsync(cancellationToken));

    /// <inheritdoc/>
    public ValueTask<bool> IsServingAsync(CancellationToken cancellationToken = default) =>
        CallAsync(isWrite: false, store => store.IsServingAsync(cancellationToken));

    /// <summary>Ends with the node: a crash ends the stream.</summary>
    public IAsyncEnumerable<ClusterView> WatchClusterAsync(CancellationToken cancellationToken = default) =>
        Current().Store.WatchClusterAsync(cancellationToken);

    /// <summary>Stops the node; its disk is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _crashing.WaitAsync().ConfigureAwait(false);
        _life.IsOver = true;
        await EndAsync(_life).ConfigureAwait(false);
        _crashing.Dispose();
    }

    private static async ValueTask<Life> StartAsync(
        CrashableOptions options, MemoryFileSystem disk, CancellationToken cancellationToken)
    {
        FaultInjectingFileSystem faults = new(disk);
        NodeOptions node = options.Store.ToNode() with { FileSystem = faults };
        NoriNode started = await NoriNode.StartAsync(node, cancellationToken).ConfigureAwait(false);
        // It never ends in peace, so there is nothing to wait for.
        return new Life(new EmbeddedNoriKV(started, options.Store with { StopLimit = AtOnce }), disk, faults);
    }

    private static async ValueTask EndAsync(Life life)
    {
        try
        {
            await life.Store.DisposeAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Its disk is off, so it cannot say goodbye, in whatever words: a crash is that.
        catch (Exception) when (life.IsOver)
#pragma warning restore CA1031
        {
        }
    }

    private Life Current()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        Life life = _life;
        return life.IsOver ? throw Down(null) : life;
    }

    private ValueTask<T> CallAsync<T>(bool isWrite, Func<EmbeddedNoriKV, ValueTask<T>> call) =>
        CallAsync(Current(), isWrite, call);

    private static async ValueTask<T> CallAsync<T>(Life life, bool isWrite, Func<EmbeddedNoriKV, ValueTask<T>> call)
    {
        try
        {
            T result = await call(life.Store).ConfigureAwait(false);
            if (!life.IsOver) return result;
        }
        catch (Exception e) when (life.IsOver && e is not OperationCanceledException)
        {
            throw isWrite ? Unknown(e) : Down(e);
        }

        throw isWrite ? Unknown(null) : Down(null);
    }

    private static UnavailableException Down(Exception? cause) =>
        new(new KvError(KvCode.Unavailable, "The node crashed"), cause);

    private static OutcomeUnknownException Unknown(Exception? cause) =>
        new(new KvError(KvCode.CommitTimeout, "The node crashed while the write was under way"), cause);

    private sealed class Life(EmbeddedNoriKV store, MemoryFileSystem disk, FaultInjectingFileSystem faults)
    {
        private volatile bool _isOver;

        public EmbeddedNoriKV Store { get; } = store;

        public MemoryFileSystem Disk { get; } = disk;

        public FaultInjectingFileSystem Faults { get; } = faults;

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }
    }
}
