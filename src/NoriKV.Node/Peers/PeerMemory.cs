using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;
using NoriKV.Types;

namespace NoriKV.Node.Peers;

/// <summary>
/// The file <c>peers</c> in the data directory, replaced whole (docs/formats/vouch.md): what this node and each peer keep of each other,
/// and whether a peer proved that this directory is an old copy.
/// <code>
/// magic "NORIPEER" | format u8 = 1 | old u8 (1: a copy that must not serve) | count varint
/// | per peer, by number: node varint, held u64, confirmed u64, offered u64 | CRC-32C u32 of everything before it
/// </code>
/// </summary>
internal sealed record PeerMemory(bool IsOld, IReadOnlyList<PeerMark> Marks)
{
    public const string FileName = "peers";

    /// <summary>Peers ever met: numbers are not used again, so the registry bounds them as well.</summary>
    public const int MarksMax = 4096;

    private const byte Format = 1;
    private const int BytesMax = 1 << 18;

    public static PeerMemory None { get; } = new(false, []);

    private static ReadOnlySpan<byte> Magic => "NORIPEER"u8;

    /// <summary>What a directory holds; nothing where it never met anybody.</summary>
    /// <exception cref="CorruptionException">The file is damaged: nothing proves any more that the directory is no old copy.</exception>
    public static PeerMemory Load(IFileSystem files, string directory) =>
        FramedFile.Load(files, directory, FileName, "what a node and its peers keep of each other", TryDecode, BytesMax) ?? None;

    /// <summary>Durable when it returns.</summary>
    /// <exception cref="StorageException">The file system failed; with IsDiskFull the old one is still there.</exception>
    public void Save(IFileSystem files, string directory) => FramedFile.Save(files, directory, FileName, Encode());

    internal byte[] Encode() => FramedFile.Encode(Magic, Format, writer =>
    {
        writer.WriteByte(IsOld ? (byte)1 : (byte)0);
        writer.WriteVarint((ulong)Marks.Count);
        foreach (PeerMark mark in Marks)
        {
            Invariant.Assert(mark.Offered >= mark.Confirmed);
            writer.WriteVarint(mark.Node.Value);
            writer.WriteUInt64(mark.Held);
            writer.WriteUInt64(mark.Confirmed);
            writer.WriteUInt64(mark.Offered);
        }
    });

    internal static PeerMemory? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (!FramedFile.TryOpen(bytes, Magic, Format, out SpanReader reader)) return null;
        if (!reader.TryReadByte(out byte old) || old > 1 || !reader.TryReadVarint(out ulong count) || count > MarksMax) return null;
        var marks = new List<PeerMark>((int)count);
        for (ulong i = 0, last = 0; i < count; i++)
        {
            if (!reader.TryReadVarint(out ulong node) || node <= last) return null;
            if (!reader.TryReadUInt64(out ulong held) || !reader.TryReadUInt64(out ulong confirmed)) return null;
            if (!reader.TryReadUInt64(out ulong offered) || offered < confirmed) return null;
            marks.Add(new PeerMark(new NodeNumber(node), held, confirmed, offered));
            last = node;
        }

        return reader.AtEnd ? new PeerMemory(old == 1, marks) : null;
    }
}
