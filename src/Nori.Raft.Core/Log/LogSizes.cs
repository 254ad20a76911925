using Nori.Core;

namespace Nori.Raft.Core;

/// <summary>
/// How many bytes a range of entries takes, near enough to bound messages and windows: sums at marks some
/// kilobytes apart, averages between them.
/// </summary>
/// <remarks>An entry larger than a mark has a mark of its own. Not thread-safe.</remarks>
internal sealed class LogSizes
{
    internal const long MarkBytes = 16 * 1024;

    private readonly List<Mark> _marks = [];
    private Mark _base;

    public LogSizes(LogIndex baseIndex, LogIndex lastIndex, long bytes)
    {
        _base = new Mark(baseIndex, 0);
        if (lastIndex > baseIndex) _marks.Add(new Mark(lastIndex, bytes));
    }

    private Mark Last => _marks.Count == 0 ? _base : _marks[^1];

    public void Reset(LogIndex baseIndex)
    {
        _marks.Clear();
        _base = new Mark(baseIndex, 0);
    }

    public void Append(LogIndex last, long bytes)
    {
        Mark before = Last;
        Invariant.Assert(last > before.Index);
        Mark mark = new(last, before.Sum + bytes);
        Mark start = _marks.Count > 1 ? _marks[^2] : _base;
        if (_marks.Count > 0 && mark.Sum - start.Sum <= MarkBytes) _marks[^1] = mark;
        else _marks.Add(mark);
    }

    /// <summary>
    /// Bytes of the entries behind <paramref name="after"/>, through <paramref name="last"/>.
    /// </summary>
    public long Between(LogIndex after, LogIndex last) => last <= after ? 0 : SumAt(last) - SumAt(after);

    /// <summary>
    /// The last entry such that the range takes no more than the bytes; the first one in any case.
    /// </summary>
    public LogIndex Fit(LogIndex first, LogIndex last, long bytesMax)
    {
        if (Between(first.Previous, last) <= bytesMax) return last;
        LogIndex low = first, high = last;
        while (low < high)
        {
            LogIndex middle = low + ((high - low + 1) / 2);
            if (Between(first.Previous, middle) <= bytesMax) low = middle;
            else high = middle.Previous;
        }

        return low;
    }

    public void TruncateSuffix(LogIndex from)
    {
        if (from > Last.Index) return;
        Mark end = new(from.Previous, SumAt(from.Previous));
        while (_marks.Count > 0 && _marks[^1].Index >= end.Index) _marks.RemoveAt(_marks.Count - 1);
        if (end.Index > Last.Index) _marks.Add(end);
    }

    public void TruncatePrefix(LogIndex index)
    {
        Mark start = new(index, SumAt(index));
        int gone = 0;
        while (gone < _marks.Count && _marks[gone].Index <= index) gone++;
        _marks.RemoveRange(0, gone);
        _base = start;
    }

    private long SumAt(LogIndex index)
    {
        if (index <= _base.Index) return _base.Sum;
        int low = 0, high = _marks.Count - 1;
        Invariant.Assert(high >= 0);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_marks[middle].Index >= index) high = middle;
            else low = middle + 1;
        }

        Mark from = low == 0 ? _base : _marks[low - 1], to = _marks[low];
        if (index >= to.Index) return to.Sum;
        return from.Sum + (long)((to.Sum - from.Sum) * ((double)(index - from.Index) / (to.Index - from.Index)));
    }

    private readonly record struct Mark(LogIndex Index, long Sum);
}
