using System.Buffers;
using System.Buffers.Binary;
using Nori.RocksDb;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.RocksDb;

/// <summary>A batch behind the port. A stored value is the expiry (8 bytes, little-endian, 0 never) and the bytes.</summary>
internal sealed class RocksDbStorageBatch : IStorageBatch
{
    public const int ExpiryBytes = sizeof(long);

    private readonly ArrayBufferWriter<byte> _value = new();

    // No native batch before it is needed, and none left behind: it is filled from here when it is written.
    private readonly List<(byte[] Key, byte[]? Second, bool IsRange)> _writes = [];

    public ulong Watermark { get; set; }

    public long Bytes { get; private set; }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long expiryUnixMs = 0)
    {
        _value.ResetWrittenCount();
        BinaryPrimitives.WriteInt64LittleEndian(_value.GetSpan(ExpiryBytes), expiryUnixMs);
        _value.Advance(ExpiryBytes);
        _value.Write(value);
        Add(key, _value.WrittenSpan.ToArray(), isRange: false);
    }

    public void Delete(ReadOnlySpan<byte> key) => Add(key, null, isRange: false);

    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        if (start.SequenceCompareTo(end) < 0) Add(start, end.ToArray(), isRange: true);
    }

    public void Clear()
    {
        _writes.Clear();
        Bytes = 0;
    }

    public void Fill(RocksDbBatch batch)
    {
        batch.Clear();
        foreach ((byte[] key, byte[]? second, bool isRange) in _writes)
        {
            if (isRange) batch.DeleteRange(key, second);
            else if (second is null) batch.Delete(key);
            else batch.Put(key, second);
        }
    }

    private void Add(ReadOnlySpan<byte> key, byte[]? second, bool isRange)
    {
        _writes.Add((key.ToArray(), second, isRange));
        Bytes += key.Length + (second?.Length ?? 0) + 32;
    }
}
