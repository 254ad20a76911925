using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Nori.Core;
using Nori.SSTable;

namespace Nori.Lsm;

// Layout, which is also the payload of the engine's log records (docs/formats/lsm-directory.md):
//   format u8 = 1 | first sequence u64 LE | count u32 LE | operations
//   operation: kind u8 | varint key length | key | varint value length | value
//     kind as EntryKind; PutWithExpiry: the value begins with the expiry (u64 LE, Unix ms); RangeDelete: key = start,
//     value = end; Delete: no value field. Operation i has the sequence first + i.

/// <summary>Writes that become visible and durable together or not at all.</summary>
/// <remarks>Not thread-safe; reusable after the write that took it completed.</remarks>
public sealed class WriteBatch
{
    /// <summary>The longest key, in bytes; a limit of the table format.</summary>
    public const int KeyBytesMax = 65_535;

    /// <summary>The longest value that is written, in bytes; its expiry does not count. An ingested table may hold 16 MiB.</summary>
    public const int ValueBytesMax = (16 << 20) - 16;

    internal const int HeaderBytes = 13;
    internal const byte FormatVersion = 1;
    private const int SequenceOffset = 1;
    private const int CountOffset = 9;

    private byte[] _buffer = new byte[256];
    private int _length = HeaderBytes;

    /// <summary>Operations in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes the batch takes in the log.</summary>
    public int Bytes => _length;

    /// <summary>The owner's log position that this batch is covered by. <value>0: none.</value></summary>
    public ulong Watermark { get; set; }

    internal int RangeDeletes { get; private set; }

    /// <summary>Sets the key's value.</summary>
    /// <param name="key">Any bytes, also none; at most <see cref="KeyBytesMax"/>.</param>
    /// <param name="value">Any bytes, also none; at most <see cref="ValueBytesMax"/>.</param>
    /// <param name="expiryUnixMs">When it expires, in Unix milliseconds; 0 never.</param>
    /// <exception cref="ArgumentOutOfRangeException">Key or value is longer, or the expiry negative.</exception>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expiryUnixMs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, ValueBytesMax, "value bytes");
        int expiryBytes = expiryUnixMs == 0 ? 0 : sizeof(long);
        Span<byte> target = Begin(
            expiryUnixMs == 0 ? EntryKind.Put : EntryKind.PutWithExpiry, key, value.Length + expiryBytes, hasValue: true);
        if (expiryBytes != 0) BinaryPrimitives.WriteInt64LittleEndian(target, expiryUnixMs);
        value.CopyTo(target[expiryBytes..]);
    }

    /// <summary>Removes the key.</summary>
    public void Delete(ReadOnlySpan<byte> key) => Begin(EntryKind.Delete, key, 0, hasValue: false);

    /// <summary>Removes every key in [start, end); nothing when start is not below end.</summary>
    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        if (start.SequenceCompareTo(end) >= 0) return;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end.Length, KeyBytesMax, "key bytes");
        end.CopyTo(Begin(EntryKind.RangeDelete, start, end.Length, hasValue: true));
        RangeDeletes++;
    }

    /// <summary>Empties the batch and keeps its memory.</summary>
    public void Clear()
    {
        _length = HeaderBytes;
        Count = 0;
        RangeDeletes = 0;
        Watermark = 0;
    }

    internal ReadOnlyMemory<byte> Seal(ulong firstSequence)
    {
        _buffer[0] = FormatVersion;
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.AsSpan(SequenceOffset), firstSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(CountOffset), (uint)Count);
        return _buffer.AsMemory(0, _length);
    }

    internal WriteBatchReader Read() => new(_buffer.AsSpan(HeaderBytes, _length - HeaderBytes));

    /// <summary>Opens a logged batch; false when it is not one that this version wrote.</summary>
    internal static bool TryDecode(
        ReadOnlySpan<byte> payload, out ulong firstSequence, out uint count, out WriteBatchReader operations)
    {
        firstSequence = 0;
        count = 0;
        operations = default;
        if (payload.Length < HeaderBytes || payload[0] != FormatVersion) return false;
        firstSequence = BinaryPrimitives.ReadUInt64LittleEndian(payload[SequenceOffset..]);
        count = BinaryPrimitives.ReadUInt32LittleEndian(payload[CountOffset..]);
        operations = new WriteBatchReader(payload[HeaderBytes..]);
        return true;
    }

    private Span<byte> Begin(EntryKind kind, ReadOnlySpan<byte> key, int valueLength, bool hasValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, KeyBytesMax, "key bytes");
        int need = checked(1 + (2 * Varint.BytesMax) + key.Length + valueLength);
        if (_buffer.Length - _length < need) Grow(need);
        _buffer[_length++] = (byte)kind;
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)key.Length);
        key.CopyTo(_buffer.AsSpan(_length));
        _length += key.Length;
        Count++;
        if (!hasValue) return default;
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)valueLength);
        Span<byte> target = _buffer.AsSpan(_length, valueLength);
        _length += valueLength;
        return target;
    }

    private void Grow(int need)
    {
        long wanted = Math.Max((long)_buffer.Length * 2, (long)_length + need);
        if (wanted > Array.MaxLength) ThrowTooLarge();
        Array.Resize(ref _buffer, (int)wanted);
    }

    [DoesNotReturn]
    private static void ThrowTooLarge() => throw new InvalidOperationException("the batch does not fit an array");
}
