using Nori.Core;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>The entries of one group by index: a ring that grows at both ends.</summary>
/// <remarks>Holes exist only while the log is read at start, where moved entries come behind their
/// followers.</remarks>
internal sealed class EntryTable
{
    private EntryRef[] _ring = [];
    private int _head;

    public ulong First { get; private set; } = 1;

    public int Count { get; private set; }

    /// <summary>The last index; one below <see cref="First"/> when empty.</summary>
    public ulong Last => First + (ulong)Count - 1;

    public EntryRef this[ulong index]
    {
        get
        {
            Invariant.Assert(Contains(index));
            return _ring[Slot(index)];
        }
    }

    public bool Contains(ulong index) => index >= First && index <= Last && Count > 0;

    /// <summary>Puts the entry at the index and returns what was there, a hole when nothing.</summary>
    public EntryRef Set(ulong index, EntryRef entry)
    {
        if (Count == 0)
        {
            Reserve(1);
            First = index;
            Count = 1;
            _ring[_head] = entry;
            return default;
        }

        if (index < First) ExtendFront((int)(First - index));
        if (index > Last) ExtendBack((int)(index - Last));
        EntryRef before = _ring[Slot(index)];
        _ring[Slot(index)] = entry;
        return before;
    }

    /// <summary>Takes the last entry away.</summary>
    public EntryRef RemoveLast()
    {
        Invariant.Assert(Count > 0);
        int slot = Slot(Last);
        EntryRef entry = _ring[slot];
        _ring[slot] = default;
        Count--;
        return entry;
    }

    /// <summary>Takes the first entry away.</summary>
    public EntryRef RemoveFirst()
    {
        Invariant.Assert(Count > 0);
        EntryRef entry = _ring[_head];
        _ring[_head] = default;
        _head = (_head + 1) % _ring.Length;
        First++;
        Count--;
        if (_ring.Length > 64 && Count < _ring.Length / 4) Resize(_ring.Length / 2);
        return entry;
    }

    /// <summary>An empty table goes on at the index.</summary>
    public void RestartAt(ulong index)
    {
        Invariant.Assert(Count == 0);
        First = index;
    }

    private int Slot(ulong index) => (int)(((ulong)_head + (index - First)) % (ulong)_ring.Length);

    private void ExtendFront(int count)
    {
        Reserve(count);
        _head = (_head - count + _ring.Length) % _ring.Length;
        First -= (ulong)count;
        Count += count;
    }

    private void ExtendBack(int count)
    {
        Reserve(count);
        Count += count;
    }

    private void Reserve(int more)
    {
        int needed = checked(Count + more);
        if (needed > _ring.Length) Resize(Math.Max(needed, Math.Max(4, _ring.Length * 2)));
    }

    private void Resize(int length)
    {
        Invariant.Assert(length >= Count);
        var ring = new EntryRef[length];
        for (int i = 0; i < Count; i++) ring[i] = _ring[(_head + i) % _ring.Length];
        _ring = ring;
        _head = 0;
    }
}
