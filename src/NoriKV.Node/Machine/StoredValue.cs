using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Machine;

/// <summary>
/// A user value as it lies in the engine, format 1 (docs/formats/state-machine.md):
/// <c>format u8 = 1 | term varint | index varint | value</c>. The expiry is the engine's.
/// </summary>
public static class StoredValue
{
    /// <summary>The most bytes before the value.</summary>
    public const int HeaderBytesMax = 1 + (2 * Varint.BytesMax);

    private const byte Format = 1;

    /// <summary>Writes what precedes the value; returns the bytes written.</summary>
    public static int WriteHeader(Span<byte> target, KvVersion version)
    {
        target[0] = Format;
        int length = 1;
        length += Varint.Write(target[length..], version.Term);
        length += Varint.Write(target[length..], version.Index);
        return length;
    }

    /// <summary>Reads the version and where the value begins; false for bytes that are no stored value.</summary>
    public static bool TryRead(ReadOnlySpan<byte> stored, out KvVersion version, out int valueOffset)
    {
        var reader = new SpanReader(stored);
        if (reader.TryReadByte(out byte format)
            && format == Format
            && reader.TryReadVarint(out ulong term)
            && reader.TryReadVarint(out ulong index)
            && term > 0)
        {
            version = new KvVersion(term, index);
            valueOffset = reader.Position;
            return true;
        }

        version = default;
        valueOffset = 0;
        return false;
    }

    /// <summary>True when an entry with this expiry is gone at that time.</summary>
    public static bool IsExpired(long expiryUnixMs, long nowUnixMs) => expiryUnixMs != 0 && expiryUnixMs <= nowUnixMs;
}
