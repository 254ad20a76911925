using System.Collections.Concurrent;
using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.SSTable;

namespace Nori.Lsm.Versions;

/// <summary>
/// The engine's table files: opens them, bounds how many stay open, and deletes those nobody uses any more.
/// </summary>
/// <remarks>
/// Which tables are open is bounded by number and by the memory of their readers; a clock closes those that were not used
/// lately. A lookup takes no count and no lock per table (docs/decisions/0143).
/// </remarks>
internal sealed class TableStore(LsmOptions options)
{
    private readonly ConcurrentQueue<ulong> _obsolete = new();
    private readonly ConcurrentDictionary<ulong, ulong> _cacheOwners = new();
    private readonly OpenTables _open = new(options.OpenTablesMax, options.OpenTablesBytes);

    public BlockCache? Cache { get; } = options.BlockCacheBytes > 0 ? new BlockCache(options.BlockCacheBytes) : null;

    /// <summary>Null where tables have no filters.</summary>
    public FilterCounters? Filters { get; } = options.BloomBitsPerKey > 0 ? new FilterCounters(options.Meter) : null;

    public bool HasObsolete => !_obsolete.IsEmpty;

    public string PathOf(ulong number) => Path.Combine(options.Directory, FileNames.Table(number));

    public TableReader Open(TableMeta meta)
    {
        ulong owner = Cache is null ? 0 : _cacheOwners.GetOrAdd(meta.Number, static (_, cache) => cache.NextOwner(), Cache);
        return Open(meta, new TableReaderOptions { Cache = Cache, CacheOwner = owner, PrivateCacheBytes = 0 });
    }

    /// <summary>A reader of its own that sees what is on the disk, not what is cached.</summary>
    public TableReader OpenApart(TableMeta meta) => Open(meta, new TableReaderOptions { PrivateCacheBytes = 0 });

    private TableReader Open(TableMeta meta, TableReaderOptions readerOptions)
    {
        string path = PathOf(meta.Number);
        if (options.OnDamage == LsmDamageAction.SetApart && !options.FileSystem.FileExists(path))
            throw new CorruptionException(path, 0, "a table that the manifest names", "no such file");
        IFile file = options.FileSystem.Open(path, FileOpen.Read);
        try
        {
            if (file.Length != meta.Bytes)
            {
                throw new CorruptionException(
                    path, file.Length, $"{meta.Bytes} bytes, as the manifest says", $"{file.Length} bytes");
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return TableReader.Open(file, readerOptions);
    }

    /// <summary>Tables open now, and the memory of their readers.</summary>
    public (int Tables, long Bytes) Opened => _open.Now;

    public void NoteOpened(TableFile file, long memoryBytes) => _open.Add(file, memoryBytes);

    public void Forget(TableFile file) => _open.Remove(file);

    public void Enqueue(ulong number) => _obsolete.Enqueue(number);

    /// <summary>
    /// Deletes what is obsolete and unused; a file that will not go is left for the next opening.
    /// </summary>
    public bool DeleteObsolete()
    {
        bool any = false;
        while (_obsolete.TryDequeue(out ulong number))
        {
            any = true;
            _cacheOwners.TryRemove(number, out _);
            try
            {
                options.FileSystem.Delete(PathOf(number));
            }
            catch (StorageException)
            {
                // No reference to it is left, in the manifest or in memory: an orphan, which opening cleans up.
            }
        }

        return any;
    }
}
