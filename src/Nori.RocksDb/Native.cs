using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Nori.RocksDb;

/// <summary>The part of rocksdb/c.h that is used, name by name. Every signature is blittable: no marshalling.</summary>
/// <remarks>
/// SuppressGCTransition only where the call neither waits nor takes long (field reads, a memcpy into a batch): a
/// collection waits for such a call to return. What may read the disk or take a lock keeps the transition.
/// </remarks>
[SuppressMessage("Performance", "CA1401", Justification = "internal")]
internal static unsafe partial class Native
{
    public const int Lz4 = 4;

    private const string Library = RocksDbLibrary.Name;

    static Native() => RocksDbLibrary.Register();

    [LibraryImport(Library)]
    public static partial nint rocksdb_options_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_options_destroy(nint options);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_create_if_missing(nint options, byte on);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_write_buffer_size(nint options, nuint bytes);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_max_background_jobs(nint options, int jobs);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_compression(nint options, int compression);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_enable_pipelined_write(nint options, byte on);

    [LibraryImport(Library)]
    public static partial void rocksdb_options_set_block_based_table_factory(nint options, nint table);

    [LibraryImport(Library)]
    public static partial nint rocksdb_block_based_options_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_block_based_options_destroy(nint table);

    [LibraryImport(Library)]
    public static partial void rocksdb_block_based_options_set_block_cache(nint table, nint cache);

    [LibraryImport(Library)]
    public static partial void rocksdb_block_based_options_set_filter_policy(nint table, nint policy);

    [LibraryImport(Library)]
    public static partial nint rocksdb_filterpolicy_create_bloom_full(double bitsPerKey);

    [LibraryImport(Library)]
    public static partial nint rocksdb_cache_create_lru(nuint bytes);

    [LibraryImport(Library)]
    public static partial void rocksdb_cache_destroy(nint cache);

    [LibraryImport(Library)]
    public static partial nint rocksdb_open(nint options, byte* path, byte** error);

    [LibraryImport(Library)]
    public static partial void rocksdb_close(nint db);

    [LibraryImport(Library)]
    public static partial void rocksdb_free(void* memory);

    [LibraryImport(Library)]
    public static partial nint rocksdb_writeoptions_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_writeoptions_destroy(nint options);

    [LibraryImport(Library)]
    public static partial void rocksdb_writeoptions_set_sync(nint options, byte on);

    [LibraryImport(Library)]
    public static partial nint rocksdb_readoptions_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_readoptions_destroy(nint options);

    [LibraryImport(Library)]
    public static partial void rocksdb_get_options_from_string(nint based, byte* text, nint options, byte** error);

    [LibraryImport(Library)]
    public static partial void rocksdb_writeoptions_disable_WAL(nint options, int off);

    [LibraryImport(Library)]
    public static partial nint rocksdb_create_snapshot(nint db);

    [LibraryImport(Library)]
    public static partial void rocksdb_release_snapshot(nint db, nint snapshot);

    [LibraryImport(Library)]
    public static partial void rocksdb_readoptions_set_snapshot(nint options, nint snapshot);

    [LibraryImport(Library)]
    public static partial void rocksdb_write(nint db, nint options, nint batch, byte** error);

    [LibraryImport(Library)]
    public static partial nint rocksdb_get_pinned(nint db, nint options, byte* key, nuint keyLength, byte** error);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial byte* rocksdb_pinnableslice_value(nint slice, nuint* length);

    // Gives a cache handle back: a shard's mutex, held by others only for moments, but held.
    [LibraryImport(Library)]
    public static partial void rocksdb_pinnableslice_destroy(nint slice);

    [LibraryImport(Library)]
    public static partial nint rocksdb_writebatch_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_writebatch_destroy(nint batch);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rocksdb_writebatch_clear(nint batch);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rocksdb_writebatch_put(
        nint batch, byte* key, nuint keyLength, byte* value, nuint valueLength);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rocksdb_writebatch_delete(nint batch, byte* key, nuint keyLength);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rocksdb_writebatch_delete_range(
        nint batch, byte* start, nuint startLength, byte* end, nuint endLength);

    [LibraryImport(Library)]
    public static partial nint rocksdb_create_iterator(nint db, nint options);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_destroy(nint iterator);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial byte rocksdb_iter_valid(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_valid")]
    public static partial byte rocksdb_iter_valid_with_transition(nint iterator);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_seek_to_first(nint iterator);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_seek(nint iterator, byte* key, nuint keyLength);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_seek_to_last(nint iterator);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_seek_for_prev(nint iterator, byte* key, nuint keyLength);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_next(nint iterator);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_prev(nint iterator);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial byte* rocksdb_iter_key(nint iterator, nuint* length);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial byte* rocksdb_iter_value(nint iterator, nuint* length);

    [LibraryImport(Library)]
    public static partial void rocksdb_iter_get_error(nint iterator, byte** error);

    [LibraryImport(Library)]
    public static partial nint rocksdb_flushoptions_create();

    [LibraryImport(Library)]
    public static partial void rocksdb_flushoptions_destroy(nint options);

    [LibraryImport(Library)]
    public static partial void rocksdb_flush(nint db, nint options, byte** error);

    [LibraryImport(Library)]
    public static partial void rocksdb_compact_range(
        nint db, byte* start, nuint startLength, byte* end, nuint endLength);

    [LibraryImport(Library)]
    public static partial int rocksdb_property_int(nint db, byte* name, ulong* value);
}
