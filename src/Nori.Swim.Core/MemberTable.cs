using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Nori.Core;

namespace Nori.Swim.Core;

/// <summary>Members sorted by id, so that equal inputs are walked in equal order.</summary>
internal sealed class MemberTable
{
    private readonly List<Member> _sorted = [];

    // The first eight bytes of each id, beside _sorted: most searches touch nothing but these.
    private readonly List<ulong> _prefixes = [];

    public int Count => _sorted.Count;

    public Member this[int index] => _sorted[index];

    /// <summary>Alive and suspected members, this node among them: n of the papers.</summary>
    public int ActiveCount { get; private set; }

    public Member? Find(ReadOnlySpan<byte> id)
    {
        int index = Search(id);
        return index >= 0 ? _sorted[index] : null;
    }

    public void Add(Member member)
    {
        int index = Search(member.IdBytes);
        Invariant.Assert(index < 0);
        _sorted.Insert(~index, member);
        _prefixes.Insert(~index, Prefix(member.IdBytes));
        if (member.IsActive) ActiveCount++;
    }

    public void Remove(Member member)
    {
        int index = Search(member.IdBytes);
        Invariant.Assert(index >= 0);
        _sorted.RemoveAt(index);
        _prefixes.RemoveAt(index);
        if (member.IsActive) ActiveCount--;
    }

    /// <summary>Changes the state of a member that is in the table.</summary>
    public void SetState(Member member, MemberState state, ulong incarnation, long now)
    {
        if (member.IsActive) ActiveCount--;
        member.SetState(state, incarnation, now);
        if (member.IsActive) ActiveCount++;
    }

    public int CountOf(MemberState state)
    {
        int count = 0;
        foreach (Member member in _sorted)
        {
            if (member.State == state) count++;
        }

        return count;
    }

    /// <summary>Up to <paramref name="count"/> different members that fit, at random.</summary>
    /// <remarks>Above 64 members it draws instead of walking: a few tries may then find fewer than there are.</remarks>
    public void Pick(Prng prng, int count, Func<Member, bool> fits, List<Member> picked)
    {
        picked.Clear();
        if (count == 0) return;
        if (_sorted.Count > 64)
        {
            for (int tries = 16 * count; tries > 0 && picked.Count < count; tries--)
            {
                Member member = _sorted[prng.NextInt(_sorted.Count)];
                if (fits(member) && !picked.Contains(member)) picked.Add(member);
            }

            return;
        }

        // Reservoir sampling (Vitter's algorithm R): one pass, each that fits is equally likely.
        int seen = 0;
        foreach (Member member in _sorted)
        {
            if (!fits(member)) continue;
            seen++;
            if (picked.Count < count)
            {
                picked.Add(member);
            }
            else
            {
                int place = prng.NextInt(seen);
                if (place < count) picked[place] = member;
            }
        }
    }

    private int Search(ReadOnlySpan<byte> id)
    {
        ulong prefix = Prefix(id);
        ReadOnlySpan<ulong> prefixes = CollectionsMarshal.AsSpan(_prefixes);
        int low = 0, high = prefixes.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = prefix.CompareTo(prefixes[middle]);
            if (order == 0) order = id.SequenceCompareTo(_sorted[middle].IdBytes);
            if (order == 0) return middle;
            if (order < 0) high = middle - 1;
            else low = middle + 1;
        }

        return ~low;
    }

    /// <summary>Ordered as the ids are: big-endian, and ids hold no zero byte that padding could be taken for.</summary>
    private static ulong Prefix(ReadOnlySpan<byte> id)
    {
        if (id.Length >= sizeof(ulong)) return BinaryPrimitives.ReadUInt64BigEndian(id);
        Span<byte> padded = stackalloc byte[sizeof(ulong)];
        padded.Clear();
        id.CopyTo(padded);
        return BinaryPrimitives.ReadUInt64BigEndian(padded);
    }
}
