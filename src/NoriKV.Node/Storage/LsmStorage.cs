using System.Buffers;
using Nori.Core;
using Nori.IO;
using Nori.Lsm;
using NoriKV.Node.Ports;

namespace NoriKV.Node.Storage;

/// <summary>The node's engine behind its port.</summary>
internal sealed class LsmStorage(LsmEngine engine, string directory) : IStorage, IHealableStorage
{
    private static readonly LsmReadOptions WithExpired = new() { IncludeExpired = true };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    /// <summary>Opens the engine as the node needs it; what the node sets itself is set behind the last word.</summary>
    public static async ValueTask<LsmStorage> OpenAsync(
        StorageSetup setup, Func<LsmOptions, LsmOptions>? configure, CancellationToken cancellationToken)
    {
        CheckIsOurs(setup);
        var options = new LsmOptions
        {
            Directory = setup.Directory,
            MemtableBytes = setup.MemtableBytes,
            BlockCacheBytes = setup.BlockCacheBytes,
        };
        options = configure?.Invoke(options) ?? options;
        options = options with
        {
            Directory = setup.Directory,
            FileSystem = setup.FileSystem,
            WriteAheadLog = LsmWalMode.None,
            // A peer may have what is lost; and what is not lost goes on being served.
            OnDamage = LsmDamageAction.SetApart,
            Owner = setup.Owner,
            RunBackground = setup.RunBackground,
            Meter = setup.Meter,
            Events = setup.Events,
            Time = setup.Time,
            Seed = setup.Seed,
        };
        LsmEngine engine = await LsmEngine.OpenAsync(options, cancellationToken).ConfigureAwait(false);
        return new LsmStorage(engine, setup.Directory);
    }

    public ulong? OldestUnflushedWatermark => engine.OldestUnflushedWatermark;

    public Exception? Failure => engine.Stats.Failure;

    /// <summary>The engine, for its statistics.</summary>
    public LsmEngine Engine => engine;

    public IStorageBatch NewBatch() => new LsmStorageBatch();

    public void Write(IStorageBatch batch)
    {
        try
        {
            engine.Write(((LsmStorageBatch)batch).Batch);
        }
        catch (LsmDiskFullException e)
        {
            throw new StorageException("write", directory, Errno.NoSpace, e.Message);
        }
    }

    public bool TakesTables => true;

    public void Ingest(IReadOnlyList<string> tables)
    {
        Task ingest;
        try
        {
            // The node wrote them a moment ago, out of chunks with checksums; and damaged tables are set apart and healed.
            ingest = engine.IngestAsync(tables, verify: false);
        }
        catch (LsmDiskFullException e)
        {
            throw new StorageException("ingest", directory, Errno.NoSpace, e.Message);
        }

        // Only tables that meet keys in memory wait for a flush; these lie in a range of their own.
        Invariant.Assert(ingest.IsCompleted);
        if (ingest.Exception?.InnerException is LsmDiskFullException full)
        {
            throw new StorageException("ingest", directory, Errno.NoSpace, full.Message);
        }

        ingest.GetAwaiter().GetResult();
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => TryGet(key, WithExpired, out entry);

    public IStorageView OpenView() => new LsmStorageView(this, engine);

    public void RequestFlush(string reason) => engine.RequestFlush(reason);

    public void NotifyDurable() => engine.NotifyDurable();

    public async ValueTask FlushAsync(CancellationToken cancellationToken) =>
        await engine.FlushAsync(cancellationToken).ConfigureAwait(false);

    public bool RunOnce() => engine.RunOnce();

    public IReadOnlyList<LsmDamagedTable> DamagedTables => engine.DamagedTables;

    public ReadOnlyMemory<byte> GreatestKey => engine.TableSpans()
        .Select(static span => span.Largest)
        .Aggregate(default(ReadOnlyMemory<byte>), static (a, b) => a.Span.SequenceCompareTo(b.Span) >= 0 ? a : b);

    public bool NoteDamage(CorruptionException damage) => engine.NoteDamage(damage);

    public CorruptionException? FindDamage(ulong table, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        engine.FindDamage(table, start, end);

    public bool DropDamage(ulong table, IReadOnlyList<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)> lost)
    {
        try
        {
            return engine.DropDamage(table, lost);
        }
        catch (LsmDiskFullException e)
        {
            throw new StorageException("write", directory, Errno.NoSpace, e.Message);
        }
    }

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    // Hot path: the engine copies into a buffer of this thread, then one exact array is the caller's.
    internal bool TryGet(ReadOnlySpan<byte> key, LsmReadOptions options, out StoredEntry entry)
    {
        ArrayBufferWriter<byte> buffer = t_buffer ??= new ArrayBufferWriter<byte>(4096);
        buffer.ResetWrittenCount();
        if (!engine.TryGet(key, buffer, out LsmValueInfo info, options))
        {
            entry = default;
            return false;
        }

        entry = new StoredEntry(buffer.WrittenSpan.ToArray(), info.ExpiryUnixMs);
        return true;
    }

    private static void CheckIsOurs(StorageSetup setup)
    {
        string current = Path.Combine(setup.Directory, "CURRENT");
        if (!setup.FileSystem.FileExists(current)) return;
        if (!setup.FileSystem.ReadAllBytes(current, bytesMax: 4096).AsSpan().StartsWith("MANIFEST-"u8)) return;
        throw new ArgumentException($"{setup.Directory} was written by RocksDB: set storage.engine: rocksdb", nameof(setup));
    }
}
