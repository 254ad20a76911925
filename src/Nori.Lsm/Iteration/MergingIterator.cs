using Nori.Core;

namespace Nori.Lsm.Iteration;

/// <summary>
/// The entries of several iterators in one order, through a binary heap whose top is the current one.
/// </summary>
/// <remarks>
/// Ties (the same key and sequence in two sources) go to the child that comes first in the list.
/// </remarks>
internal sealed class MergingIterator : InternalIterator
{
    private readonly InternalIterator[] _children;
    private readonly int[] _heap;
    private int _heapCount;
    private bool _forward = true;

    public MergingIterator(IReadOnlyList<InternalIterator> children)
    {
        _children = [.. children];
        _heap = new int[_children.Length];
    }

    public override bool Valid => _heapCount > 0;

    public override ReadOnlySpan<byte> UserKey => _children[_heap[0]].UserKey;

    public override ulong TrailerValue => _children[_heap[0]].TrailerValue;

    public override ReadOnlySpan<byte> Value => _children[_heap[0]].Value;

    public override void SeekToFirst()
    {
        foreach (InternalIterator child in _children) child.SeekToFirst();
        Rebuild(forward: true);
    }

    public override void SeekToLast()
    {
        foreach (InternalIterator child in _children) child.SeekToLast();
        Rebuild(forward: false);
    }

    public override void Seek(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        foreach (InternalIterator child in _children) child.Seek(userKey, sequence);
        Rebuild(forward: true);
    }

    public override void SeekForPrev(ReadOnlySpan<byte> userKey, ulong sequence)
    {
        foreach (InternalIterator child in _children) child.SeekForPrev(userKey, sequence);
        Rebuild(forward: false);
    }

    public override void Next()
    {
        Invariant.Assert(_heapCount > 0);
        if (!_forward) TurnForward();
        InternalIterator top = _children[_heap[0]];
        top.Next();
        FixTop(top.Valid);
    }

    public override void Prev()
    {
        Invariant.Assert(_heapCount > 0);
        if (_forward) TurnBackward();
        InternalIterator top = _children[_heap[0]];
        top.Prev();
        FixTop(top.Valid);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (InternalIterator child in _children) child.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>All children but the current one go to their first entry behind the current.</summary>
    private void TurnForward()
    {
        int current = _heap[0];
        byte[] key = UserKey.ToArray();
        ulong trailer = TrailerValue;
        for (int i = 0; i < _children.Length; i++)
        {
            if (i == current) continue;
            InternalIterator child = _children[i];
            child.Seek(key, Trailer.SequenceOf(trailer));
            // A twin in a later child comes behind the current one, a twin in an earlier child before it.
            if (i < current && child.Valid && IsSame(child, key, trailer)) child.Next();
        }

        Rebuild(forward: true);
        Invariant.Assert(_heap[0] == current);
    }

    /// <summary>All children but the current one go to their last entry before the current.</summary>
    private void TurnBackward()
    {
        int current = _heap[0];
        byte[] key = UserKey.ToArray();
        ulong trailer = TrailerValue;
        for (int i = 0; i < _children.Length; i++)
        {
            if (i == current) continue;
            InternalIterator child = _children[i];
            child.SeekForPrev(key, Trailer.SequenceOf(trailer));
            if (i > current && child.Valid && IsSame(child, key, trailer)) child.Prev();
        }

        Rebuild(forward: false);
        Invariant.Assert(_heap[0] == current);
    }

    private static bool IsSame(InternalIterator child, ReadOnlySpan<byte> key, ulong trailer) =>
        child.TrailerValue == trailer && child.UserKey.SequenceEqual(key);

    private void Rebuild(bool forward)
    {
        _forward = forward;
        _heapCount = 0;
        for (int i = 0; i < _children.Length; i++)
            if (_children[i].Valid) _heap[_heapCount++] = i;
        for (int i = (_heapCount / 2) - 1; i >= 0; i--) SiftDown(i);
    }

    private void FixTop(bool topIsValid)
    {
        if (!topIsValid) _heap[0] = _heap[--_heapCount];
        if (_heapCount > 1) SiftDown(0);
    }

    private void SiftDown(int i)
    {
        int moving = _heap[i];
        while (true)
        {
            int child = (2 * i) + 1;
            if (child >= _heapCount) break;
            if (child + 1 < _heapCount && Precedes(_heap[child + 1], _heap[child])) child++;
            if (!Precedes(_heap[child], moving)) break;
            _heap[i] = _heap[child];
            i = child;
        }

        _heap[i] = moving;
    }

    private bool Precedes(int a, int b)
    {
        InternalIterator left = _children[a], right = _children[b];
        int order = left.UserKey.SequenceCompareTo(right.UserKey);
        if (order == 0)
        {
            ulong leftTrailer = left.TrailerValue, rightTrailer = right.TrailerValue;
            order = leftTrailer == rightTrailer ? a - b : leftTrailer > rightTrailer ? -1 : 1;
        }

        return _forward ? order < 0 : order > 0;
    }
}
