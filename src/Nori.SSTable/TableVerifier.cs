using Nori.IO;
using Nori.SSTable.Blocks;
using Nori.SSTable.Format;

namespace Nori.SSTable;

/// <summary>
/// Checks a whole table in steps, so that the caller decides how fast the disk is read: every checksum, the
/// order within and across blocks, index against data, filter against keys, counts against properties, and
/// that blocks leave no gap.
/// </summary>
/// <remarks>Not thread-safe. Never uses or fills the cache: it is the disk that is checked.</remarks>
public sealed class TableVerifier : IDisposable
{
    private const int ReadaheadBytes = 256 << 10;

    private readonly TableReader _reader;
    private readonly BlockBuffers _buffers = new(ReadaheadBytes);
    private readonly TableTally _tally;
    private BlockCursor _top = new();
    private BlockCursor _index = new();
    private BlockHandle _indexHandle;
    private bool _disposed;
    private bool _done;

    internal TableVerifier(TableReader reader)
    {
        _reader = reader;
        _tally = new TableTally(reader);
        _top.Reset(reader.Top);
        _top.SeekToFirst();
    }

    /// <summary>Bytes of the file checked so far.</summary>
    public long BytesChecked { get; private set; }

    /// <summary>
    /// Checks about that many more bytes, at least one block; false when the table was checked to its end.
    /// </summary>
    /// <exception cref="CorruptionException">The first damage found.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public bool RunOnce(long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long until = BytesChecked + bytes;
        do
        {
            if (_done) return false;
            Step();
        }
        while (BytesChecked < until);
        return !_done;
    }

    /// <summary>Gives up the reference to the reader. Idempotent.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _reader.Release();
    }

    private void Step()
    {
        if (_index.Valid)
        {
            CheckDataBlock();
            _index.Next();
            if (!_index.Valid) EndIndexBlock();
        }
        else if (_top.Valid)
        {
            BeginIndexBlock();
        }
        else
        {
            CheckRest();
        }
    }

    private void BeginIndexBlock()
    {
        _indexHandle = TableReader.ParseHandle(_top.Value);
        _index.Reset(_reader.Loader.ReadBlock(_indexHandle, BlockRole.Index, _buffers, _buffers.Index));
        _index.SeekToFirst();
        if (!_index.Valid) Fail(_indexHandle.Offset, "an index block with entries", "none");
    }

    private void EndIndexBlock()
    {
        CheckPlace(_indexHandle, BlockRole.Index);
        _tally.EndIndexBlock(_top.Key, _top.Trailer, _indexHandle);
        _top.Next();
    }

    private void CheckDataBlock()
    {
        BlockHandle handle = TableReader.ParseHandle(_index.Value);
        CheckPlace(handle, BlockRole.Data);
        Block block = _reader.Loader.ReadBlock(handle, BlockRole.Data, _buffers, _buffers.Data);
        _tally.CheckBlock(block, handle, _index.Key, _index.Trailer);
    }

    // Blocks lie one behind the other: what no handle covers is damage, too.
    private void CheckPlace(BlockHandle handle, BlockRole role)
    {
        if (handle.Offset != BytesChecked)
            Fail(BytesChecked, $"a {role} block", $"the next one at {handle.Offset}");
        BytesChecked = handle.End;
    }

    private void CheckRest()
    {
        Footer footer = _reader.Footer;
        BlockHandle[] order = [footer.Filter, footer.RangeDeletes, footer.TopIndex, footer.Properties];
        BlockHandle first = order.First(handle => !handle.IsAbsent);
        if (first.Offset != BytesChecked)
            Fail(BytesChecked, "the end of the data", $"the next block at {first.Offset}");
        _tally.CheckTotals();
        _reader.CheckHeldBlocks();
        BytesChecked = _reader.Properties.FileBytes;
        _done = true;
    }

    private void Fail(long offset, string expected, string actual) =>
        throw new CorruptionException(_reader.Path, offset, expected, actual);
}
