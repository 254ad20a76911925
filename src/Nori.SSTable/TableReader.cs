using System.Diagnostics.CodeAnalysis;
using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Filter;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>
/// Reads one finished table. Holds its footer, properties, filter, range deletes and top index in memory
/// (<see cref="MemoryBytes"/>, not part of the cache's budget); index and data blocks come through the cache.
/// </summary>
/// <remarks>
/// Thread-safe. References are counted: <see cref="TryAddReference"/> and <see cref="Release"/>; <see
/// cref="Dispose"/> gives up the first one, and the file is closed with the last. Damage of any kind is a
/// <see cref="CorruptionException"/> with file and offset; a failing disk is a <see
/// cref="StorageException"/>.
/// </remarks>
public sealed class TableReader : IDisposable
{
    private readonly IFile _file;
    private readonly long _fileLength;
    private readonly BlockLoader _loader;
    private readonly BlockCache? _cache;
    private readonly BlockCache? _privateCache;
    private readonly ulong _cacheOwner;
    private readonly Block _top;
    private readonly byte[]? _filter;
    private readonly int _filterLength;
    private readonly bool _isCompressed;
    private int _references = 1;
    private int _disposed;

    private TableReader(IFile file, TableReaderOptions options)
    {
        _file = file;
        _fileLength = file.Length;
        Footer = Footer.Read(file, _fileLength);
        _loader = new BlockLoader(file, _fileLength, Footer.TableId);
        Properties = ReadProperties();
        _isCompressed = Properties.Compression != CompressionType.None;
        _top = _loader.ReadBlock(Footer.TopIndex, BlockRole.TopIndex, _isCompressed);
        if (!Footer.Filter.IsAbsent) _filter = ReadFilter(out _filterLength);
        RangeDeletes = ReadRangeDeletes();
        MemoryBytes = _top.Length + _filterLength + Footer.Properties.Length
            + 2L * Footer.RangeDeletes.Length + 1024;

        if (options.Cache is null && options.PrivateCacheBytes > 0)
            _privateCache = new BlockCache(options.PrivateCacheBytes);
        _cache = options.Cache ?? _privateCache;
        _cacheOwner = options.CacheOwner != 0 ? options.CacheOwner : _cache?.NextOwner() ?? 0;
        if (options.VerifyOnOpen) VerifyChecksums();
    }

    /// <summary>What the table says about itself.</summary>
    public TableProperties Properties { get; }

    /// <summary>The range deletes, by start ascending, then sequence number descending.</summary>
    public IReadOnlyList<RangeDelete> RangeDeletes { get; }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>What the reader itself holds in memory, in bytes: for the budget of a table cache.</summary>
    public long MemoryBytes { get; }

    internal Footer Footer { get; }

    internal BlockLoader Loader => _loader;

    internal Block Top => _top;

    /// <summary>Opens the file as a table.</summary>
    /// <exception cref="CorruptionException">
    /// It is damaged, or not a table of a version this build reads.
    /// </exception>
    /// <exception cref="StorageException">It cannot be opened or read.</exception>
    /// <exception cref="CodecUnavailableException">
    /// It is compressed with a codec whose library is missing.
    /// </exception>
    public static TableReader Open(IFileSystem fileSystem, string path, TableReaderOptions? options = null) =>
        Open(fileSystem.Open(path, FileOpen.Read), options);

    /// <summary>Reads the table in an open file, which the reader closes, also when this throws.</summary>
    /// <inheritdoc cref="Open(IFileSystem, string, TableReaderOptions)"/>
    [SuppressMessage(
        "Reliability", "CA2000", Justification = "The reader is returned or the file is closed here.")]
    public static TableReader Open(IFile file, TableReaderOptions? options = null)
    {
        try
        {
            return new TableReader(file, options ?? new TableReaderOptions());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The hash by which filters know a key: compute it once to ask several tables.</summary>
    public static ulong HashKey(ReadOnlySpan<byte> userKey) => XxHash64.Hash(userKey);

    /// <summary>
    /// False when the table certainly has no point entry of the key; range deletes are not asked.
    /// </summary>
    // Hot path.
    public bool MayContain(ulong keyHash) =>
        _filter is null || BloomFilter.MayContain(_filter.AsSpan(0, _filterLength), keyHash);

    /// <summary>The newest entry of the key, its value copied; range deletes are not applied.</summary>
    public TableLookup Get(ReadOnlySpan<byte> userKey) => Get(userKey, TableFormat.SequenceMax);

    /// <summary>
    /// The newest entry of the key with a sequence number of at most this, its value copied; range deletes are not applied.
    /// </summary>
    /// <param name="userKey">The key.</param>
    /// <param name="maxSequence">What the reader may see.</param>
    public TableLookup Get(ReadOnlySpan<byte> userKey, ulong maxSequence)
    {
        using TableBorrowedLookup found = Borrow(userKey, maxSequence);
        return found.Found ? new TableLookup(true, found.Sequence, found.Kind, found.Value.ToArray()) : default;
    }

    /// <summary>The same, the value not copied. Dispose what it returns, also when nothing was found.</summary>
    /// <inheritdoc cref="Get(ReadOnlySpan{byte}, ulong)"/>
    public TableBorrowedLookup Borrow(ReadOnlySpan<byte> userKey, ulong maxSequence = TableFormat.SequenceMax) =>
        Borrow(userKey, maxSequence, _filter is null ? 0 : HashKey(userKey));

    /// <summary>The same with a hash from <see cref="HashKey"/> at hand.</summary>
    /// <inheritdoc cref="Get(ReadOnlySpan{byte}, ulong)"/>
    // Hot path: allocates nothing when the blocks are cached.
    public TableBorrowedLookup Borrow(ReadOnlySpan<byte> userKey, ulong maxSequence, ulong keyHash)
    {
        if (!MayContain(keyHash)) return TableBorrowedLookup.Filtered;
        long sequence = (long)Math.Min(maxSequence, TableFormat.SequenceMax);

        // Each level's first entry at or behind the target names the only block that can hold the key
        // (Separator).
        if (!BlockSearch.TryFind(_top, userKey, sequence, out EntryHeader entry, out _)) return default;
        Block index = GetBlock(HandleIn(_top, entry), BlockRole.Index);
        bool isThere = BlockSearch.TryFind(index, userKey, sequence, out entry, out _);
        BlockHandle handle = isThere ? HandleIn(index, entry) : default;
        index.Release();
        if (!isThere) return default;

        Block data = GetBlock(handle, BlockRole.Data);
        if (BlockSearch.TryFind(data, userKey, sequence, out entry, out bool sameKey) && sameKey)
            return new TableBorrowedLookup(data, entry);
        data.Release();
        return default;
    }

    /// <summary>
    /// An iterator over the point entries, standing nowhere. It holds a reference to this reader until
    /// disposed.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The last reference is gone.</exception>
    public TableIterator NewIterator(TableReadOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(!TryAddReference(), this);
        return new TableIterator(this, options ?? new TableReadOptions());
    }

    /// <summary>
    /// Reads and checks every block: checksums, order within and across blocks, index against data, filter
    /// against keys, counts against properties. For a paced check see <see cref="NewVerifier"/>.
    /// </summary>
    /// <param name="progress">Told the bytes checked so far.</param>
    /// <exception cref="CorruptionException">The first damage found.</exception>
    public void VerifyChecksums(Action<long>? progress = null)
    {
        using TableVerifier verifier = NewVerifier();
        while (verifier.RunOnce(1 << 20)) progress?.Invoke(verifier.BytesChecked);
        progress?.Invoke(verifier.BytesChecked);
    }

    /// <summary>A full check in steps that the caller paces. It holds a reference until disposed.</summary>
    public TableVerifier NewVerifier()
    {
        ObjectDisposedException.ThrowIf(!TryAddReference(), this);
        return new TableVerifier(this);
    }

    /// <summary>Takes a reference; false when the file is closed already.</summary>
    public bool TryAddReference()
    {
        int references = Volatile.Read(ref _references);
        while (references > 0)
        {
            int seen = Interlocked.CompareExchange(ref _references, references + 1, references);
            if (seen == references) return true;
            references = seen;
        }

        return false;
    }

    /// <summary>Gives up a reference; the last one closes the file.</summary>
    public void Release()
    {
        int references = Interlocked.Decrement(ref _references);
        Invariant.Assert(references >= 0);
        if (references != 0) return;
        _file.Dispose();
        _privateCache?.Dispose();
    }

    /// <summary>Gives up the reference that Open gave. Idempotent.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) Release();
    }

    internal static BlockHandle HandleIn(Block block, in EntryHeader entry) =>
        ParseHandle(block.Bytes.Slice(entry.ValueOffset, entry.ValueLength));

    internal static BlockHandle ParseHandle(ReadOnlySpan<byte> value)
    {
        bool isHandle = BlockHandle.TryRead(value, out BlockHandle handle);
        Invariant.Assert(isHandle); // BlockValidator read it before.
        return handle;
    }

    /// <summary>The block from the cache or the file, to be released by the caller.</summary>
    internal Block GetBlock(BlockHandle handle, BlockRole role) =>
        FindCached(handle, role, out Block cached) ? cached : ReadAndCache(handle, role);

    internal Block ReadAndCache(BlockHandle handle, BlockRole role) =>
        Cache(handle, _loader.ReadShared(handle, role, _isCompressed));

    internal Block Cache(BlockHandle handle, in Block block) =>
        _cache is null ? block : _cache.Insert(_cacheOwner, handle.Offset, in block);

    internal bool FindCached(BlockHandle handle, BlockRole role, out Block block)
    {
        block = default;
        if (_cache is null || !_cache.Find(_cacheOwner, handle.Offset, out block)) return false;
        if (block.Role == role) return true;
        block.Release();
        return false;
    }

    /// <summary>
    /// Reads again from the file what this reader holds in memory, and throws when it is damaged by now.
    /// </summary>
    internal void CheckHeldBlocks()
    {
        _ = Footer.Read(_file, _fileLength);
        _ = ReadProperties();
        _ = _loader.ReadBlock(Footer.TopIndex, BlockRole.TopIndex, _isCompressed);
        if (!Footer.Filter.IsAbsent) _ = ReadFilter(out _);
        _ = ReadRangeDeletes();
    }

    private TableProperties ReadProperties()
    {
        Block block = _loader.ReadBlock(Footer.Properties, BlockRole.Properties, expectCompressed: false);
        TableProperties? properties = PropertiesCodec.Decode(block, out string problem);
        if (properties is null)
            throw new CorruptionException(
                _file.Path, Footer.Properties.Offset, "the properties of a table", problem);
        return properties with { TableId = Footer.TableId, FileBytes = _fileLength };
    }

    private byte[] ReadFilter(out int length)
    {
        byte[] filter = _loader.ReadPayload(
            Footer.Filter, BlockRole.Filter, expectCompressed: false, out length);
        string? problem = BloomFilter.Validate(filter.AsSpan(0, length));
        return problem is null
            ? filter
            : throw new CorruptionException(_file.Path, Footer.Filter.Offset, "a bloom filter", problem);
    }

    private RangeDelete[] ReadRangeDeletes()
    {
        if (Footer.RangeDeletes.IsAbsent) return [];
        Block block = _loader.ReadBlock(Footer.RangeDeletes, BlockRole.RangeDeletes, _isCompressed);
        return RangeDeleteList.Decode(block)
            ?? throw new CorruptionException(
                _file.Path, Footer.RangeDeletes.Offset, "ranges", "one that ends before it starts");
    }
}
