using System.Buffers;
using Nori.Core;
using Nori.IO;

namespace NoriKV.Node.Formation;

/// <summary>
/// What a founder must not forget before there is a cluster: the file <c>forming</c>, replaced whole.
/// <code>
/// magic "NORIFORM" | format u8 = 1 | store uuid 16 bytes
/// accepted proposal: length varint (0: none), bytes
/// CRC-32C u32 of everything before it
/// </code>
/// </summary>
/// <param name="StoreUuid">The store's uuid, drawn once.</param>
/// <param name="Accepted">The one proposal it accepted; null for none.</param>
internal sealed record FormationFile(Guid StoreUuid, FormationProposal? Accepted)
{
    public const string FileName = "forming";

    private const byte Format = 1;

    private static ReadOnlySpan<byte> Magic => "NORIFORM"u8;

    public static FormationFile? Load(IFileSystem files, string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!files.FileExists(path)) return null;
        return TryDecode(files.ReadAllBytes(path))
            ?? throw new CorruptionException(path, 0, "a node's formation record", "bytes that are none");
    }

    /// <summary>Durable when it returns: only then may anything that depends on it be said.</summary>
    public void Save(IFileSystem files, string directory) =>
        files.ReplaceFile(Path.Combine(directory, FileName), Encode());

    public byte[] Encode()
    {
        var writer = new ArrayBufferWriter<byte>();
        writer.Write(Magic);
        writer.WriteByte(Format);
        writer.WriteGuid(StoreUuid);
        writer.WriteLengthPrefixed(Accepted?.Encode() ?? []);
        writer.WriteUInt32(Crc32C.Compute(writer.WrittenSpan));
        return writer.WrittenSpan.ToArray();
    }

    public static FormationFile? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Magic.Length + sizeof(uint) || !bytes.StartsWith(Magic)) return null;
        var tail = new SpanReader(bytes[^4..]);
        _ = tail.TryReadUInt32(out uint crc);
        if (crc != Crc32C.Compute(bytes[..^4])) return null;
        var reader = new SpanReader(bytes[Magic.Length..^4]);
        if (!reader.TryReadByte(out byte format) || format != Format) return null;
        if (!reader.TryReadGuid(out Guid store) || store == Guid.Empty) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> accepted) || !reader.AtEnd) return null;
        FormationProposal? proposal = accepted.IsEmpty ? null : FormationProposal.TryDecode(accepted);
        return proposal is null != accepted.IsEmpty ? null : new FormationFile(store, proposal);
    }
}
