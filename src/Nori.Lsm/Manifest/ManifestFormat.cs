using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;

namespace Nori.Lsm.Manifest;

// Layout of a manifest (docs/formats/manifest.md):
//   header, twice:  magic "NORIMANI" 8 | format u32 = 1 | zero u32 | manifest number u64
//                   | crc u32 over the 24 bytes before | zero u32
//   frames:         each edit as two equal frames, one behind the other:
//     payload length u32 | crc u32 | edit number u64 | payload (VersionEdit)
//     crc over manifest number u64, length, edit number and payload; edits are numbered 1, 2, 3 …; edit 1 is the whole state
// Two copies, because the last edit has no successor that would tell a flipped bit from a write cut short by a crash: with
// two, one flipped bit leaves a whole copy, and a crash before the sync leaves none or one, which is as good.

/// <summary>The bytes of a manifest.</summary>
internal static class ManifestFormat
{
    public const int HeaderCopyBytes = 32;
    public const int HeaderBytes = 2 * HeaderCopyBytes;
    public const int FrameHeaderBytes = 16;
    private const uint FormatVersion = 1;
    private const int HeaderCheckedBytes = 24;

    private static ReadOnlySpan<byte> Magic => "NORIMANI"u8;

    public static byte[] EncodeHeader(ulong manifestNumber)
    {
        byte[] both = new byte[HeaderBytes];
        Span<byte> copy = both.AsSpan(0, HeaderCopyBytes);
        Magic.CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[16..], manifestNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[24..], Crc32C.Compute(copy[..HeaderCheckedBytes]));
        copy.CopyTo(both.AsSpan(HeaderCopyBytes));
        return both;
    }

    /// <summary>
    /// Reads the header; false when neither copy is whole. A format other than 1 gives true and that format.
    /// </summary>
    public static bool TryDecodeHeader(ReadOnlySpan<byte> file, out uint format, out ulong manifestNumber)
    {
        for (int at = 0; at + HeaderCopyBytes <= Math.Min(file.Length, HeaderBytes); at += HeaderCopyBytes)
        {
            ReadOnlySpan<byte> copy = file.Slice(at, HeaderCopyBytes);
            uint crc = BinaryPrimitives.ReadUInt32LittleEndian(copy[24..]);
            if (!copy[..8].SequenceEqual(Magic) || crc != Crc32C.Compute(copy[..HeaderCheckedBytes])) continue;
            format = BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]);
            manifestNumber = BinaryPrimitives.ReadUInt64LittleEndian(copy[16..]);
            return true;
        }

        format = 0;
        manifestNumber = 0;
        return false;
    }

    /// <summary>The offset of a header copy that is not whole while the other is; null when both are.</summary>
    public static long? DamagedHeaderCopy(ReadOnlySpan<byte> file) =>
        !TryDecodeHeader(file[..Math.Min(file.Length, HeaderCopyBytes)], out _, out _) ? 0
        : file.Length < HeaderBytes || !TryDecodeHeader(file[HeaderCopyBytes..HeaderBytes], out _, out _) ? HeaderCopyBytes
        : null;

    public static bool IsKnownFormat(uint format) => format == FormatVersion;

    /// <summary>The edit's two frames.</summary>
    public static byte[] EncodeEdit(ulong manifestNumber, ulong editNumber, VersionEdit edit)
    {
        var payload = new ArrayBufferWriter<byte>();
        edit.Encode(payload);
        int frameBytes = FrameHeaderBytes + payload.WrittenCount;
        byte[] both = new byte[2 * frameBytes];
        Span<byte> frame = both.AsSpan(0, frameBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)payload.WrittenCount);
        BinaryPrimitives.WriteUInt64LittleEndian(frame[8..], editNumber);
        payload.WrittenSpan.CopyTo(frame[FrameHeaderBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], FrameCrc(manifestNumber, frame));
        frame.CopyTo(both.AsSpan(frameBytes));
        return both;
    }

    /// <summary>
    /// Reads the frame at the offset if it is whole and its number lies in [least, greatest].
    /// </summary>
    public static bool TryReadFrame(
        ReadOnlySpan<byte> file, long offset, ulong manifestNumber, ulong least, ulong greatest,
        out ulong editNumber, out int payloadLength)
    {
        editNumber = 0;
        payloadLength = 0;
        if (file.Length - offset < FrameHeaderBytes) return false;
        ReadOnlySpan<byte> rest = file[(int)offset..];
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        ulong number = BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]);
        if (number < least || number > greatest || length > rest.Length - FrameHeaderBytes) return false;
        ReadOnlySpan<byte> frame = rest[..(FrameHeaderBytes + (int)length)];
        if (BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]) != FrameCrc(manifestNumber, frame)) return false;
        editNumber = number;
        payloadLength = (int)length;
        return true;
    }

    private static uint FrameCrc(ulong manifestNumber, ReadOnlySpan<byte> frame)
    {
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(head, manifestNumber);
        frame[..4].CopyTo(head[8..]);
        return Crc32C.Append(Crc32C.Compute(head), frame[8..]);
    }
}
