using Nori.Core;
using Nori.IO;
using NoriKV.Node.Directory;

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

    public static FormationFile? Load(IFileSystem files, string directory) =>
        FramedFile.Load(files, directory, FileName, "a node's formation record", TryDecode);

    /// <summary>Durable when it returns: only then may anything that depends on it be said.</summary>
    public void Save(IFileSystem files, string directory) => FramedFile.Save(files, directory, FileName, Encode());

    public byte[] Encode() => FramedFile.Encode(Magic, Format, writer =>
    {
        writer.WriteGuid(StoreUuid);
        writer.WriteLengthPrefixed(Accepted?.Encode() ?? []);
    });

    public static FormationFile? TryDecode(ReadOnlySpan<byte> bytes)
    {
        if (!FramedFile.TryOpen(bytes, Magic, Format, out SpanReader reader)) return null;
        if (!reader.TryReadGuid(out Guid store) || store == Guid.Empty) return null;
        if (!reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> accepted) || !reader.AtEnd) return null;
        FormationProposal? proposal = accepted.IsEmpty ? null : FormationProposal.TryDecode(accepted);
        return proposal is null != accepted.IsEmpty ? null : new FormationFile(store, proposal);
    }
}
