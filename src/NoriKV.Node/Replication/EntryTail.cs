using Nori.Core;

namespace NoriKV.Node.Replication;

/// <summary>
/// The last entries of a group's log with their bytes: those that are not written yet, or not handed on for applying yet.
/// A ring by index.
/// </summary>
/// <remarks>Owned by the group's worker.</remarks>
internal sealed class EntryTail
{
    private Item[] _ring = [];
    private int _head;

    public ulong First { get; private set; } = 1;

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The last index; one below <see cref="First"/> when empty.</summary>
    public ulong Last => First + (ulong)Count - 1;

    public bool TryGet(ulong index, out Item item)
    {
        bool holds = Count > 0 && index >= First && index <= Last;
        item = holds ? _ring[Slot(index)] : default;
        return holds;
    }

    /// <summary>Puts an entry behind what stands before it; whatever stood at its index and behind goes.</summary>
    public void Append(ulong index, ulong term, ReadOnlyMemory<byte> envelope)
    {
        CutFrom(index);
        if (Count == 0) First = index;
        Invariant.Assert(index == Last + 1);
        if (Count == _ring.Length) Grow();
        Count++;
        _ring[Slot(index)] = new Item(term, envelope, 0);
        Bytes += envelope.Length;
    }

    /// <summary>The entries of the range are written with this ticket.</summary>
    public void SetTicket(ulong first, ulong last, ulong ticket)
    {
        for (ulong i = Math.Max(first, First); i <= last && i <= Last; i++)
        {
            ref Item item = ref _ring[Slot(i)];
            item = item with { Ticket = ticket };
        }
    }

    /// <summary>Forgets the entries through the index.</summary>
    public void TrimThrough(ulong index)
    {
        while (Count > 0 && First <= index)
        {
            Bytes -= _ring[_head].Envelope.Length;
            _ring[_head] = default;
            _head = _head + 1 == _ring.Length ? 0 : _head + 1;
            First++;
            Count--;
        }

        // A burst is over: what it took is given back.
        if (Count == 0 && _ring.Length > 1024) (_ring, _head) = ([], 0);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => CutFrom(0);

    private void CutFrom(ulong index)
    {
        while (Count > 0 && Last >= index)
        {
            int slot = Slot(Last);
            Bytes -= _ring[slot].Envelope.Length;
            _ring[slot] = default;
            Count--;
        }
    }

    private int Slot(ulong index)
    {
        int slot = _head + (int)(index - First);
        return slot >= _ring.Length ? slot - _ring.Length : slot;
    }

    private void Grow()
    {
        var ring = new Item[Math.Max(4, _ring.Length * 2)];
        for (int i = 0; i < Count; i++) ring[i] = _ring[Slot(First + (ulong)i)];
        (_ring, _head) = (ring, 0);
    }

    /// <summary>An entry; the ticket is 0 until it is handed to the log.</summary>
    public readonly record struct Item(ulong Term, ReadOnlyMemory<byte> Envelope, ulong Ticket);
}
