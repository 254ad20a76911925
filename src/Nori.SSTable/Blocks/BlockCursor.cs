namespace Nori.SSTable.Blocks;

/// <summary>
/// A position in one block that moves both ways and knows the whole key. A mutable struct: one owner.
/// </summary>
// Hot path: allocates only when a block's longest key outgrows the buffer.
internal struct BlockCursor
{
    private Block _block;
    private byte[] _key;
    private EntryHeader _entry;
    private int _offset;
    private int _restart;
    private int _keyLength;

    public BlockCursor()
    {
        _key = [];
        _offset = -1;
    }

    public readonly bool Valid => _offset >= 0 && _offset < _block.EntriesLength;

    public readonly ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    public readonly ulong Trailer => _entry.Trailer;

    public readonly ReadOnlySpan<byte> Value => _block.Bytes.Slice(_entry.ValueOffset, _entry.ValueLength);

    /// <summary>Takes over another block, releases the one before, and stands nowhere.</summary>
    public void Reset(in Block block)
    {
        _block.Release();
        _block = block;
        _offset = -1;
        _keyLength = 0;
        if (_key.Length < block.KeyLengthMax)
            _key = new byte[Math.Max(64, block.KeyLengthMax)];
    }

    public void SeekToFirst()
    {
        _restart = 0;
        Load(0);
    }

    public void SeekToLast()
    {
        _restart = _block.RestartCount - 1;
        if (_restart < 0)
        {
            _offset = -1;
            return;
        }

        Load(_block.RestartOffset(_restart));
        while (_entry.End < _block.EntriesLength) Load(_entry.End);
    }

    /// <summary>
    /// Moves to the first entry at or behind (key, sequence); not valid when there is none.
    /// </summary>
    public void Seek(ReadOnlySpan<byte> key, long sequence)
    {
        Load(BlockSearch.RestartBefore(_block, _block.Entries, key, sequence));
        while (Valid && IsBefore(key, sequence)) Load(_entry.End);
        _restart = -1;
    }

    public void Next()
    {
        _restart = -1;
        Load(_entry.End);
    }

    /// <summary>Moves one entry back: from the restart point before it forward again.</summary>
    public void Prev()
    {
        int target = _offset;
        if (target == 0)
        {
            _offset = -1;
            return;
        }

        if (_restart < 0) _restart = RestartAtOrBefore(target);
        while (_block.RestartOffset(_restart) >= target) _restart--;
        Load(_block.RestartOffset(_restart));
        while (_entry.End < target) Load(_entry.End);
    }

    private readonly bool IsBefore(ReadOnlySpan<byte> key, long sequence)
    {
        int order = Key.SequenceCompareTo(key);
        return order < 0 || (order == 0 && (long)(_entry.Trailer >> 8) > sequence);
    }

    private readonly int RestartAtOrBefore(int offset)
    {
        int low = 0;
        int high = _block.RestartCount - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_block.RestartOffset(middle) <= offset) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private void Load(int offset)
    {
        _offset = offset;
        if (offset >= _block.EntriesLength) return;
        ReadOnlySpan<byte> bytes = _block.Bytes;
        _entry = EntryHeader.Read(bytes, offset);
        bytes.Slice(_entry.KeyOffset, _entry.Unshared).CopyTo(_key.AsSpan(_entry.Shared));
        _keyLength = _entry.KeyLength;
    }
}
