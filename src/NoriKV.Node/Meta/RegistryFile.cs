using System.Buffers;
using Nori.Core;
using Nori.IO;

namespace NoriKV.Node.Meta;

/// <summary>
/// The file <c>registry</c> in the data directory, replaced whole: the last map and the last view's epoch, so that a node that
/// starts knows where to ask (docs/formats/meta-messages.md). A hint: what cannot be read is not there.
/// <code>
/// magic "NORIREG\0" | format u8 = 1 | epoch varint | map: length varint, <see cref="ClusterMapUpdate"/> from revision 0
/// | CRC-32C u32 of everything before it
/// </code>
/// </summary>
internal sealed class RegistryFile(MetaContext context, ulong savedRevision)
{
    public const string FileName = "registry";

    private const byte Format = 1;
    private const int BytesMax = 64 << 20;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private ulong _savedRevision = savedRevision;
    private long _savedAt = context.Now;

    private static ReadOnlySpan<byte> Magic => "NORIREG\0"u8;

    /// <summary>What a directory holds; nothing where there is nothing of use.</summary>
    public static (ClusterMap Map, ulong Epoch) Load(IFileSystem files, string directory)
    {
        string path = Path.Combine(directory, FileName);
        try
        {
            if (files.FileExists(path) && TryDecode(files.ReadAllBytes(path, BytesMax)) is { } read) return read;
        }
        catch (Exception e) when (e is StorageException or CorruptionException)
        {
            // It only saves asking around.
        }

        return (ClusterMap.Empty, 0);
    }

    /// <summary>Replaces the file when the map changed, once a second at most.</summary>
    public void SaveIfDue()
    {
        ClusterMap map = context.Table.Current;
        if (map.Revision == _savedRevision || context.Since(_savedAt) < Period) return;
        _savedAt = context.Now;
        try
        {
            context.Options.FileSystem.ReplaceFile(
                Path.Combine(context.Options.DataDirectory, FileName), Encode(map, context.Views.IssuedEpoch));
            _savedRevision = map.Revision;
        }
        catch (StorageException)
        {
            // A full disk: tried again.
        }
    }

    internal static byte[] Encode(ClusterMap map, ulong epoch)
    {
        var writer = new ArrayBufferWriter<byte>(1024);
        writer.Write(Magic);
        writer.WriteByte(Format);
        writer.WriteVarint(epoch);
        writer.WriteLengthPrefixed(ClusterMapUpdate.Encode(map));
        writer.WriteUInt32(Crc32C.Compute(writer.WrittenSpan));
        return writer.WrittenSpan.ToArray();
    }

    internal static (ClusterMap Map, ulong Epoch)? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Magic.Length + sizeof(uint) || !bytes.StartsWith(Magic)) return null;
        var tail = new SpanReader(bytes[^4..]);
        _ = tail.TryReadUInt32(out uint crc);
        if (crc != Crc32C.Compute(bytes[..^4])) return null;
        var reader = new SpanReader(bytes[Magic.Length..^4]);
        if (!reader.TryReadByte(out byte format) || format != Format || !reader.TryReadVarint(out ulong epoch)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> map) || !reader.AtEnd) return null;
        return ClusterMapUpdate.TryApply(ClusterMap.Empty, map) is { } read ? (read, epoch) : null;
    }
}
