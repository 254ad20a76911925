using Nori.Core;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>
/// Moves over a table's point entries, versions included, both ways: user key ascending, then sequence number
/// descending.
/// </summary>
/// <remarks>
/// Not thread-safe; one owner. Keys and values are borrowed: valid until the next move. After an exception
/// the iterator is not valid; seek again or dispose it.
/// </remarks>
public sealed class TableIterator : IDisposable
{
    private const int ReadaheadBytesMax = 16 << 20;

    private readonly TableReader _reader;
    private readonly BlockBuffers? _buffers;
    private readonly bool _fillCache;
    private BlockCursor _top = new();
    private BlockCursor _index = new();
    private BlockCursor _data = new();
    private bool _disposed;

    internal TableIterator(TableReader reader, TableReadOptions options)
    {
        _reader = reader;
        _fillCache = options.FillCache;
        ArgumentOutOfRangeException.ThrowIfNegative(options.ReadaheadBytes);
        int readahead = Math.Min(options.ReadaheadBytes, ReadaheadBytesMax);
        if (!_fillCache || readahead > 0) _buffers = new BlockBuffers(readahead);
        _top.Reset(reader.Top);
    }

    /// <summary>True when it stands on an entry.</summary>
    public bool Valid => _data.Valid;

    /// <summary>The entry's user key. Borrowed until the next move.</summary>
    public ReadOnlySpan<byte> UserKey => _data.Key;

    /// <summary>The entry's sequence number.</summary>
    public ulong Sequence => _data.Trailer >> 8;

    /// <summary>What the entry says.</summary>
    public EntryKind Kind => (EntryKind)(byte)_data.Trailer;

    /// <summary>The entry's value. Borrowed until the next move.</summary>
    public ReadOnlySpan<byte> Value => _data.Value;

    /// <summary>Moves to the first entry.</summary>
    public void SeekToFirst()
    {
        Clear();
        _top.SeekToFirst();
        if (LoadIndex()) _index.SeekToFirst();
        if (LoadData()) _data.SeekToFirst();
        SkipEmptyForward();
    }

    /// <summary>Moves to the last entry.</summary>
    public void SeekToLast()
    {
        Clear();
        _top.SeekToLast();
        if (LoadIndex()) _index.SeekToLast();
        if (LoadData()) _data.SeekToLast();
        SkipEmptyBackward();
    }

    /// <summary>
    /// Moves to the first entry at or behind (key, sequence): the newest entry of the key that a reader at
    /// that sequence number may see, else the first entry of the next key. Not valid when there is none.
    /// </summary>
    public void Seek(ReadOnlySpan<byte> userKey, ulong sequence = TableFormat.SequenceMax) =>
        SeekTo(userKey, (long)Math.Min(sequence, TableFormat.SequenceMax));

    /// <summary>
    /// Moves to the last entry at or before (key, sequence): of the key, the oldest whose sequence number is
    /// at least this, else the last entry of the key before. Not valid when there is none.
    /// </summary>
    public void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence = 0)
    {
        // The first entry behind (key, sequence), and one back.
        SeekTo(userKey, (long)Math.Min(sequence, TableFormat.SequenceMax) - 1);
        if (Valid) Prev();
        else SeekToLast();
    }

    /// <summary>Moves to the next entry; not valid behind the last.</summary>
    // Hot path.
    public void Next()
    {
        Invariant.Assert(Valid);
        _data.Next();
        if (!_data.Valid) SkipEmptyForward();
    }

    /// <summary>Moves to the entry before; not valid before the first.</summary>
    public void Prev()
    {
        Invariant.Assert(Valid);
        _data.Prev();
        if (!_data.Valid) SkipEmptyBackward();
    }

    /// <summary>Gives up the reference to the reader. Idempotent.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Clear();
        _reader.Release();
    }

    private void SeekTo(ReadOnlySpan<byte> userKey, long sequence)
    {
        Clear();
        _top.Seek(userKey, sequence);
        if (LoadIndex()) _index.Seek(userKey, sequence);
        if (LoadData()) _data.Seek(userKey, sequence);
        SkipEmptyForward();
    }

    private void Clear()
    {
        _data.Reset(default);
        _index.Reset(default);
    }

    // Behind the end of a block: on to the first entry of the next one that has any.
    private void SkipEmptyForward()
    {
        while (!_data.Valid && _top.Valid)
        {
            if (_index.Valid) _index.Next();
            while (!_index.Valid)
            {
                _data.Reset(default);
                _top.Next();
                if (!LoadIndex()) return;
                _index.SeekToFirst();
            }

            if (LoadData()) _data.SeekToFirst();
        }
    }

    private void SkipEmptyBackward()
    {
        while (!_data.Valid && _top.Valid)
        {
            if (_index.Valid) _index.Prev();
            while (!_index.Valid)
            {
                _data.Reset(default);
                _top.Prev();
                if (!LoadIndex()) return;
                _index.SeekToLast();
            }

            if (LoadData()) _data.SeekToLast();
        }
    }

    private bool LoadIndex()
    {
        _index.Reset(default);
        if (!_top.Valid) return false;
        _index.Reset(Load(TableReader.ParseHandle(_top.Value), BlockRole.Index));
        return true;
    }

    private bool LoadData()
    {
        _data.Reset(default);
        if (!_index.Valid) return false;
        _data.Reset(Load(TableReader.ParseHandle(_index.Value), BlockRole.Data));
        return true;
    }

    // To be released by a cursor.
    private Block Load(BlockHandle handle, BlockRole role)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_reader.FindCached(handle, role, out Block cached)) return cached;
        if (_buffers is null) return _reader.ReadAndCache(handle, role);
        if (_fillCache) return _reader.Cache(handle, _reader.Loader.ReadShared(handle, role, _buffers));
        BlockBuffers.Slot slot = role == BlockRole.Data ? _buffers.Data : _buffers.Index;
        return _reader.Loader.ReadBlock(handle, role, _buffers, slot);
    }
}
