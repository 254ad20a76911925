using Nori.Core;

namespace Nori.Lsm;

/// <summary>
/// Range tombstones cut at each other's ends, so that they do not overlap: per fragment the sequence numbers
/// that cover it, newest first. Immutable; a lookup is one binary search.
/// </summary>
/// <remarks>
/// Built by merging halves, so that n tombstones that all overlap each other take time in n log n: within a stripe of
/// snapshots only the newest on a fragment is kept, and neighbours with the same ones are one fragment again.
/// </remarks>
internal sealed class RangeTombstoneSet : RangeTombstoneCover
{
    private readonly Fragment[] _fragments;

    private RangeTombstoneSet(Fragment[] fragments) => _fragments = fragments;

    private readonly record struct Fragment(byte[] Start, byte[] End, ulong[] Sequences);

    public static RangeTombstoneSet Empty { get; } = new([]);

    public int Count => _fragments.Length;

    public override bool IsEmpty => _fragments.Length == 0;

    public (byte[] Start, byte[] End, ulong[] Sequences) this[int i] =>
        (_fragments[i].Start, _fragments[i].End, _fragments[i].Sequences);

    /// <summary>A single tombstone.</summary>
    public static RangeTombstoneSet Of(RangeTombstone tombstone) =>
        new([new Fragment(tombstone.Start, tombstone.End, [tombstone.Sequence])]);

    /// <summary>Fragments the tombstones.</summary>
    /// <param name="tombstones">In any order.</param>
    /// <param name="snapshots">
    /// Rising sequence numbers: of the tombstones on a fragment only the newest that each of them, and the latest
    /// reader, sees is kept.
    /// </param>
    public static RangeTombstoneSet Build(IReadOnlyList<RangeTombstone> tombstones, ulong[] snapshots)
    {
        if (tombstones.Count == 0) return Empty;
        RangeTombstone[] falling = [.. tombstones];
        Array.Sort(falling, static (a, b) => b.Sequence.CompareTo(a.Sequence));
        var stripes = new List<RangeTombstoneSet>();
        for (int from = 0; from < falling.Length;)
        {
            int stripe = Stripes.Of(snapshots, falling[from].Sequence), to = from + 1;
            while (to < falling.Length && Stripes.Of(snapshots, falling[to].Sequence) == stripe) to++;
            stripes.Add(Newest(falling.AsSpan(from, to - from)));
            from = to;
        }

        return Fold(stripes);
    }

    /// <summary>The newest of both on each fragment; everything in one is newer than everything in the other.</summary>
    public static RangeTombstoneSet Newest(RangeTombstoneSet newer, RangeTombstoneSet older) =>
        Merge(newer, older, keepsOlder: false);

    /// <inheritdoc/>
    public override ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence)
    {
        int i = Find(key);
        if (i < 0) return 0;
        foreach (ulong sequence in _fragments[i].Sequences)
            if (sequence <= maxSequence) return sequence;
        return 0;
    }

    /// <summary>
    /// The oldest tombstone above <paramref name="sequence"/> that covers the key; 0 when none does.
    /// </summary>
    public ulong OldestAbove(ReadOnlySpan<byte> key, ulong sequence)
    {
        int i = Find(key);
        if (i < 0) return 0;
        ulong[] falling = _fragments[i].Sequences;
        for (int j = falling.Length - 1; j >= 0; j--)
            if (falling[j] > sequence) return falling[j];
        return 0;
    }

    /// <summary>The first fragment of which the end lies above the key; the count when there is none.</summary>
    public int FirstEndingBehind(ReadOnlySpan<byte> key)
    {
        int low = 0, high = _fragments.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_fragments[middle].End.AsSpan().SequenceCompareTo(key) <= 0) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private int Find(ReadOnlySpan<byte> key)
    {
        int i = FirstEndingBehind(key);
        return i < _fragments.Length && _fragments[i].Start.AsSpan().SequenceCompareTo(key) <= 0 ? i : -1;
    }

    private static RangeTombstoneSet Newest(ReadOnlySpan<RangeTombstone> falling) => falling.Length == 1
        ? Of(falling[0])
        : Newest(Newest(falling[..(falling.Length / 2)]), Newest(falling[(falling.Length / 2)..]));

    private static RangeTombstoneSet Fold(List<RangeTombstoneSet> fallingStripes)
    {
        // By halves, too: thousands of snapshots with a tombstone between each two of them are possible.
        while (fallingStripes.Count > 1)
        {
            var merged = new List<RangeTombstoneSet>((fallingStripes.Count + 1) / 2);
            for (int i = 0; i < fallingStripes.Count; i += 2)
            {
                merged.Add(i + 1 == fallingStripes.Count
                    ? fallingStripes[i] : Merge(fallingStripes[i], fallingStripes[i + 1], keepsOlder: true));
            }

            fallingStripes = merged;
        }

        return fallingStripes[0];
    }

    /// <summary>One walk over both, from bound to bound.</summary>
    private static RangeTombstoneSet Merge(RangeTombstoneSet newer, RangeTombstoneSet older, bool keepsOlder)
    {
        Fragment[] a = newer._fragments, b = older._fragments;
        var merged = new List<Fragment>(a.Length + b.Length);
        byte[]? done = null;
        for (int i = 0, j = 0; i < a.Length || j < b.Length;)
        {
            byte[]? left = i < a.Length ? Later(a[i].Start, done) : null;
            byte[]? right = j < b.Length ? Later(b[j].Start, done) : null;
            int order = left is null ? 1 : right is null ? -1 : KeyComparer.Instance.Compare(left, right);
            if (order == 0)
            {
                done = Earlier(a[i].End, b[j].End);
                Add(merged, left!, done, keepsOlder ? [.. a[i].Sequences, .. b[j].Sequences] : a[i].Sequences);
            }
            else
            {
                Fragment alone = order < 0 ? a[i] : b[j];
                byte[]? other = order < 0 ? right : left;
                done = other is null ? alone.End : Earlier(alone.End, other);
                Add(merged, order < 0 ? left! : right!, done, alone.Sequences);
            }

            if (i < a.Length && KeyComparer.Instance.Compare(a[i].End, done) <= 0) i++;
            if (j < b.Length && KeyComparer.Instance.Compare(b[j].End, done) <= 0) j++;
        }

        return new RangeTombstoneSet([.. merged]);
    }

    private static void Add(List<Fragment> merged, byte[] start, byte[] end, ulong[] sequences)
    {
        Invariant.Assert(KeyComparer.Instance.Compare(start, end) < 0);
        if (merged.Count > 0)
        {
            Fragment last = merged[^1];
            bool goesOn = KeyComparer.Instance.Compare(last.End, start) == 0
                && last.Sequences.AsSpan().SequenceEqual(sequences);
            if (goesOn)
            {
                merged[^1] = last with { End = end };
                return;
            }
        }

        merged.Add(new Fragment(start, end, sequences));
    }

    private static byte[] Later(byte[] start, byte[]? done) =>
        done is not null && KeyComparer.Instance.Compare(start, done) < 0 ? done : start;

    private static byte[] Earlier(byte[] a, byte[] b) => KeyComparer.Instance.Compare(a, b) <= 0 ? a : b;
}
