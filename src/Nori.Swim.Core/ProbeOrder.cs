using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Swim.Core;

/// <summary>
/// Whose turn it is: a random order walked to its end, then shuffled anew; newcomers enter at a random place
/// (SWIM §4.3). So each member's turn comes within 2n − 1 periods. With shared turns and few members it is instead the
/// one not heard from for longest, in a random order at first: a turn within n − 1 periods (docs/decisions/0066).
/// </summary>
internal sealed class ProbeOrder(Prng prng, bool sharedTurns)
{
    /// <summary>
    /// Up to so many others the longest silent goes first. Above, the orders of different members fall into step.
    /// </summary>
    public const int LongestFirstMax = 16;

    private readonly List<Member> _order = [];
    private int _next;

    public int Count => _order.Count;

    private bool IsLongestFirst => sharedTurns && _order.Count <= LongestFirstMax;

    public void Add(Member member) =>
        // Before the cursor would mean that this round skips it; that is allowed: the next round has it.
        Insert(prng.NextInt(_order.Count + 1), member);

    public void Remove(Member member)
    {
        int index = _order.IndexOf(member);
        if (index < 0) return;
        _order.RemoveAt(index);
        if (index < _next) _next--;
    }

    /// <summary>The next in turn, or null when there is nobody.</summary>
    public Member? Next()
    {
        if (_order.Count == 0) return null;
        if (IsLongestFirst)
        {
            Member first = _order[0];
            MoveToEnd(first);
            return first;
        }

        if (_next >= _order.Count) Reshuffle();
        return _order[_next++];
    }

    /// <summary>The member showed this round that it lives, so its turn counts as taken.</summary>
    public void TakeTurn(Member member)
    {
        if (IsLongestFirst)
        {
            MoveToEnd(member);
            return;
        }

        for (int i = _next; i < _order.Count; i++)
        {
            if (_order[i] != member) continue;
            (_order[i], _order[_next]) = (_order[_next], _order[i]);
            _next++;
            return;
        }
    }

    private void MoveToEnd(Member member)
    {
        if (!_order.Remove(member)) return;
        _order.Add(member);
        _next = 0;
    }

    private void Insert(int index, Member member)
    {
        _order.Insert(index, member);
        if (index < _next) _next++;
    }

    private void Reshuffle()
    {
        prng.Shuffle(CollectionsMarshal.AsSpan(_order));
        _next = 0;
    }
}
