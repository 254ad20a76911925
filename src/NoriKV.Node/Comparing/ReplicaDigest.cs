using System.Buffers;
using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Comparing;

/// <summary>
/// What a replica holds at an applied index, in one number, and in pieces to find where two differ: pieces end at keys whose own
/// hash says so, so that one key more or less changes one piece.
/// </summary>
/// <param name="Index">The applied index.</param>
/// <param name="Hash">Of everything.</param>
/// <param name="Pairs">How many pairs went into it.</param>
/// <param name="Pieces">Hash and last key (kind and key, without the slot) of each piece, in key order.</param>
internal sealed record ReplicaDigest(
    LogIndex Index, ulong Hash, long Pairs, IReadOnlyList<(ulong Hash, ReadOnlyMemory<byte> LastKey)> Pieces)
{
    /// <summary>Pieces at most; the last one has the rest.</summary>
    public const int PiecesMax = 4096;

    private const int KeyBytesMax = 1 << 16;

    /// <summary>Bounds of the first piece in which the two differ, in hexadecimal.</summary>
    public string FirstDifference(ReplicaDigest other)
    {
        string from = "the beginning";
        for (int i = 0; i < Math.Max(Pieces.Count, other.Pieces.Count); i++)
        {
            (ulong Hash, ReadOnlyMemory<byte> LastKey)? own = i < Pieces.Count ? Pieces[i] : null;
            (ulong Hash, ReadOnlyMemory<byte> LastKey)? its = i < other.Pieces.Count ? other.Pieces[i] : null;
            bool isSame = own is { } a && its is { } b && a.Hash == b.Hash && a.LastKey.Span.SequenceEqual(b.LastKey.Span);
            if (!isSame) return $"behind {from}, through {Later(own?.LastKey, its?.LastKey)}";
            from = Hex(own!.Value.LastKey);
        }

        return "in what is not a pair: the state itself";
    }

    public void Write(IBufferWriter<byte> writer, bool withPieces)
    {
        writer.WriteVarint(Index.Value);
        writer.WriteUInt64(Hash);
        writer.WriteVarint((ulong)Pairs);
        writer.WriteVarint(withPieces ? (ulong)Pieces.Count : 0);
        if (!withPieces) return;
        foreach ((ulong hash, ReadOnlyMemory<byte> lastKey) in Pieces)
        {
            writer.WriteUInt64(hash);
            writer.WriteLengthPrefixed(lastKey.Span);
        }
    }

    public static ReplicaDigest? TryRead(ref SpanReader reader)
    {
        if (!reader.TryReadVarint(out ulong index) || !reader.TryReadUInt64(out ulong hash)) return null;
        if (!reader.TryReadVarint(out ulong pairs) || pairs > long.MaxValue) return null;
        if (!reader.TryReadVarintInt32(out int count) || count is < 0 or > PiecesMax) return null;
        var pieces = new List<(ulong Hash, ReadOnlyMemory<byte> LastKey)>();
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong piece) || !reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> key)) return null;
            if (key.Length > KeyBytesMax) return null;
            pieces.Add((piece, key.ToArray()));
        }

        return new ReplicaDigest(new LogIndex(index), hash, (long)pairs, pieces);
    }

    private static string Later(ReadOnlyMemory<byte>? a, ReadOnlyMemory<byte>? b)
    {
        if (a is null || b is null) return "the end";
        return Hex(a.Value.Span.SequenceCompareTo(b.Value.Span) >= 0 ? a.Value : b.Value);
    }

    private static string Hex(ReadOnlyMemory<byte> key) =>
        Convert.ToHexString(key.Span[..Math.Min(key.Length, 40)]) + (key.Length > 40 ? "…" : "");
}
