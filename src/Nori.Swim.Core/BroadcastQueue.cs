using System.Runtime.InteropServices;
using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

/// <summary>
/// What is still to be told, fewest sendings first (SWIM §4.1), newest first among those. One entry a member, so it
/// is never longer than the member table; an entry leaves after λ·⌈log10(n + 1)⌉ sendings.
/// </summary>
internal sealed class BroadcastQueue
{
    // Hot path under a storm of suspicions: keys lie beside the members, so that comparing touches no member.
    private List<Entry> _queue = [];
    private List<Entry> _merged = [];
    private readonly List<Entry> _taken = [];
    private readonly List<Entry> _skipped = [];
    private long _order;

    public int Count => _queue.Count;

    /// <summary>Queues the member's present state, or starts over when it was queued.</summary>
    public void Add(Member member)
    {
        Remove(member);
        (member.IsQueued, member.Transmits, member.QueueOrder) = (true, 0, ++_order);
        Entry entry = new(0, member.QueueOrder, member);
        int index = Search(entry);
        Invariant.Assert(index < 0);
        _queue.Insert(~index, entry);
    }

    public void Remove(Member member)
    {
        if (!member.IsQueued) return;
        int index = Search(new Entry(member.Transmits, member.QueueOrder, member));
        Invariant.Assert(index >= 0);
        _queue.RemoveAt(index);
        member.IsQueued = false;
    }

    /// <summary>Appends as many updates as fit; each counts as one sending, also the one that is in already.</summary>
    public void Fill(MessageWriter writer, int transmitsMax, Member? isIn)
    {
        int next = Take(writer, isIn);
        if (_taken.Count > 0) PutBack(next, transmitsMax);
        _taken.Clear();
        _skipped.Clear();
    }

    /// <summary>Walks the queue from its front until the message is full; where it stopped.</summary>
    private int Take(MessageWriter writer, Member? isIn)
    {
        int next = 0;
        while (next < _queue.Count)
        {
            Entry entry = _queue[next++];
            if (entry.Member == isIn || writer.TryAppend(entry.Member))
            {
                _taken.Add(entry);
                continue;
            }

            _skipped.Add(entry);
            if (writer.IsNearlyFull) break;
        }

        return next;
    }

    /// <summary>Merges those sent, each one sending further, into what was left; both are in order.</summary>
    private void PutBack(int next, int transmitsMax)
    {
        int skipped = 0;
        _merged.Clear();
        foreach (Entry sent in _taken)
        {
            Member member = sent.Member;
            member.IsQueued = ++member.Transmits < transmitsMax;
            if (!member.IsQueued) continue;
            Entry again = sent with { Transmits = member.Transmits };
            while (skipped < _skipped.Count && Compare(_skipped[skipped], again) < 0) _merged.Add(_skipped[skipped++]);
            if (skipped == _skipped.Count)
            {
                while (next < _queue.Count && Compare(_queue[next], again) < 0) _merged.Add(_queue[next++]);
            }

            _merged.Add(again);
        }

        _merged.AddRange(CollectionsMarshal.AsSpan(_skipped)[skipped..]);
        _merged.AddRange(CollectionsMarshal.AsSpan(_queue)[next..]);
        (_queue, _merged) = (_merged, _queue);
    }

    private static int Compare(in Entry a, in Entry b) =>
        a.Transmits != b.Transmits ? a.Transmits.CompareTo(b.Transmits) : b.Order.CompareTo(a.Order);

    private int Search(in Entry entry)
    {
        int low = 0, high = _queue.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = Compare(entry, _queue[middle]);
            if (order == 0) return middle;
            if (order < 0) high = middle - 1;
            else low = middle + 1;
        }

        return ~low;
    }

    private readonly record struct Entry(int Transmits, long Order, Member Member);
}
