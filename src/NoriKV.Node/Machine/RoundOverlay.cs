using Nori.Core;

namespace NoriKV.Node.Machine;

/// <summary>
/// What a round of applying has written so far, over the engine: keys and values in one arena, found by an open-addressed
/// table. Kept between rounds, so a round allocates nothing once it is warm.
/// </summary>
/// <remarks>Hot path: one worker owns it.</remarks>
internal sealed class RoundOverlay
{
    private byte[] _arena = new byte[64 * 1024];
    private Slot[] _slots = new Slot[256];
    private int[] _table = new int[512];
    private int _arenaUsed;

    public int Count { get; private set; }

    public int Bytes => _arenaUsed;

    public void Clear()
    {
        if (Count > 0) Array.Clear(_table);
        Count = 0;
        _arenaUsed = 0;
    }

    /// <summary>Writes head and tail, one behind the other, as the key's value.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long expiryUnixMs)
    {
        ref Slot slot = ref FindOrAdd(key);
        slot.ValueLength = head.Length + tail.Length;
        slot.ValueOffset = Reserve(slot.ValueLength);
        head.CopyTo(_arena.AsSpan(slot.ValueOffset));
        tail.CopyTo(_arena.AsSpan(slot.ValueOffset + head.Length));
        slot.ExpiryUnixMs = expiryUnixMs;
    }

    public void Delete(ReadOnlySpan<byte> key)
    {
        ref Slot slot = ref FindOrAdd(key);
        slot.ValueLength = -1;
    }

    /// <summary>True when the round wrote the key; a deleted one has <paramref name="deleted"/> set.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out long expiryUnixMs, out bool deleted)
    {
        int index = Count == 0 ? -1 : Find(key, XxHash64.Hash(key));
        if (index < 0)
        {
            value = default;
            expiryUnixMs = 0;
            deleted = false;
            return false;
        }

        Read(index, out _, out value, out expiryUnixMs, out deleted);
        return true;
    }

    /// <summary>The write number <paramref name="index"/> of the round, in the order of first writing.</summary>
    public void Read(
        int index, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out long expiryUnixMs, out bool deleted)
    {
        ref Slot slot = ref _slots[index];
        key = _arena.AsSpan(slot.KeyOffset, slot.KeyLength);
        deleted = slot.ValueLength < 0;
        value = deleted ? default : _arena.AsSpan(slot.ValueOffset, slot.ValueLength);
        expiryUnixMs = slot.ExpiryUnixMs;
    }

    private ref Slot FindOrAdd(ReadOnlySpan<byte> key)
    {
        ulong hash = XxHash64.Hash(key);
        int index = Find(key, hash);
        if (index >= 0) return ref _slots[index];
        if (Count == _slots.Length) Grow();
        index = Count++;
        int offset = Reserve(key.Length);
        key.CopyTo(_arena.AsSpan(offset));
        _slots[index] = new Slot { Hash = hash, KeyOffset = offset, KeyLength = key.Length };
        Link(index);
        return ref _slots[index];
    }

    private int Find(ReadOnlySpan<byte> key, ulong hash)
    {
        int mask = _table.Length - 1;
        for (int place = (int)hash & mask; _table[place] != 0; place = (place + 1) & mask)
        {
            ref Slot slot = ref _slots[_table[place] - 1];
            if (slot.Hash == hash && _arena.AsSpan(slot.KeyOffset, slot.KeyLength).SequenceEqual(key))
            {
                return _table[place] - 1;
            }
        }

        return -1;
    }

    private void Link(int index)
    {
        int mask = _table.Length - 1;
        int place = (int)_slots[index].Hash & mask;
        while (_table[place] != 0) place = (place + 1) & mask;
        _table[place] = index + 1;
    }

    private void Grow()
    {
        Array.Resize(ref _slots, _slots.Length * 2);
        _table = new int[_slots.Length * 2];
        for (int i = 0; i < Count; i++) Link(i);
    }

    private int Reserve(int bytes)
    {
        int offset = _arenaUsed;
        int needed = checked(offset + bytes);
        if (needed > _arena.Length)
        {
            Array.Resize(ref _arena, (int)Math.Min(Array.MaxLength, Math.Max(needed, _arena.Length * 2L)));
        }

        _arenaUsed = needed;
        return offset;
    }

    private struct Slot
    {
        public ulong Hash;
        public int KeyOffset;
        public int KeyLength;
        public int ValueOffset;
        public int ValueLength;
        public long ExpiryUnixMs;
    }
}
