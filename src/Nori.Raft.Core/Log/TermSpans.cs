using System.Diagnostics;
using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// Which entry has which term, kept as one span per term: all that consensus needs to know of a log. A log
/// that saw five leaders takes five spans, however long it is.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class TermSpans
{
    private readonly List<TermSpan> _spans = [];

    /// <summary>An empty log behind a base.</summary>
    /// <param name="baseIndex">The last place that was compacted away or replaced by a snapshot; 0 for a new
    /// log.</param>
    /// <param name="baseTerm">Its term.</param>
    public TermSpans(LogIndex baseIndex = default, Term baseTerm = default) => Reset(baseIndex, baseTerm);

    /// <summary>
    /// The last place before the first entry held; its term is known, its entry is not held.
    /// </summary>
    public LogIndex BaseIndex { get; private set; }

    /// <summary>The term at <see cref="BaseIndex"/>.</summary>
    public Term BaseTerm { get; private set; }

    /// <summary>The last entry; the base when none is held.</summary>
    public LogIndex LastIndex { get; private set; }

    /// <summary>The term of the last entry; the base's when none is held.</summary>
    public Term LastTerm => _spans.Count == 0 ? BaseTerm : _spans[^1].Term;

    /// <summary>The spans, oldest first.</summary>
    public IReadOnlyList<TermSpan> Spans => _spans;

    /// <summary>Forgets all entries and goes on behind another base, as after a snapshot.</summary>
    public void Reset(LogIndex baseIndex, Term baseTerm)
    {
        _spans.Clear();
        (BaseIndex, BaseTerm, LastIndex) = (baseIndex, baseTerm, baseIndex);
    }

    /// <summary>Adds entries of one term at the end. Terms never fall along a log.</summary>
    public void Append(Term term, ulong count)
    {
        Invariant.Assert(count > 0);
        Invariant.Assert(term >= LastTerm);
        if (_spans.Count == 0 || _spans[^1].Term != term) _spans.Add(new TermSpan(term, LastIndex.Next));
        LastIndex += count;
    }

    /// <summary>The term at a place; false where it is no longer or not yet known.</summary>
    public bool TryGetTerm(LogIndex index, out Term term)
    {
        term = default;
        if (index < BaseIndex || index > LastIndex) return false;
        term = index == BaseIndex ? BaseTerm : _spans[Find(index)].Term;
        return true;
    }

    /// <summary>
    /// True when the entry at the place is known to have the term (the consistency check of Raft §5.3).
    /// </summary>
    public bool Matches(LogIndex index, Term term) => TryGetTerm(index, out Term held) && held == term;

    /// <summary>
    /// The last place at or before <paramref name="index"/> whose term is not above <paramref name="term"/>:
    /// where a leader and a follower may agree at the latest. Not below the base.
    /// </summary>
    public (LogIndex Index, Term Term) LastNotAbove(LogIndex index, Term term)
    {
        index = LogIndex.Min(index, LastIndex);
        if (index <= BaseIndex) return (index, index == BaseIndex ? BaseTerm : default);
        int span = Find(index);
        while (span >= 0 && _spans[span].Term > term)
        {
            index = _spans[span].First.Previous;
            span--;
        }

        return span < 0 ? (BaseIndex, BaseTerm) : (index, _spans[span].Term);
    }

    /// <summary>Forgets the entry at <paramref name="from"/> and all behind it.</summary>
    public void TruncateSuffix(LogIndex from)
    {
        Invariant.Assert(from > BaseIndex);
        if (from > LastIndex) return;
        while (_spans.Count > 0 && _spans[^1].First >= from) _spans.RemoveAt(_spans.Count - 1);
        LastIndex = from.Previous;
    }

    /// <summary>
    /// Forgets the entries up to and with <paramref name="index"/>, which becomes the base.
    /// </summary>
    public void TruncatePrefix(LogIndex index)
    {
        Invariant.Assert(index <= LastIndex);
        if (index <= BaseIndex) return;
        int span = Find(index);
        Term term = _spans[span].Term;
        _spans.RemoveRange(0, span);
        if (index == LastIndex || (_spans.Count > 1 && _spans[1].First == index.Next)) _spans.RemoveAt(0);
        else _spans[0] = new TermSpan(term, index.Next);
        (BaseIndex, BaseTerm) = (index, term);
    }

    /// <summary>
    /// The spans of a range of entries held; the first one begins at <paramref name="first"/>.
    /// </summary>
    public TermSpan[] Slice(LogIndex first, LogIndex last)
    {
        Invariant.Assert(first > BaseIndex);
        Invariant.Assert(first <= last);
        Invariant.Assert(last <= LastIndex);
        int from = Find(first), to = Find(last);
        TermSpan[] slice = new TermSpan[to - from + 1];
        _spans.CopyTo(from, slice, 0, slice.Length);
        slice[0] = slice[0] with { First = first };
        return slice;
    }

    internal void CheckInvariants()
    {
        Invariant.Assert(LastIndex >= BaseIndex);
        Invariant.Assert(_spans.Count == 0 == (LastIndex == BaseIndex));
        if (_spans.Count > 0) Invariant.Assert(_spans[0].First == BaseIndex.Next);
        // Spans come and go at the ends only.
        if (_spans.Count > 1) CheckOrder(1);
        if (_spans.Count > 2) CheckOrder(_spans.Count - 1);
        CheckAllSpans();
    }

    [Conditional("INVARIANTS")]
    private void CheckAllSpans()
    {
        for (int i = 1; i < _spans.Count; i++) CheckOrder(i);
    }

    private void CheckOrder(int span)
    {
        Invariant.Assert(_spans[span - 1].First < _spans[span].First);
        Invariant.Assert(_spans[span - 1].Term < _spans[span].Term);
    }

    private int Find(LogIndex index)
    {
        int low = 0, high = _spans.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_spans[middle].First <= index) low = middle;
            else high = middle - 1;
        }

        return low;
    }
}
