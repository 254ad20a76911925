using Nori.Core;
using Nori.Swim.Core.Wire;

namespace Nori.Swim.Core;

/// <summary>
/// What is still to be told, fewest sendings first (SWIM §4.1), newest first among those. One entry a member, so it
/// is never longer than the member table; an entry leaves after λ·⌈log10(n + 1)⌉ sendings.
/// </summary>
internal sealed class BroadcastQueue
{
    private readonly List<Member> _queue = [];
    private readonly List<Member> _taken = [];
    private long _order;

    public int Count => _queue.Count;

    /// <summary>Queues the member's present state, or starts over when it was queued.</summary>
    public void Add(Member member)
    {
        Remove(member);
        (member.IsQueued, member.Transmits, member.QueueOrder) = (true, 0, ++_order);
        Insert(member);
    }

    public void Remove(Member member)
    {
        if (!member.IsQueued) return;
        _queue.RemoveAt(IndexOf(member));
        member.IsQueued = false;
    }

    /// <summary>Appends as many updates as fit; each counts as one sending, also the one that is in already.</summary>
    public void Fill(MessageWriter writer, int transmitsMax, Member? isIn)
    {
        _taken.Clear();
        foreach (Member member in _queue)
        {
            if (member == isIn || writer.TryAppend(member)) _taken.Add(member);
            else if (writer.IsNearlyFull) break;
        }

        foreach (Member member in _taken)
        {
            _queue.RemoveAt(IndexOf(member));
            member.Transmits++;
            member.IsQueued = member.Transmits < transmitsMax;
            if (member.IsQueued) Insert(member);
        }
    }

    private static int Compare(Member a, Member b) =>
        a.Transmits != b.Transmits ? a.Transmits.CompareTo(b.Transmits) : b.QueueOrder.CompareTo(a.QueueOrder);

    private void Insert(Member member)
    {
        int index = Search(member);
        Invariant.Assert(index < 0);
        _queue.Insert(~index, member);
    }

    private int IndexOf(Member member)
    {
        int index = Search(member);
        Invariant.Assert(index >= 0);
        return index;
    }

    private int Search(Member member)
    {
        int low = 0, high = _queue.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = Compare(member, _queue[middle]);
            if (order == 0) return middle;
            if (order < 0) high = middle - 1;
            else low = middle + 1;
        }

        return ~low;
    }
}
