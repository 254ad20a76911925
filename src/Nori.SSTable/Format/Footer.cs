using System.Buffers.Binary;
using Nori.Core;
using Nori.IO;

namespace Nori.SSTable.Format;

// Footer, 72 bytes at the end of the file:
//
//    0  top index      offset u64, payload length u32
//   12  filter         offset u64, payload length u32     (0, 0: absent)
//   24  range deletes  offset u64, payload length u32     (0, 0: absent)
//   36  properties     offset u64, payload length u32
//   48  table id       u64
//   56  version        u32
//   60  CRC-32C        u32 over bytes 0..59 and 64..71
//   64  magic          8 bytes "NoriSST\n"
//
// Every later version keeps version and magic in these places from the file's end, so that its files are
// named as such.
internal readonly record struct Footer(
    BlockHandle TopIndex, BlockHandle Filter, BlockHandle RangeDeletes, BlockHandle Properties, ulong TableId)
{
    public void Write(Span<byte> target)
    {
        WriteHandle(target, TopIndex);
        WriteHandle(target[12..], Filter);
        WriteHandle(target[24..], RangeDeletes);
        WriteHandle(target[36..], Properties);
        BinaryPrimitives.WriteUInt64LittleEndian(target[48..], TableId);
        BinaryPrimitives.WriteUInt32LittleEndian(target[56..], TableFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(target[64..], TableFormat.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[60..], Checksum(target));
    }

    /// <summary>Reads and checks the footer of a file of that length.</summary>
    /// <exception cref="CorruptionException">It is not the footer of a table this build reads.</exception>
    public static Footer Read(IFile file, long fileLength)
    {
        if (fileLength < TableFormat.FooterBytes)
        {
            throw new CorruptionException(
                file.Path, 0, $"a table of at least {TableFormat.FooterBytes} bytes",
                $"a file of {fileLength} bytes");
        }

        long offset = fileLength - TableFormat.FooterBytes;
        Span<byte> bytes = stackalloc byte[TableFormat.FooterBytes];
        int read = file.Read(offset, bytes);
        if (read < bytes.Length)
            throw new CorruptionException(file.Path, offset, "a footer of 72 bytes", $"{read} bytes");
        return Parse(bytes, file.Path, offset);
    }

    internal static Footer Parse(ReadOnlySpan<byte> bytes, string path, long offset)
    {
        ulong magic = BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]);
        if (magic != TableFormat.Magic)
        {
            throw new CorruptionException(
                path, offset,
                $"the magic of a table, {TableFormat.Magic:x16} (this build reads versions 1 to 1)",
                $"{magic:x16}");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[56..]);
        if (version != TableFormat.Version)
        {
            throw new CorruptionException(
                path, offset, "a table of format version 1 (this build reads versions 1 to 1)",
                $"version {version}");
        }

        uint expected = BinaryPrimitives.ReadUInt32LittleEndian(bytes[60..]);
        uint actual = Checksum(bytes);
        if (expected != actual)
            throw new CorruptionException(path, offset, $"footer checksum {expected:x8}", $"{actual:x8}");

        var footer = new Footer(
            ReadHandle(bytes, path, offset, offset), ReadHandle(bytes[12..], path, offset, offset),
            ReadHandle(bytes[24..], path, offset, offset), ReadHandle(bytes[36..], path, offset, offset),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]));
        footer.CheckOrder(path, offset);
        return footer;
    }

    // The blocks named here lie one behind the other up to the footer: a cut or grown file cannot pass for
    // whole.
    private void CheckOrder(string path, long footerOffset)
    {
        long end = footerOffset;
        ReadOnlySpan<BlockHandle> backwards = [Properties, TopIndex, RangeDeletes, Filter];
        foreach (BlockHandle handle in backwards)
        {
            if (handle.IsAbsent && handle != Properties && handle != TopIndex) continue;
            if (handle.End != end)
                throw new CorruptionException(
                    path, footerOffset, $"a block that ends at {end}", $"one that ends at {handle.End}");
            end = handle.Offset;
        }
    }

    private static void WriteHandle(Span<byte> target, BlockHandle handle)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, (ulong)handle.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], (uint)handle.Length);
    }

    private static BlockHandle ReadHandle(ReadOnlySpan<byte> source, string path, long footerOffset, long end)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(source);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        bool inside = length <= TableFormat.BlockBytesMax && offset <= (ulong)end
            && (offset == 0 && length == 0 || offset + length + TableFormat.TrailerBytes <= (ulong)end);
        if (inside) return new BlockHandle((long)offset, (int)length);
        throw new CorruptionException(
            path, footerOffset, $"a block within {end} bytes", $"offset {offset}, length {length}");
    }

    private static uint Checksum(ReadOnlySpan<byte> footer) =>
        Crc32C.Append(Crc32C.Compute(footer[..60]), footer[64..72]);
}
