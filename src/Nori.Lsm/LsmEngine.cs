using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Manifest;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;
using Nori.Wal;

namespace Nori.Lsm;

/// <summary>
/// An embeddable ordered key-value store on a log-structured merge tree: atomic durable batches, snapshots,
/// iterators both
/// ways, range deletes, expiry, checkpoints, ingest.
/// </summary>
/// <remarks>
/// Thread-safe. Reads take no lock; writes queue behind one another. After a failed sync, log write or manifest
/// write it
/// takes no more writes (<see cref="LsmFailedException"/>), and reads go on.
/// </remarks>
public sealed partial class LsmEngine : IAsyncDisposable
{
    private readonly LsmOptions _options;
    private readonly IFileSystem _files;
    private readonly TableStore _store;
    private readonly RateLimiter _limiter;
    private readonly LsmMetrics _metrics;
    private readonly EntryMerger.ExpiryCutoff _cutoff;
    private readonly Guid _storeId;

    // Guards _active, _immutables and _version, which are published together as _view, and _isReleased.
    private readonly Lock _viewLock = new();

    // Pulsed when a stalled write may go on; guards nothing.
    private readonly object _relief = new();

    // Guards itself: snapshot sequence → holders.
    private readonly SortedDictionary<ulong, int> _snapshots = [];
    private IDisposable? _directoryLock;
    private ManifestWriter _manifest = null!;
    private WalLog? _wal;
    private volatile LsmLoop? _loop;
    private Memtable _active;
    private Memtable[] _immutables = [];
    private LsmVersion _version;
    private ReadView _view = null!;
    private ulong _memtableIds;
    private ulong _nextFileNumber = 1;
    private WalPosition _logPosition;
    private WalPosition _logDurable;
    private ulong _flushedSequence;
    private ulong _flushedWatermark;

    // Written by the leader only; _visible is what readers may see.
    private ulong _lastSequence;
    private ulong _visible;
    private double _owedSeconds;
    private double _slowdown;
    private long _debt;
    private long _stalls;
    private long _stallTicks;
    private long _userBytes;
    private long _flushedBytes;
    private long _compactionRead;
    private long _compactionWritten;
    private long _expiredEntries;
    private Exception? _failure;
    private Exception? _diskFullCause;
    private volatile bool _isDiskFull;
    private StorageException? _shortage;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _closing;
    private volatile bool _disposed;
    private bool _isReleased;

    private LsmEngine(LsmOptions options, IDisposable directoryLock, Guid storeId)
    {
        _options = options;
        _files = options.FileSystem;
        _directoryLock = directoryLock;
        _storeId = storeId;
        _store = new TableStore(options);
        _limiter = new RateLimiter(options.BackgroundBytesPerSecond, options.Time);
        _lanes = [.. Enumerable.Range(0, options.CompactionsMax).Select(index => new CompactionLane(index))];
        _cutoff = options.Owner is { } owner ? owner.ExpiryCutoff : _ => NowUnixMs();
        _active = NewMemtable();
        var levels = new TableFile[options.Levels][];
        Array.Fill(levels, []);
        _version = new LsmVersion(levels, []);
        _metrics = new LsmMetrics(this, options);
    }

    /// <summary>What opening found and did.</summary>
    public LsmOpenReport OpenReport { get; private set; } = new();

    /// <summary>The engine's effective options.</summary>
    public LsmOptions Options => _options;

    /// <summary>
    /// The smallest watermark above 0 of any batch that is not in a durable table yet; null when there is none:
    /// the owner's
    /// log must keep everything from there.
    /// </summary>
    public ulong? OldestUnflushedWatermark
    {
        get
        {
            lock (_viewLock)
            {
                ulong least = _active.MinWatermark;
                foreach (Memtable memtable in _immutables)
                {
                    ulong watermark = memtable.MinWatermark;
                    if (watermark != 0 && (least == 0 || watermark < least)) least = watermark;
                }

                return least == 0 ? null : least;
            }
        }
    }

    /// <summary>The greatest watermark of any batch that is in a durable table; 0 when none had one.</summary>
    public ulong FlushedWatermark => Volatile.Read(ref _flushedWatermark);

    /// <summary>The tables there are and where their keys lie, for estimates of how large a range is. Reads no file.</summary>
    public IReadOnlyList<LsmTableSpan> TableSpans() =>
        [.. Volatile.Read(ref _view).Version.Files.Select(static f => new LsmTableSpan(f.Meta.Smallest, f.Meta.Largest, f.Meta.Bytes))];

    /// <summary>The engine's state now.</summary>
    /// <exception cref="ObjectDisposedException">The engine is closed.</exception>
    public LsmStats Stats
    {
        get
        {
            LsmVersion version = AcquireVersion();
            try
            {
                var targets = LevelTargets.Of(version, _options);
                var levels = new LsmLevelStats[version.Levels.Length];
                for (int i = 0; i < levels.Length; i++)
                {
                    long target = i > 0 && i >= targets.BaseLevel && i < levels.Length - 1 ? targets[i] : 0;
                    levels[i] = new LsmLevelStats(i, version.Levels[i].Length, version.BytesOf(i), target);
                }

                long user = Volatile.Read(ref _userBytes);
                long written = Volatile.Read(ref _flushedBytes) + Volatile.Read(ref _compactionWritten);
                return new LsmStats
                {
                    Levels = levels,
                    MemtableBytes = MemtableBytes,
                    ImmutableMemtables = Volatile.Read(ref _view).Immutables.Length,
                    UserBytesWritten = user,
                    FlushedBytes = Volatile.Read(ref _flushedBytes),
                    CompactionReadBytes = Volatile.Read(ref _compactionRead),
                    CompactionWrittenBytes = Volatile.Read(ref _compactionWritten),
                    WriteAmplification = user == 0 ? 0 : written / (double)user,
                    CompactionDebtBytes = CompactionDebtBytes,
                    Stalls = Stalls,
                    StallTime = TimeSpan.FromTicks(Volatile.Read(ref _stallTicks)),
                    IsStalled = IsFull(_active) && !MaySeal(),
                    CacheHits = CacheHits,
                    CacheMisses = CacheMisses,
                    CacheBytes = _store.Cache?.Bytes ?? 0,
                    Snapshots = SnapshotCount(),
                    LastSequence = Volatile.Read(ref _visible),
                    IsDiskFull = _isDiskFull,
                    Shortage = Volatile.Read(ref _shortage),
                    Failure = Volatile.Read(ref _failure),
                    LastScrub = Volatile.Read(ref _lastScrub),
                };
            }
            finally
            {
                version.Release();
            }
        }
    }

    internal bool IsDiskFull => _isDiskFull;

    internal bool IsHeldUp => _isDiskFull || Volatile.Read(ref _shortage) is not null;

    internal (int Tables, long Bytes) OpenTables => _store.Opened;

    internal TimeSpan DiskFullRetry => _options.DiskFullRetry;

    internal long Stalls => Volatile.Read(ref _stalls);

    internal long ExpiredEntries => Interlocked.Read(ref _expiredEntries);

    internal long CacheHits => _store.Cache?.Hits ?? 0;

    internal long CacheMisses => _store.Cache?.Misses ?? 0;

    internal long CompactionDebtBytes => Volatile.Read(ref _debt);

    internal long MemtableBytes
    {
        get
        {
            lock (_viewLock) return _active.Bytes + _immutables.Sum(memtable => memtable.Bytes);
        }
    }

    /// <summary>
    /// Stops intake, syncs the log, stops the threads and closes; unflushed data stays in the log. Idempotent.
    /// </summary>
    /// <remarks>
    /// Complete when the engine is closed, whoever of several callers closes it: the directory may be deleted or opened again.
    /// Without a log of its own, what was not flushed is gone: flush first, or replay from the owner's log.
    /// </remarks>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closing, 1) == 1)
        {
            await _closed.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            // First those that wait for room: what they wait for may never come.
            lock (_relief) Monitor.PulseAll(_relief);
            // Alone: no write is under way behind this, and later ones are refused.
            if (_loop is null) StopIntake();
            else await LsmLoop.Offload(StopIntake).ConfigureAwait(false);
            StopLoop();
            Close(syncLog: true);
        }
        finally
        {
            _closed.SetResult();
        }
    }

    internal long FlushedBytes => Volatile.Read(ref _flushedBytes);

    internal long CompactionReadBytes => Volatile.Read(ref _compactionRead);

    internal long CompactionWrittenBytes => Volatile.Read(ref _compactionWritten);

    internal long UserBytes => Volatile.Read(ref _userBytes);

    internal int ImmutableMemtables => Volatile.Read(ref _view).Immutables.Length;

    internal long CacheBytes => _store.Cache?.Bytes ?? 0;

    internal double BytesOf(int level) => Volatile.Read(ref _view).Version.BytesOf(level);

    internal double TablesOf(int level) => Volatile.Read(ref _view).Version.Levels[level].Length;

    internal TimeSpan CompactionRest() => _limiter.Rest();

    /// <summary>Lets go of memory and handles without touching the disk, as a crash does; for tests.</summary>
    internal void Abandon()
    {
        if (Interlocked.Exchange(ref _closing, 1) == 1) return;
        _disposed = true;
        lock (_relief) Monitor.PulseAll(_relief);
        StopLoop();
        Close(syncLog: false);
        _closed.SetResult();
    }

    private void StopIntake() => Alone(() => _disposed = true);

    private void StopLoop()
    {
        LsmLoop? loop = _loop;
        _loop = null;
        loop?.Dispose();
        // A write handed over meanwhile gets its refusal here.
        while (RunCommitOnce()) continue;
    }

    private void Close(bool syncLog)
    {
        try
        {
            CompleteFlushWaiters();
            Settle();
            _manual.Fail(new ObjectDisposedException(nameof(LsmEngine)));
            EndScrubs();
            foreach (CompactionLane lane in _lanes)
            {
                lane.Job?.Dispose();
                lane.Job = null;
            }

            if (syncLog) _wal?.Close();
        }
        catch (WalFailedException e)
        {
            // The last sync failed: writes that were answered under Os may be lost, which Os allows; none else were.
            _failure ??= e;
        }
        finally
        {
            _wal?.Dispose();
            _manifest?.Dispose();
            ReleaseParts();
            _store.Cache?.Dispose();
            if (syncLog && _failure is null) _store.DeleteObsolete();
            _walBatch.Dispose();
            _directoryLock?.Dispose();
            _directoryLock = null;
        }
    }

    private void ReleaseParts()
    {
        lock (_viewLock)
        {
            _view?.Retire();
            _active.Release();
            foreach (Memtable memtable in _immutables) memtable.Release();
            _immutables = [];
            _version.Release();
            _isReleased = true;
        }
    }

    private Memtable NewMemtable()
    {
        ulong id = ++_memtableIds;
        return new Memtable(id, _options.MemtableBytes, _options.Seed + (id * 0x9E3779B97F4A7C15));
    }

    private int SnapshotCount()
    {
        lock (_snapshots) return _snapshots.Values.Sum();
    }

    private long NowUnixMs() => _options.Time.GetUtcNow().ToUnixTimeMilliseconds();
}
