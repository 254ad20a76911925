using System.Buffers;
using Nori.Core;
using Nori.IO;

namespace NoriKV.Node.Directory;

/// <summary>
/// A small file of the data directory that is replaced whole: the old one or the new one is there, never a part of either.
/// <code>
/// magic 8 bytes | format u8 | body | CRC-32C u32 of everything before it
/// </code>
/// </summary>
internal static class FramedFile
{
    public delegate T? Decoder<T>(ReadOnlySpan<byte> bytes)
        where T : class;

    public static byte[] Encode(ReadOnlySpan<byte> magic, byte format, Action<IBufferWriter<byte>> body)
    {
        Invariant.Assert(magic.Length == 8);
        var writer = new ArrayBufferWriter<byte>(256);
        writer.Write(magic);
        writer.WriteByte(format);
        body(writer);
        writer.WriteUInt32(Crc32C.Compute(writer.WrittenSpan));
        return writer.WrittenSpan.ToArray();
    }

    /// <summary>The body, to be read; false for bytes that are not this file, whole, in this format.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> magic, byte format, out SpanReader body)
    {
        body = default;
        int head = magic.Length + 1;
        if (bytes.Length < head + sizeof(uint) || !bytes.StartsWith(magic)) return false;
        var tail = new SpanReader(bytes[^4..]);
        _ = tail.TryReadUInt32(out uint crc);
        if (crc != Crc32C.Compute(bytes[..^4]) || bytes[magic.Length] != format) return false;
        body = new SpanReader(bytes[head..^4]);
        return true;
    }

    /// <summary>Reads a file of a directory; null where there is none.</summary>
    /// <exception cref="CorruptionException">It is not what was written; <paramref name="what"/> names what it should be.</exception>
    public static T? Load<T>(
        IFileSystem files, string directory, string name, string what, Decoder<T> decode, int bytesMax = 64 << 20)
        where T : class
    {
        string path = Path.Combine(directory, name);
        if (!files.FileExists(path)) return null;
        return decode(files.ReadAllBytes(path, bytesMax)) ?? throw new CorruptionException(path, 0, what, "bytes that are none");
    }

    /// <summary>Replaces a file of a directory; durable when it returns.</summary>
    /// <exception cref="StorageException">The file system failed; with IsDiskFull the old one is still there.</exception>
    public static void Save(IFileSystem files, string directory, string name, ReadOnlySpan<byte> bytes) =>
        files.ReplaceFile(Path.Combine(directory, name), bytes);
}
