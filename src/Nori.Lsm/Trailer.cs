using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>Sequence number (56 bits) and kind of an entry in one word: sequence &lt;&lt; 8 | kind.</summary>
internal static class Trailer
{
    public const ulong SequenceMax = (1UL << 56) - 1;

    public static ulong Make(ulong sequence, EntryKind kind) => (sequence << 8) | (byte)kind;

    /// <summary>The trailer that comes first among those of the sequence.</summary>
    public static ulong Seek(ulong sequence) => (sequence << 8) | 0xFF;

    public static ulong SequenceOf(ulong trailer) => trailer >> 8;

    public static EntryKind KindOf(ulong trailer) => (EntryKind)(byte)trailer;
}
