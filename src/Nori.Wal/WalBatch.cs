using System.Buffers;
using Nori.Compression;
using Nori.Core;

namespace Nori.Wal;

/// <summary>
/// Records that are written together: after a crash all of them are there or none. Built once, appended, cleared and
/// built again without allocating.
/// </summary>
/// <remarks>Not thread-safe. Payloads are copied (and compressed, where that was asked for) when added.</remarks>
public sealed class WalBatch : IDisposable
{
    private readonly CompressionType _compression;
    private readonly int _thresholdBytes;
    private byte[] _buffer;
    private int[] _offsets;
    private int _length = WalFormat.BatchHeaderBytes;
    private WalPosition _written;

    /// <summary>An empty batch whose records are stored as they are.</summary>
    public WalBatch()
        : this(CompressionType.None, 0)
    {
    }

    /// <summary>
    /// An empty batch that compresses payloads of at least the threshold, where that makes them smaller.
    /// </summary>
    public WalBatch(CompressionType compression, int thresholdBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(thresholdBytes);
        if (compression != CompressionType.None) _ = BlockCodecs.Get(compression);
        _compression = compression;
        _thresholdBytes = thresholdBytes;
        _buffer = ArrayPool<byte>.Shared.Rent(4096);
        _offsets = ArrayPool<int>.Shared.Rent(64);
    }

    /// <summary>Records added.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes it takes in the log, headers included.</summary>
    public int Bytes => _length;

    /// <summary>Adds a record.</summary>
    /// <param name="type">The owner's tag, given back when read.</param>
    /// <param name="payload">Any bytes, copied.</param>
    public void Add(byte type, ReadOnlySpan<byte> payload)
    {
        payload.CopyTo(Reserve(type, payload.Length));
        Commit(payload.Length);
    }

    /// <summary>Adds a record whose payload is the two spans one behind the other.</summary>
    public void Add(byte type, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        Span<byte> target = Reserve(type, head.Length + tail.Length);
        head.CopyTo(target);
        tail.CopyTo(target[head.Length..]);
        Commit(head.Length + tail.Length);
    }

    /// <summary>Where record <paramref name="index"/> lies, once the batch was appended.</summary>
    /// <exception cref="InvalidOperationException">The batch was not appended since it last changed.</exception>
    public WalPosition PositionOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        if (_written == default) throw new InvalidOperationException("the batch was not appended");
        return _written with { Offset = _written.Offset + (uint)_offsets[index] };
    }

    /// <summary>Stored payload bytes of record <paramref name="index"/>: a hint for reading it back.</summary>
    public int StoredBytesOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return BitConverter.ToInt32(_buffer, _offsets[index] + 4);
    }

    /// <summary>Empties it; the memory stays.</summary>
    public void Clear()
    {
        Count = 0;
        _length = WalFormat.BatchHeaderBytes;
        _written = default;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        byte[] buffer = _buffer;
        int[] offsets = _offsets;
        _buffer = [];
        _offsets = [];
        Clear();
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        if (offsets.Length > 0) ArrayPool<int>.Shared.Return(offsets);
    }

    /// <summary>
    /// Adds all records of another batch, as they are stored there; returns the index of the first.
    /// </summary>
    internal int AddAll(WalBatch other)
    {
        int first = Count;
        int body = other._length - WalFormat.BatchHeaderBytes;
        Grow(body, other.Count);
        other._buffer.AsSpan(WalFormat.BatchHeaderBytes, body).CopyTo(_buffer.AsSpan(_length));
        for (int i = 0; i < other.Count; i++)
        {
            _offsets[Count + i] = other._offsets[i] + _length - WalFormat.BatchHeaderBytes;
        }

        Count += other.Count;
        _length += body;
        return first;
    }

    /// <summary>Fills the header and the checksums for the place it is about to be written to.</summary>
    internal ReadOnlySpan<byte> Seal(ulong epoch, WalPosition at, WalPosition durable, bool withRepairBlock = false)
    {
        Invariant.Assert(Count > 0);
        uint epochCrc = RecordHeader.EpochCrc(epoch);
        for (int offset = WalFormat.BatchHeaderBytes; offset < _length;)
        {
            offset += RecordHeader.Seal(_buffer.AsSpan(offset, _length - offset), epochCrc);
        }

        BatchFlags flags = withRepairBlock ? BatchFlags.Repair : BatchFlags.None;
        var header = new BatchHeader(epoch, at.Offset, _length - WalFormat.BatchHeaderBytes, Count, flags, durable);
        header.Encode(_buffer);
        if (!withRepairBlock) return _buffer.AsSpan(0, _length);
        Grow(RepairBlock.Bytes, 0);
        Span<byte> all = _buffer.AsSpan(0, _length + RepairBlock.Bytes);
        RepairBlock.Write(all, header);
        return all;
    }

    internal void MarkWritten(WalPosition at) => _written = at;

    private Span<byte> Reserve(byte type, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, WalFormat.StoredBytesMax - WalFormat.BatchOverheadBytes);
        Grow(WalFormat.RecordBytes(length), 1);
        RecordHeader.Encode(_buffer.AsSpan(_length), type, length, CompressionType.None, length);
        return _buffer.AsSpan(_length + WalFormat.RecordHeaderBytes, length);
    }

    private void Commit(int length)
    {
        int stored = _compression != CompressionType.None && length >= _thresholdBytes
            ? TryCompress(length)
            : length;
        int payload = _length + WalFormat.RecordHeaderBytes;
        _buffer.AsSpan(payload + stored, WalFormat.Align(stored) - stored).Clear();
        _offsets[Count++] = _length;
        _length += WalFormat.RecordBytes(stored);
        _written = default;
    }

    private int TryCompress(int length)
    {
        IBlockCodec codec = BlockCodecs.Get(_compression);
        byte[] target = ArrayPool<byte>.Shared.Rent(codec.MaxCompressedLength(length));
        try
        {
            Span<byte> payload = _buffer.AsSpan(_length + WalFormat.RecordHeaderBytes, length);
            int stored = codec.Compress(payload, target);
            if (stored <= 0 || stored >= length) return length;
            byte type = _buffer[_length + 8];
            RecordHeader.Encode(_buffer.AsSpan(_length), type, stored, _compression, length);
            target.AsSpan(0, stored).CopyTo(payload);
            return stored;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(target);
        }
    }

    private void Grow(int bytes, int records)
    {
        if ((long)_length + bytes > _buffer.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(
                (int)Math.Min(Array.MaxLength, Math.Max((long)_length + bytes, _buffer.Length * 2L)));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        if (Count + records > _offsets.Length)
        {
            int[] larger = ArrayPool<int>.Shared.Rent(Math.Max(Count + records, _offsets.Length * 2));
            _offsets.AsSpan(0, Count).CopyTo(larger);
            if (_offsets.Length > 0) ArrayPool<int>.Shared.Return(_offsets);
            _offsets = larger;
        }
    }
}
