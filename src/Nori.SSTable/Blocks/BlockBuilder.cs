using System.Buffers.Binary;
using Nori.Core;

namespace Nori.SSTable.Blocks;

// A sorted block (uncompressed form):
//
//   entry 0 | entry 1 | … | restart offset u32 × restarts | restarts u32
//
// Every `interval` entries a restart point: an entry whose key is stored whole. An empty block has 0
// restarts.
internal sealed class BlockBuilder(int restartInterval)
{
    private const int HeaderBytesMax = 4 * Varint.BytesMax;

    private readonly List<uint> _restarts = [];
    private byte[] _buffer = new byte[4096];
    private byte[] _lastKey = new byte[64];
    private int _lastKeyLength;
    private int _length;
    private int _sinceRestart;

    public int Count { get; private set; }

    public bool IsEmpty => Count == 0;

    /// <summary>The bytes <see cref="Finish"/> would return now.</summary>
    public int EstimatedBytes => _length + (_restarts.Count + 1) * sizeof(uint);

    public ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyLength);

    public ulong LastTrailer { get; private set; }

    /// <summary>Adds an entry; the caller vouches for the order.</summary>
    public void Add(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        int shared = 0;
        if (Count == 0 || _sinceRestart == restartInterval)
        {
            _restarts.Add((uint)_length);
            _sinceRestart = 0;
        }
        else
        {
            shared = key.CommonPrefixLength(LastKey);
        }

        int unshared = key.Length - shared;
        Reserve(HeaderBytesMax + unshared + value.Length);
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)shared);
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)unshared);
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)value.Length);
        _length += Varint.Write(_buffer.AsSpan(_length), trailer);
        key[shared..].CopyTo(_buffer.AsSpan(_length));
        _length += unshared;
        value.CopyTo(_buffer.AsSpan(_length));
        _length += value.Length;

        // The shared part stays in place: growing must keep it.
        if (_lastKey.Length < key.Length)
            Array.Resize(ref _lastKey, Math.Max(key.Length, 2 * _lastKey.Length));
        key[shared..].CopyTo(_lastKey.AsSpan(shared));
        _lastKeyLength = key.Length;
        LastTrailer = trailer;
        _sinceRestart++;
        Count++;
    }

    /// <summary>Ends the block; the bytes are borrowed until <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        Reserve((_restarts.Count + 1) * sizeof(uint));
        foreach (uint restart in _restarts) AppendUInt32(restart);
        AppendUInt32((uint)_restarts.Count);
        return _buffer.AsSpan(0, _length);
    }

    public void Clear()
    {
        // A single large value must not keep its buffer for the rest of the table.
        if (_buffer.Length > 1 << 20) _buffer = new byte[4096];
        _restarts.Clear();
        _length = 0;
        _lastKeyLength = 0;
        _sinceRestart = 0;
        Count = 0;
    }

    private void AppendUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_length), value);
        _length += sizeof(uint);
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _length >= bytes) return;
        Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + bytes));
    }
}
