using System.Buffers.Binary;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>
/// Where a scan goes on, format 1. Nothing is held on the server: the token says all, and checks itself.
/// <code>format u8 = 1 | direction u8 | range check u32 LE | count varint | key length varint, key | CRC-32C u32 LE</code>
/// The range check ties it to the scan it came from, the count lets a page say how many pairs the whole scan gave so far.
/// </summary>
internal readonly record struct PageToken(byte[] LastKey, long Count)
{
    private const byte Format = 1;

    public static byte[] Encode(ReadOnlySpan<byte> lastKey, long count, ScanOptions scan)
    {
        int varints = Varint.SizeOf((ulong)count) + Varint.SizeOf((ulong)lastKey.Length);
        byte[] token = new byte[6 + varints + lastKey.Length + 4];
        token[0] = Format;
        token[1] = Direction(scan);
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(2), RangeCheck(scan));
        int length = 6;
        length += Varint.Write(token.AsSpan(length), (ulong)count);
        length += Varint.Write(token.AsSpan(length), (ulong)lastKey.Length);
        lastKey.CopyTo(token.AsSpan(length));
        Span<byte> body = token.AsSpan(0, token.Length - 4);
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(body.Length), Crc32C.Compute(body));
        return token;
    }

    /// <summary>Reads the token of this scan; an error in words for anything else.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, ScanOptions scan, out PageToken token, out KvError? error)
    {
        token = default;
        error = null;
        if (bytes.Length < 12 || Crc32C.Compute(bytes[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]))
        {
            error = Invalid("it is damaged");
            return false;
        }

        var reader = new SpanReader(bytes[..^4]);
        if (!reader.TryReadByte(out byte format) || format != Format)
        {
            error = Invalid($"its format {bytes[0]} is unknown");
        }
        else if (!reader.TryReadByte(out byte direction) || direction != Direction(scan))
        {
            error = Invalid("it runs in the other direction");
        }
        else if (!reader.TryReadUInt32(out uint check) || check != RangeCheck(scan))
        {
            error = Invalid("it belongs to a scan of another range");
        }
        else if (!reader.TryReadVarint(out ulong count) || count > long.MaxValue
            || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key) || !reader.AtEnd)
        {
            error = Invalid("it is damaged");
        }
        else if (!KeyRange.Of(scan, null).Contains(key))
        {
            // A checksum is no seal: whoever may read a range only could go on in front of it, or behind.
            error = Invalid("it belongs to a scan of another range");
        }
        else
        {
            token = new PageToken(key.ToArray(), (long)count);
        }

        return error is null;
    }

    private static byte Direction(ScanOptions scan) => scan.Reverse ? (byte)1 : (byte)0;

    private static uint RangeCheck(ScanOptions scan)
    {
        Span<byte> lengths = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(lengths, scan.Start.Length);
        BinaryPrimitives.WriteInt32LittleEndian(lengths[4..], scan.End.Length);
        uint check = Crc32C.Append(Crc32C.Compute(lengths), scan.Start.Span);
        return Crc32C.Append(Crc32C.Append(check, scan.End.Span), scan.Prefix.Span);
    }

    private static KvError Invalid(string why) => new(KvCode.InvalidArgument, $"Page token refused: {why}");
}
