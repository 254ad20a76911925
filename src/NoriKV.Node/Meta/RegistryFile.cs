using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;

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
        try
        {
            Content? read = FramedFile.Load(files, directory, FileName, "a node's registry", TryRead, BytesMax);
            if (read is not null) return (read.Map, read.Epoch);
        }
        catch (Exception e) when (e is StorageException or CorruptionException)
        {
            // It only saves asking around.
        }

        return (ClusterMap.Empty, 0);
    }

    /// <summary>Replaces the file when the map changed, once a second at most.</summary>
    /// <exception cref="StorageException">
    /// The disk failed: what it holds of anything else is in doubt as well. That it is full is no failure; this is tried again.
    /// </exception>
    public void SaveIfDue()
    {
        ClusterMap map = context.Table.Current;
        if (map.Revision == _savedRevision || context.Since(_savedAt) < Period) return;
        _savedAt = context.Now;
        try
        {
            FramedFile.Save(
                context.Options.FileSystem, context.Options.DataDirectory, FileName, Encode(map, context.Views.IssuedEpoch));
            _savedRevision = map.Revision;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // The old one is still there, and it is a hint.
        }
    }

    internal static byte[] Encode(ClusterMap map, ulong epoch) => FramedFile.Encode(Magic, Format, writer =>
    {
        writer.WriteVarint(epoch);
        writer.WriteLengthPrefixed(ClusterMapUpdate.Encode(map));
    });

    internal static (ClusterMap Map, ulong Epoch)? TryDecode(ReadOnlySpan<byte> bytes) =>
        TryRead(bytes) is { } read ? (read.Map, read.Epoch) : null;

    private static Content? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (!FramedFile.TryOpen(bytes, Magic, Format, out SpanReader reader)) return null;
        if (!reader.TryReadVarint(out ulong epoch)) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> map) || !reader.AtEnd) return null;
        return ClusterMapUpdate.TryApply(ClusterMap.Empty, map) is { } read ? new Content(read, epoch) : null;
    }

    private sealed record Content(ClusterMap Map, ulong Epoch);
}
