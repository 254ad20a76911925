using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Scanning;

/// <summary>
/// Makes one page of what several nodes have of it. A node whose part ended by its size may have more behind its last key: nothing
/// behind the first of those keys is given, so that pages stay in order.
/// </summary>
internal static class ScanMerge
{
    /// <summary>The page.</summary>
    /// <param name="parts">One for each node.</param>
    /// <param name="scan">What was asked.</param>
    /// <param name="countBefore">Pairs that the scan gave before this page.</param>
    /// <param name="pairsMax">Most pairs of the page.</param>
    /// <param name="bytesMax">The page ends behind the pair that exceeds this.</param>
    public static (IReadOnlyList<KvPair> Pairs, byte[] Token, long Count) Page(
        IReadOnlyList<ScanPartPage> parts, ScanOptions scan, long countBefore, int pairsMax, int bytesMax)
    {
        if (scan.CountOnly)
        {
            Invariant.Assert(scan.Limit == 0);
            return ([], [], countBefore + parts.Sum(static p => p.Count));
        }

        ReadOnlyMemory<byte>? frontier = FrontierOf(parts, scan.Reverse);
        int most = (int)Math.Min(pairsMax, scan.Limit > 0 ? scan.Limit : int.MaxValue);
        var merged = new List<KvPair>(Math.Min(most, parts.Sum(static p => p.Pairs.Count)));
        var next = new int[parts.Count];
        long bytes = 0;
        bool isCut = false;
        while (Least(parts, next, scan.Reverse) is var from and >= 0)
        {
            KvPair pair = parts[from].Pairs[next[from]];
            bool isBehind = frontier is { } end && Compare(pair.Key, end, scan.Reverse) > 0;
            if (merged.Count == most || bytes >= bytesMax || isBehind)
            {
                isCut = true;
                break;
            }

            next[from]++;
            merged.Add(pair);
            bytes += pair.Key.Length + pair.Value.Length;
        }

        long count = countBefore + merged.Count;
        if (!isCut && frontier is null) return (merged, [], count);
        // All that was given, or, of pairs that all vanished while they were read, through where was looked.
        ReadOnlyMemory<byte> last = isCut && merged.Count > 0 ? merged[^1].Key : frontier!.Value;
        return (merged, PageToken.Encode(last.Span, count, scan), count);
    }

    private static ReadOnlyMemory<byte>? FrontierOf(IReadOnlyList<ScanPartPage> parts, bool reverse)
    {
        byte[]? frontier = null;
        foreach (ScanPartPage part in parts)
        {
            if (part.IsDone) continue;
            Invariant.Assert(part.LastKey is not null);
            if (frontier is null || Compare(part.LastKey, frontier, reverse) < 0) frontier = part.LastKey;
        }

        // Written out: null would become an empty key, which converts to memory as well.
        return frontier is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(frontier);
    }

    private static int Least(IReadOnlyList<ScanPartPage> parts, int[] next, bool reverse)
    {
        int least = -1;
        for (int i = 0; i < parts.Count; i++)
        {
            if (next[i] == parts[i].Pairs.Count) continue;
            if (least < 0 || Compare(parts[i].Pairs[next[i]].Key, parts[least].Pairs[next[least]].Key, reverse) < 0) least = i;
        }

        return least;
    }

    private static int Compare(ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b, bool reverse)
    {
        int order = a.Span.SequenceCompareTo(b.Span);
        return reverse ? -order : order;
    }
}
