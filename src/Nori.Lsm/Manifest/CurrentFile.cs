using System.Buffers.Binary;
using Nori.Core;
using Nori.IO;

namespace Nori.Lsm.Manifest;

// Layout (docs/formats/manifest.md), twice, one copy behind the other:
//   magic "NORICURR" 8 | format u32 = 1 | zero u32 | manifest number u64 | crc u32 over the 24 bytes before | zero u32

/// <summary>
/// The file CURRENT names the manifest in force. Two copies, each with a checksum: one damaged copy is
/// survived.
/// </summary>
internal static class CurrentFile
{
    public const int CopyBytes = 32;
    private const uint FormatVersion = 1;
    private const int CheckedBytes = 24;

    private static ReadOnlySpan<byte> Magic => "NORICURR"u8;

    public static byte[] Encode(ulong manifestNumber)
    {
        byte[] both = new byte[2 * CopyBytes];
        Span<byte> copy = both.AsSpan(0, CopyBytes);
        Magic.CopyTo(copy);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[16..], manifestNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[24..], Crc32C.Compute(copy[..CheckedBytes]));
        copy.CopyTo(both.AsSpan(CopyBytes));
        return both;
    }

    /// <summary>Writes and syncs CURRENT.tmp; the manifest in force stays the one it was.</summary>
    public static void Stage(IFileSystem files, string directory, ulong manifestNumber)
    {
        using IFile file = files.Open(Path.Combine(directory, FileNames.CurrentTemporary), FileOpen.OpenOrCreate);
        file.SetLength(0);
        file.Write(0, Encode(manifestNumber));

        // Sync before rename: a crash in between must not leave CURRENT pointing at bytes that are not there.
        file.Sync();
    }

    /// <summary>Renames CURRENT.tmp over CURRENT; in force for sure only when the directory is synced.</summary>
    public static void Switch(IFileSystem files, string directory) => files.Rename(
        Path.Combine(directory, FileNames.CurrentTemporary), Path.Combine(directory, FileNames.Current));

    /// <exception cref="CorruptionException">Neither copy is whole, or the two disagree.</exception>
    public static ulong Read(IFileSystem files, string directory)
    {
        string path = Path.Combine(directory, FileNames.Current);
        return Decode(path, files.ReadAllBytes(path, bytesMax: 4096));
    }

    public static ulong Decode(string path, ReadOnlySpan<byte> bytes)
    {
        bool first = TryDecodeCopy(bytes, out ulong a);
        bool second = TryDecodeCopy(bytes.Length > CopyBytes ? bytes[CopyBytes..] : default, out ulong b);
        if (first && second && a != b)
            throw new CorruptionException(path, CopyBytes, $"two copies that name manifest {a}", $"one that names {b}");
        if (!first && !second)
            throw new CorruptionException(path, 0, "the name of a manifest with its checksum", $"{bytes.Length} other bytes");
        return first ? a : b;
    }

    /// <summary>The offset of a copy that is not whole; null when both are.</summary>
    public static long? DamagedCopy(ReadOnlySpan<byte> bytes) =>
        !TryDecodeCopy(bytes, out _) ? 0
        : !TryDecodeCopy(bytes.Length > CopyBytes ? bytes[CopyBytes..] : default, out _) ? CopyBytes
        : null;

    private static bool TryDecodeCopy(ReadOnlySpan<byte> copy, out ulong number)
    {
        number = 0;
        if (copy.Length < CopyBytes) return false;
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(copy[24..]);
        if (!copy[..8].SequenceEqual(Magic) || crc != Crc32C.Compute(copy[..CheckedBytes])) return false;
        number = BinaryPrimitives.ReadUInt64LittleEndian(copy[16..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(copy[8..]) == FormatVersion;
    }
}
