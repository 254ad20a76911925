using System.Buffers;
using Nori.Core;

namespace Nori.Wal;

/// <summary>
/// A ready payload for people who use the log alone: put or delete of a key, with a version and a time to live.
/// Bytewise
/// in docs/formats/wal.md.
/// </summary>
public readonly ref struct Record
{
    // format u8 = 1 | kind u8 | version u64 | expiry unix ms u64, 0 none | key length varint | key | value
    private const byte Format = 1;

    private Record(RecordKind kind, ulong version, long expiryUnixMs, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Kind = kind;
        Version = version;
        ExpiryUnixMs = expiryUnixMs;
        Key = key;
        Value = value;
    }

    /// <summary>Put or delete.</summary>
    public RecordKind Kind { get; }

    /// <summary>The owner's version of the key.</summary>
    public ulong Version { get; }

    /// <summary>When it expires, in Unix milliseconds; 0 never.</summary>
    public long ExpiryUnixMs { get; }

    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>The value; empty for a delete.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>A put.</summary>
    public static Record Put(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong version = 0, long expiryUnixMs = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expiryUnixMs);
        return new Record(RecordKind.Put, version, expiryUnixMs, key, value);
    }

    /// <summary>A delete.</summary>
    public static Record Delete(ReadOnlySpan<byte> key, ulong version = 0) =>
        new(RecordKind.Delete, version, 0, key, default);

    /// <summary>Writes the payload.</summary>
    public void WriteTo(IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        target.WriteByte(Format);
        target.WriteByte((byte)Kind);
        target.WriteUInt64(Version);
        target.WriteUInt64((ulong)ExpiryUnixMs);
        target.WriteLengthPrefixed(Key);
        target.Write(Value);
    }

    /// <summary>The payload as a new array.</summary>
    public byte[] ToArray()
    {
        var writer = new ArrayBufferWriter<byte>(Key.Length + Value.Length + 32);
        WriteTo(writer);
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a payload; key and value point into it. False when it is none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out Record record)
    {
        record = default;
        var reader = new SpanReader(payload);
        if (!reader.TryReadByte(out byte format) || format != Format) return false;
        if (!reader.TryReadByte(out byte kind) || kind is < (byte)RecordKind.Put or > (byte)RecordKind.Delete) return false;
        if (!reader.TryReadUInt64(out ulong version)) return false;
        if (!reader.TryReadUInt64(out ulong expiry) || expiry > long.MaxValue) return false;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key)) return false;
        if (kind == (byte)RecordKind.Delete && !reader.AtEnd) return false;
        record = new Record((RecordKind)kind, version, (long)expiry, key, reader.Remaining);
        return true;
    }
}
