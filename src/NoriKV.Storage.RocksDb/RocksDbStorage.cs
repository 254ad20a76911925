using Nori.IO;
using Nori.RocksDb;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.RocksDb;

/// <summary>
/// RocksDB behind the node's storage port. It has no log of its own, and it flushes only when told: a table must not become
/// durable before the node's log is, so RocksDB's own triggers are off and the memtable is flushed from here.
/// </summary>
/// <remarks>
/// Thread-safe. Writes stand still while a flush writes its table; reads do not. Expired entries are kept until they are
/// deleted or overwritten.
/// </remarks>
public sealed class RocksDbStorage : IStorage
{
    // Far above any MemtableBytes: its own limit must never be met.
    private const long WriteBufferBytes = 1L << 36;

    // A writer waits for the flush of so many times MemtableBytes: bounds memory when the log's sync stands still.
    private const int MemtablesMax = 4;

    private readonly StorageSetup _setup;
    private readonly RocksDbHandle _handle;
    private readonly RocksDbLoop? _loop;
    private readonly RocksDbBatch _batch = new();
    private readonly List<(ulong Memtable, TaskCompletionSource Done)> _waiters = [];

    // Guards everything below, _batch and _waiters, and that no write runs while a memtable is sealed and flushed.
    private readonly object _lock = new();
    private ulong _memtable = 1;
    private long _bytes;
    private ulong _minWatermark;
    private ulong _maxWatermark;
    private bool _wanted;
    private bool _sealed;
    private bool _disposed;
    private Exception? _failure;

    private RocksDbStorage(StorageSetup setup, RocksDbDatabase database)
    {
        _setup = setup;
        _handle = new RocksDbHandle(database);
        if (!setup.RunBackground) return;
        _loop = new RocksDbLoop(RunOnce);
        _loop.Start();
    }

    /// <summary>True when librocksdb can be loaded.</summary>
    public static bool IsAvailable => RocksDbLibrary.IsAvailable;

    /// <summary>What to run when it is missing.</summary>
    public static string HowToInstall => RocksDbLibrary.HowToInstall;

    /// <inheritdoc/>
    public ulong? OldestUnflushedWatermark
    {
        get
        {
            lock (_lock) return _minWatermark == 0 ? null : _minWatermark;
        }
    }

    /// <inheritdoc/>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Opens or creates the database; for NodeOptions.OpenStorage.</summary>
    /// <exception cref="ArgumentException">The directory is not on the disk, or is another engine's.</exception>
    /// <exception cref="DllNotFoundException">librocksdb is missing; the message says what to install.</exception>
    /// <exception cref="StorageException">RocksDB refused.</exception>
    public static ValueTask<IStorage> OpenAsync(StorageSetup setup, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(setup);
        cancellationToken.ThrowIfCancellationRequested();
        if (setup.FileSystem is not DiskFileSystem)
            throw new ArgumentException("RocksDB knows the disk only", nameof(setup));
        setup.FileSystem.CreateDirectory(setup.Directory);
        CheckIsNotOurs(setup);
        var options = new RocksDbOptions
        {
            Directory = setup.Directory,
            WriteBufferBytes = WriteBufferBytes,
            BlockCacheBytes = setup.BlockCacheBytes,
            WriteAheadLog = false,
            PipelinedWrite = false,
            More = "avoid_flush_during_shutdown=true;avoid_flush_during_recovery=true",
        };
        try
        {
            return new ValueTask<IStorage>(new RocksDbStorage(setup, new RocksDbDatabase(options)));
        }
        catch (RocksDbException e)
        {
            throw Translate("open", setup.Directory, e);
        }
    }

    /// <inheritdoc/>
    public IStorageBatch NewBatch() => new RocksDbStorageBatch();

    /// <inheritdoc/>
    public void Write(IStorageBatch batch)
    {
        var writes = (RocksDbStorageBatch)batch;
        lock (_lock)
        {
            while (_loop is not null && _bytes >= MemtablesMax * _setup.MemtableBytes && _failure is null && !_disposed)
                Monitor.Wait(_lock);
            ThrowIfStopped();
            try
            {
                writes.Fill(_batch);
                _handle.Database.Write(_batch);
            }
            catch (RocksDbException e)
            {
                throw Fail(Translate("write", _setup.Directory, e));
            }

            _bytes += writes.Bytes;
            if (writes.Watermark != 0)
            {
                _minWatermark = _minWatermark == 0 ? writes.Watermark : Math.Min(_minWatermark, writes.Watermark);
                _maxWatermark = Math.Max(_maxWatermark, writes.Watermark);
            }

            // Written again behind the seal: what is flushed now holds more than the seal said.
            _sealed = false;
            if (_bytes < _setup.MemtableBytes) return;
            _wanted = true;
        }

        _loop?.Wake();
    }

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => _handle.TryGet(key, null, out entry);

    /// <inheritdoc/>
    public IStorageView OpenView() => new RocksDbStorageView(_handle);

    /// <inheritdoc/>
    public void RequestFlush(string reason)
    {
        lock (_lock) _wanted = true;
        _loop?.Wake();
    }

    /// <inheritdoc/>
    public void NotifyDurable() => _loop?.Wake();

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ThrowIfStopped();
            if (_bytes == 0) return ValueTask.CompletedTask;
            _wanted = true;
            _waiters.Add((_memtable, done));
        }

        if (_loop is not null) _loop.Wake();
        else while (!done.Task.IsCompleted && RunOnce()) continue;
        return new ValueTask(done.Task.WaitAsync(cancellationToken));
    }

    /// <summary>Flushes what is wanted if the log is durable so far; false when there was nothing to do.</summary>
    public bool RunOnce()
    {
        lock (_lock)
        {
            if (_disposed || _failure is not null || !_wanted) return false;
            if (_bytes == 0)
            {
                _wanted = false;
                return false;
            }

            // No write runs: what the owner notes now is what the table will hold.
            if (!_sealed) _setup.Owner.OnMemtableSealed(_memtable);
            _sealed = true;
            if (!_setup.Owner.MayInstall(_memtable, _maxWatermark)) return false;
            return Flush();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed) return ValueTask.CompletedTask;
            _disposed = true;
            EndWaiters(new ObjectDisposedException(nameof(RocksDbStorage)));
            Monitor.PulseAll(_lock);
        }

        _loop?.Dispose();
        _batch.Dispose();
        _handle.Release();
        return ValueTask.CompletedTask;
    }

    private bool Flush()
    {
        try
        {
            _handle.Database.Flush();
        }
        catch (RocksDbException e)
        {
            StorageException failure = Translate("flush", _setup.Directory, e);
            // What is in memory stays there: tried again when there may be space.
            if (!failure.IsDiskFull) Fail(failure);
            return false;
        }

        ulong flushed = _memtable++;
        (_bytes, _minWatermark, _maxWatermark, _wanted, _sealed) = (0, 0, 0, false, false);
        _setup.Owner.OnFlushed(flushed);
        foreach ((ulong memtable, TaskCompletionSource done) in _waiters)
            if (memtable <= flushed) done.TrySetResult();
        _waiters.RemoveAll(waiter => waiter.Memtable <= flushed);
        Monitor.PulseAll(_lock);
        return true;
    }

    private StorageException Fail(StorageException failure)
    {
        _failure ??= failure;
        EndWaiters(failure);
        Monitor.PulseAll(_lock);
        return failure;
    }

    private void EndWaiters(Exception reason)
    {
        foreach ((_, TaskCompletionSource done) in _waiters) done.TrySetException(reason);
        _waiters.Clear();
    }

    private void ThrowIfStopped()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_failure is { } failure) throw new StorageException("write", _setup.Directory, 0, failure.Message);
    }

    private static void CheckIsNotOurs(StorageSetup setup)
    {
        string current = Path.Combine(setup.Directory, "CURRENT");
        if (!setup.FileSystem.FileExists(current)) return;
        if (setup.FileSystem.ReadAllBytes(current, bytesMax: 4096).AsSpan().StartsWith("MANIFEST-"u8)) return;
        throw new ArgumentException(
            $"{setup.Directory} is not RocksDB's; it was written under another storage.engine", nameof(setup));
    }

    private static StorageException Translate(string operation, string directory, RocksDbException e)
    {
        bool full = e.Message.Contains("No space left", StringComparison.OrdinalIgnoreCase);
        return new StorageException(operation, directory, full ? Errno.NoSpace : 0, e.Message);
    }
}
