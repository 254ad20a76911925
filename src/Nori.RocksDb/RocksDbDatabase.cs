using System.Runtime.InteropServices;
using System.Text;

namespace Nori.RocksDb;

/// <summary>An open RocksDB database, by its C API.</summary>
/// <remarks>Thread-safe but for <see cref="Dispose"/>, which comes last, after its batches and iterators.</remarks>
public sealed unsafe class RocksDbDatabase : IDisposable
{
    private readonly nint _writeOptions;
    private readonly nint _readOptions;
    private readonly nint _cache;
    private nint _db;

    /// <summary>Opens or creates the database.</summary>
    /// <exception cref="RocksDbException">RocksDB refused.</exception>
    /// <exception cref="DllNotFoundException">The library is missing; the message says what to install.</exception>
    public RocksDbDatabase(RocksDbOptions settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        nint options = Native.rocksdb_options_create();
        nint table = Native.rocksdb_block_based_options_create();
        _cache = Native.rocksdb_cache_create_lru((nuint)settings.BlockCacheBytes);
        try
        {
            Native.rocksdb_block_based_options_set_block_cache(table, _cache);
            if (settings.BloomBitsPerKey > 0)
            {
                nint bloom = Native.rocksdb_filterpolicy_create_bloom_full(settings.BloomBitsPerKey);
                Native.rocksdb_block_based_options_set_filter_policy(table, bloom); // takes ownership
            }

            Native.rocksdb_options_set_create_if_missing(options, 1);
            Native.rocksdb_options_set_write_buffer_size(options, (nuint)settings.WriteBufferBytes);
            Native.rocksdb_options_set_max_background_jobs(options, settings.BackgroundJobsMax);
            Native.rocksdb_options_set_compression(options, settings.Lz4 ? Native.Lz4 : 0);
            Native.rocksdb_options_set_enable_pipelined_write(options, settings.PipelinedWrite ? (byte)1 : (byte)0);
            Native.rocksdb_options_set_block_based_table_factory(options, table);
            byte* error = null;
            if (settings.More.Length > 0)
            {
                fixed (byte* more = Encoding.UTF8.GetBytes(settings.More + "\0"))
                    Native.rocksdb_get_options_from_string(options, more, options, &error);
                if (error != null) Refuse(error);
            }

            fixed (byte* path = Encoding.UTF8.GetBytes(settings.Directory + "\0"))
                _db = Native.rocksdb_open(options, path, &error);
            if (error != null) Refuse(error);
        }
        finally
        {
            Native.rocksdb_block_based_options_destroy(table);
            Native.rocksdb_options_destroy(options);
        }

        _writeOptions = Native.rocksdb_writeoptions_create();
        Native.rocksdb_writeoptions_set_sync(_writeOptions, settings.SyncWrites ? (byte)1 : (byte)0);
        Native.rocksdb_writeoptions_disable_WAL(_writeOptions, settings.WriteAheadLog ? 0 : 1);
        _readOptions = Native.rocksdb_readoptions_create();
    }

    /// <summary>Applies the batch atomically.</summary>
    /// <exception cref="RocksDbException">RocksDB refused.</exception>
    public void Write(RocksDbBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        byte* error = null;
        Native.rocksdb_write(_db, _writeOptions, batch.Handle, &error);
        ThrowIf(error);
    }

    /// <summary>The key's value where RocksDB keeps it, not copied; dispose it soon.</summary>
    /// <exception cref="RocksDbException">RocksDB could not read.</exception>
    public RocksDbPinned Get(ReadOnlySpan<byte> key, RocksDbSnapshot? snapshot = null)
    {
        byte* error = null;
        nint slice;
        fixed (byte* bytes = key)
        {
            slice = Native.rocksdb_get_pinned(
                _db, snapshot?.ReadOptions ?? _readOptions, bytes, (nuint)key.Length, &error);
        }

        ThrowIf(error);
        return new RocksDbPinned(slice);
    }

    /// <summary>An iterator over the data as of now, or of a snapshot; not positioned.</summary>
    public RocksDbIterator NewIterator(RocksDbSnapshot? snapshot = null) =>
        new(Native.rocksdb_create_iterator(_db, snapshot?.ReadOptions ?? _readOptions));

    /// <summary>The data as of now; dispose it before the database.</summary>
    public RocksDbSnapshot NewSnapshot() => new(_db);

    /// <summary>Writes the memtable to a table and waits for it.</summary>
    /// <exception cref="RocksDbException">RocksDB could not write.</exception>
    public void Flush()
    {
        byte* error = null;
        nint options = Native.rocksdb_flushoptions_create();
        Native.rocksdb_flush(_db, options, &error);
        Native.rocksdb_flushoptions_destroy(options);
        ThrowIf(error);
    }

    /// <summary>Compacts the whole key space and waits for it.</summary>
    public void CompactAll() => Native.rocksdb_compact_range(_db, null, 0, null, 0);

    /// <summary>One of RocksDB's integer properties, such as rocksdb.compaction-pending; null when unknown.</summary>
    public ulong? Property(string name)
    {
        ulong value = 0;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(name + "\0"))
            return Native.rocksdb_property_int(_db, bytes, &value) == 0 ? value : null;
    }

    /// <summary>Stops the background work and closes; idempotent.</summary>
    public void Dispose()
    {
        nint db = Interlocked.Exchange(ref _db, 0);
        if (db == 0) return;
        Native.rocksdb_close(db);
        Native.rocksdb_writeoptions_destroy(_writeOptions);
        Native.rocksdb_readoptions_destroy(_readOptions);
        Native.rocksdb_cache_destroy(_cache);
    }

    private void Refuse(byte* error)
    {
        Native.rocksdb_cache_destroy(_cache);
        ThrowIf(error);
    }

    internal static void ThrowIf(byte* error)
    {
        if (error == null) return;
        string message = Marshal.PtrToStringUTF8((nint)error) ?? "unknown";
        Native.rocksdb_free(error);
        throw new RocksDbException(message);
    }
}
