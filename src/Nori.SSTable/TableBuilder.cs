using Nori.Compression;
using Nori.Core;
using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Filter;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>
/// Writes one table: entries in strictly rising order (user key ascending, sequence number descending), then
/// <see cref="Finish"/>. The file is a table only after Finish returned; until then, and after a failure, it
/// is garbage.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class TableBuilder : IDisposable
{
    private readonly TableOptions _options;
    private readonly IFileSystem? _ownedBy;
    private readonly IFile _file;
    private readonly BlockWriter _writer;
    private readonly BlockBuilder _data;
    private readonly BlockBuilder _index = new(restartInterval: 1);
    private readonly BlockBuilder _top = new(restartInterval: 1);
    private readonly RangeDeleteList _rangeDeletes = new();
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _userProperties = new(StringComparer.Ordinal);
    private byte[] _separator = new byte[64];
    private ulong[] _hashes = new ulong[256];
    private int _hashCount;
    private byte[] _lastKey = new byte[64];
    private int _lastKeyLength;
    private ulong _lastSequence;
    private byte[] _firstKey = [];
    private bool _hasSequence;
    private TableCounters _counts;
    private State _state;

    /// <summary>Creates the file, which must not exist; <see cref="Abandon"/> deletes it again.</summary>
    /// <exception cref="ArgumentException">The options are not usable.</exception>
    /// <exception cref="CodecUnavailableException">The compression's library is missing.</exception>
    public TableBuilder(IFileSystem fileSystem, string path, TableOptions? options = null)
        : this(Checked(options), fs => fs!.Open(path, FileOpen.CreateNew), fileSystem)
    {
    }

    /// <summary>Writes into an empty file that the caller opened for writing and closes.</summary>
    /// <exception cref="ArgumentException">The options are not usable.</exception>
    /// <exception cref="CodecUnavailableException">The compression's library is missing.</exception>
    public TableBuilder(IFile file, TableOptions? options = null)
        : this(Checked(options), _ => file, null)
    {
    }

    private TableBuilder(TableOptions options, Func<IFileSystem?, IFile> open, IFileSystem? ownedBy)
    {
        _options = options;
        _ownedBy = ownedBy;
        _data = new BlockBuilder(options.RestartInterval);
        _ = BlockCodecs.Get(options.Compression);
        _file = open(ownedBy);
        _writer = new BlockWriter(_file, options.Compression, options.TableId, options.WriteBufferBytes);
    }

    private enum State
    {
        Open,
        Finished,
        Failed,
        Abandoned,
    }

    /// <summary>Point entries added so far.</summary>
    public long Entries => _counts.Entries;

    /// <summary>True when neither entries nor range deletes were added.</summary>
    public bool IsEmpty => _counts.Entries == 0 && _rangeDeletes.Count == 0;

    /// <summary>About the length of the file if it were finished now, in bytes.</summary>
    public long EstimatedFileBytes =>
        _writer.Offset + _data.EstimatedBytes + _index.EstimatedBytes + _top.EstimatedBytes
        + _rangeDeletes.Bytes
        + (long)_hashCount * _options.BloomBitsPerKey / 8 + TableFormat.FooterBytes;

    /// <summary>True when the file has reached <see cref="TableOptions.TargetFileBytes"/>.</summary>
    public bool IsFull => EstimatedFileBytes >= _options.TargetFileBytes;

    /// <summary>Adds a put with sequence number 0: a plain sorted map of keys to values.</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{byte}, ulong, EntryKind, ReadOnlySpan{byte})"/>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Add(key, 0, EntryKind.Put, value);

    /// <summary>Adds an entry behind all others.</summary>
    /// <param name="userKey">At most 65,535 bytes.</param>
    /// <param name="sequence">Below 2^56.</param>
    /// <param name="kind">Delete (with an empty value), Put, or PutWithExpiry.</param>
    /// <param name="value">
    /// At most 16 MiB, and eight bytes of expiry for <see cref="EntryKind.PutWithExpiry"/>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The entry is out of order or out of bounds; the builder goes on as before.
    /// </exception>
    /// <exception cref="StorageException">Writing failed; the builder can only be abandoned.</exception>
    public void Add(ReadOnlySpan<byte> userKey, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        CheckOpen();
        CheckEntry(userKey, sequence, kind, value);
        int order = _counts.Entries == 0 ? 1 : userKey.SequenceCompareTo(LastKey);
        if (order < 0 || (order == 0 && sequence >= _lastSequence)) ThrowOutOfOrder();

        ulong trailer = sequence << 8 | (byte)kind;
        const int entryOverhead = 12;
        bool isFull =
            _data.EstimatedBytes + userKey.Length + value.Length + entryOverhead > _options.BlockBytes;
        if (isFull && !_data.IsEmpty) FlushData(userKey, isLast: false);

        _data.Add(userKey, trailer, value);
        _counts.CountEntry(userKey.Length, value.Length, kind, isNewKey: order > 0);
        CountSequence(sequence);
        Remember(userKey, sequence, isNewKey: order > 0);
    }

    /// <summary>Adds a range delete; in any order, also between entries.</summary>
    /// <param name="start">The first deleted key.</param>
    /// <param name="end">The first key behind the range; above start.</param>
    /// <param name="sequence">Below 2^56.</param>
    /// <exception cref="ArgumentException">Out of bounds, or an empty range.</exception>
    public void AddRangeDelete(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, ulong sequence)
    {
        CheckOpen();
        CheckEntry(start, sequence, EntryKind.Delete, []);
        CheckEntry(end, sequence, EntryKind.Delete, []);
        if (start.SequenceCompareTo(end) >= 0)
            throw new ArgumentException("an empty range: the end is not above the start");
        _rangeDeletes.Add(start, end, sequence);
        CountSequence(sequence);
    }

    /// <summary>Stores a value of the caller's own in the properties.</summary>
    /// <param name="name">At most 1,024 bytes of UTF-8.</param>
    /// <param name="value">At most 1 MiB; copied.</param>
    public void SetUserProperty(string name, ReadOnlySpan<byte> value)
    {
        CheckOpen();
        _ = PropertiesCodec.UserName(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 1 << 20, nameof(value));
        _userProperties[name] = value.ToArray();
    }

    /// <summary>
    /// Writes what is left and syncs the file; the caller syncs its directory. The file is closed unless the
    /// caller opened it.
    /// </summary>
    /// <exception cref="StorageException">
    /// Writing or syncing failed; the builder can only be abandoned.
    /// </exception>
    public TableProperties Finish()
    {
        CheckOpen();
        _state = State.Failed;
        if (!_data.IsEmpty) FlushData(default, isLast: true);
        if (!_index.IsEmpty) FlushIndex();

        BlockHandle filter = default;
        if (_options.BloomBitsPerKey > 0)
        {
            byte[] bytes = BloomFilter.Build(_hashes.AsSpan(0, _hashCount), _options.BloomBitsPerKey);
            filter = _writer.Write(BlockRole.Filter, bytes, compress: false);
        }

        BlockHandle rangeDeletes = default;
        if (_rangeDeletes.Count > 0)
            rangeDeletes = _writer.Write(BlockRole.RangeDeletes, _rangeDeletes.Encode(), compress: true);

        BlockHandle top = _writer.Write(BlockRole.TopIndex, _top.Finish(), compress: true);
        _counts.CountBlock(BlockRole.TopIndex, top);
        TableProperties properties = MakeProperties(filter);
        BlockHandle last = _writer.Write(
            BlockRole.Properties, PropertiesCodec.Encode(properties), compress: false);

        Span<byte> footer = stackalloc byte[TableFormat.FooterBytes];
        new Footer(top, filter, rangeDeletes, last, _options.TableId).Write(footer);
        _writer.WriteRaw(footer);
        _writer.Flush();
        _file.Sync();
        _state = State.Finished;
        if (_ownedBy is not null) _file.Dispose();
        return properties with { FileBytes = _writer.Offset };
    }

    /// <summary>
    /// Gives up: closes and deletes the file if this builder created it. Nothing after Finish.
    /// </summary>
    public void Abandon()
    {
        if (_state is State.Finished or State.Abandoned) return;
        _state = State.Abandoned;
        if (_ownedBy is null) return;
        _file.Dispose();
        _ownedBy.Delete(_file.Path);
    }

    /// <summary>
    /// Closes the file without deleting it; an unfinished one stays as garbage for recovery to remove.
    /// </summary>
    public void Dispose()
    {
        if (_state is State.Finished or State.Abandoned) return;
        _state = State.Abandoned;
        if (_ownedBy is not null) _file.Dispose();
    }

    private ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyLength);

    private static TableOptions Checked(TableOptions? options)
    {
        options ??= new TableOptions();
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0
            ? options
            : throw new ArgumentException(string.Join("; ", problems), nameof(options));
    }

    private void FlushData(ReadOnlySpan<byte> nextKey, bool isLast)
    {
        ReadOnlySpan<byte> last = _data.LastKey;
        if (_separator.Length < last.Length)
            _separator = new byte[Math.Max(last.Length, 2 * _separator.Length)];
        int length = isLast ? last.Length : Separator.Shortest(last, nextKey, _separator);
        if (isLast) last.CopyTo(_separator);

        // With a next block that begins with the same key, the separator must lie between two of its
        // versions.
        bool splitsKey = !isLast && last.SequenceEqual(nextKey);
        ulong trailer = splitsKey ? _data.LastTrailer : 0;
        State resume = _state;
        _state = State.Failed;
        BlockHandle handle = _writer.Write(BlockRole.Data, _data.Finish(), compress: true);
        _data.Clear();
        _counts.CountBlock(BlockRole.Data, handle);
        AddHandle(_index, _separator.AsSpan(0, length), trailer, handle);
        if (_index.EstimatedBytes >= _options.IndexBlockBytes) FlushIndex();
        _state = resume;
    }

    private void FlushIndex()
    {
        ReadOnlySpan<byte> last = _index.LastKey;
        BlockHandle handle = _writer.Write(BlockRole.Index, _index.Finish(), compress: true);
        AddHandle(_top, last, _index.LastTrailer, handle);
        _index.Clear();
        _counts.CountBlock(BlockRole.Index, handle);
    }

    private static void AddHandle(
        BlockBuilder block, ReadOnlySpan<byte> key, ulong trailer, BlockHandle handle)
    {
        Span<byte> value = stackalloc byte[BlockHandle.BytesMax];
        block.Add(key, trailer, value[..handle.Write(value)]);
    }

    private TableProperties MakeProperties(BlockHandle filter)
    {
        ReadOnlySpan<byte> smallest = _firstKey;
        ReadOnlySpan<byte> largest = LastKey;
        if (_rangeDeletes.Count > 0)
        {
            ReadOnlySpan<byte> start = _rangeDeletes.SmallestStart.Span;
            ReadOnlySpan<byte> end = _rangeDeletes.LargestEnd.Span;
            if (_counts.Entries == 0 || start.SequenceCompareTo(smallest) < 0) smallest = start;
            if (_counts.Entries == 0 || end.SequenceCompareTo(largest) > 0) largest = end;
        }

        return _counts.ToProperties() with
        {
            RangeDeletes = _rangeDeletes.Count,
            FilterBytes = filter.IsAbsent ? 0 : filter.Length + TableFormat.TrailerBytes,
            SmallestKey = smallest.ToArray(),
            LargestKey = largest.ToArray(),
            Compression = _options.Compression,
            TableId = _options.TableId,
            UserProperties = _userProperties,
        };
    }

    private void CheckOpen()
    {
        if (_state != State.Open) throw new InvalidOperationException($"the table builder is {_state}");
    }

    private static void CheckEntry(
        ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, TableFormat.KeyBytesMax, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, TableFormat.SequenceMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            (byte)kind, (byte)EntryKind.PutWithExpiry, nameof(kind));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            value.Length, TableFormat.ValueBytesMax, nameof(value));
        if (kind == EntryKind.Delete && value.Length > 0)
            throw new ArgumentException("a delete has no value", nameof(value));
        if (kind == EntryKind.PutWithExpiry && value.Length < sizeof(ulong))
            throw new ArgumentException(
                "a value that expires begins with eight bytes of expiry", nameof(value));
    }

    private static void ThrowOutOfOrder() => throw new ArgumentException(
        "entries must be added in strictly rising order: user key ascending, then sequence descending");

    private void CountSequence(ulong sequence)
    {
        _counts.CountSequence(sequence, isFirst: !_hasSequence);
        _hasSequence = true;
    }

    private void Remember(ReadOnlySpan<byte> key, ulong sequence, bool isNewKey)
    {
        _lastSequence = sequence;
        if (!isNewKey) return;
        if (_counts.Entries == 1) _firstKey = key.ToArray();
        if (_lastKey.Length < key.Length) _lastKey = new byte[Math.Max(key.Length, 2 * _lastKey.Length)];
        key.CopyTo(_lastKey);
        _lastKeyLength = key.Length;
        if (_options.BloomBitsPerKey == 0) return;
        if (_hashCount == _hashes.Length) Array.Resize(ref _hashes, 2 * _hashCount);
        _hashes[_hashCount++] = XxHash64.Hash(key);
    }
}
