using Nori.Core;

namespace Nori.Lsm;

/// <summary>
/// Range tombstones cut at each other's ends, so that they do not overlap: per fragment the sequence numbers
/// that cover
/// it, newest first. Immutable; a lookup is one binary search.
/// </summary>
internal sealed class RangeTombstoneSet
{
    private readonly byte[][] _starts;
    private readonly byte[][] _ends;
    private readonly ulong[][] _sequences;

    private RangeTombstoneSet(byte[][] starts, byte[][] ends, ulong[][] sequences)
    {
        _starts = starts;
        _ends = ends;
        _sequences = sequences;
    }

    public static RangeTombstoneSet Empty { get; } = new([], [], []);

    public int Count => _starts.Length;

    public bool IsEmpty => _starts.Length == 0;

    /// <summary>Fragments the tombstones.</summary>
    /// <param name="tombstones">In any order.</param>
    /// <param name="snapshots">
    /// Rising sequence numbers: of the tombstones on a fragment only the newest that each of them, and the
    /// latest reader,
    /// sees is kept. Null keeps all.
    /// </param>
    public static RangeTombstoneSet Build(IReadOnlyList<RangeTombstone> tombstones, ulong[]? snapshots = null)
    {
        if (tombstones.Count == 0) return Empty;
        var cuts = new SortedSet<byte[]>(KeyComparer.Instance);
        foreach (RangeTombstone t in tombstones)
        {
            cuts.Add(t.Start);
            cuts.Add(t.End);
        }

        byte[][] bounds = [.. cuts];
        RangeTombstone[] byStart = [.. tombstones];
        Array.Sort(byStart, static (a, b) => a.Start.AsSpan().SequenceCompareTo(b.Start));
        List<byte[]> starts = [], ends = [];
        List<ulong[]> sequences = [];
        List<RangeTombstone> open = [];
        int next = 0;
        for (int i = 0; i + 1 < bounds.Length; i++)
        {
            byte[] start = bounds[i];
            open.RemoveAll(t => t.End.AsSpan().SequenceCompareTo(start) <= 0);
            while (next < byStart.Length && byStart[next].Start.AsSpan().SequenceCompareTo(start) <= 0)
                open.Add(byStart[next++]);
            if (open.Count == 0) continue;
            starts.Add(start);
            ends.Add(bounds[i + 1]);
            sequences.Add(Newest(open, snapshots));
        }

        Invariant.Assert(next == byStart.Length);
        return new RangeTombstoneSet([.. starts], [.. ends], [.. sequences]);
    }

    /// <summary>
    /// The newest tombstone at or below <paramref name="maxSequence"/> that covers the key; 0 when none does.
    /// </summary>
    public ulong Covering(ReadOnlySpan<byte> key, ulong maxSequence)
    {
        int i = FindFragment(key);
        return i < 0 ? 0 : NewestAtOrBelow(_sequences[i], maxSequence);
    }

    /// <summary>
    /// The oldest tombstone above <paramref name="sequence"/> that covers the key; 0 when none does.
    /// </summary>
    public ulong OldestAbove(ReadOnlySpan<byte> key, ulong sequence)
    {
        int i = FindFragment(key);
        if (i < 0) return 0;
        ulong[] falling = _sequences[i];
        for (int j = falling.Length - 1; j >= 0; j--)
            if (falling[j] > sequence) return falling[j];
        return 0;
    }

    public (byte[] Start, byte[] End, ulong[] Sequences) this[int i] => (_starts[i], _ends[i], _sequences[i]);

    private int FindFragment(ReadOnlySpan<byte> key)
    {
        int low = 0, high = _starts.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (_starts[middle].AsSpan().SequenceCompareTo(key) <= 0) low = middle + 1;
            else high = middle - 1;
        }

        return high >= 0 && key.SequenceCompareTo(_ends[high]) < 0 ? high : -1;
    }

    private static ulong NewestAtOrBelow(ulong[] falling, ulong maxSequence)
    {
        foreach (ulong sequence in falling)
            if (sequence <= maxSequence) return sequence;
        return 0;
    }

    private static ulong[] Newest(List<RangeTombstone> open, ulong[]? snapshots)
    {
        ulong[] falling = [.. open.Select(t => t.Sequence).Distinct().OrderDescending()];
        if (snapshots is null || falling.Length == 1) return falling;
        List<ulong> kept = [];
        int lastStripe = -1;
        foreach (ulong sequence in falling)
        {
            int stripe = Stripes.Of(snapshots, sequence);
            if (stripe != lastStripe) kept.Add(sequence);
            lastStripe = stripe;
        }

        return [.. kept];
    }
}
