using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Nori.Core;

namespace Nori.Lsm.Memtables;

// Hot path: no allocation, no bounds checks beyond the key comparison, one cache line per visited node where the first
// eight key bytes differ.
//
// A node, in arena memory (never in a file):
//   next[height-1] … next[0] | key's first 8 bytes, big-endian u64 | trailer u64 | key length i32 | value length i32
//     | key | value          ^ a node's address: links lie below it, so that the height need not be stored.

/// <summary>
/// Entries ordered by user key, then by trailer (sequence and kind) from new to old. One thread inserts; any
/// number read
/// at the same time without locks, because a node is complete before the link to it is published and links
/// never go away.
/// </summary>
internal sealed unsafe class SkipList
{
    private const int HeightMax = 14;
    private const int TrailerOffset = 8;
    private const int KeyLengthOffset = 16;
    private const int ValueLengthOffset = 20;
    private const int KeyOffset = 24;

    private readonly Arena _arena;
    private readonly byte* _head;
    private readonly byte*[] _splice = new byte*[HeightMax];
    private ulong _random;
    private int _height = 1;

    public SkipList(Arena arena, ulong seed)
    {
        _arena = arena;
        _random = seed | 1;
        _head = arena.Allocate((HeightMax * sizeof(nint)) + KeyOffset) + (HeightMax * sizeof(nint));
        for (int i = 0; i < HeightMax; i++)
        {
            *Link(_head, i) = 0;
            _splice[i] = _head;
        }
    }

    public static ReadOnlySpan<byte> KeyOf(byte* node) => new(node + KeyOffset, *(int*)(node + KeyLengthOffset));

    public static ulong TrailerOf(byte* node) => *(ulong*)(node + TrailerOffset);

    public static ReadOnlySpan<byte> ValueOf(byte* node) =>
        new(node + KeyOffset + *(int*)(node + KeyLengthOffset), *(int*)(node + ValueLengthOffset));

    public byte* First => Next(_head, 0);

    public static byte* NextOf(byte* node) => Next(node, 0);

    /// <summary>Adds an entry; (key, trailer) must not be there yet.</summary>
    public void Insert(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        ulong prefix = PrefixOf(key);
        FindSplice(key, prefix, trailer);
        int height = NextHeight();
        int links = height * sizeof(nint);
        byte* node = _arena.Allocate(checked(links + KeyOffset + key.Length + value.Length)) + links;
        *(ulong*)node = prefix;
        *(ulong*)(node + TrailerOffset) = trailer;
        *(int*)(node + KeyLengthOffset) = key.Length;
        *(int*)(node + ValueLengthOffset) = value.Length;
        key.CopyTo(new Span<byte>(node + KeyOffset, key.Length));
        value.CopyTo(new Span<byte>(node + KeyOffset + key.Length, value.Length));
        if (height > _height) Volatile.Write(ref _height, height);
        for (int i = 0; i < height; i++)
        {
            *Link(node, i) = *Link(_splice[i], i);
            Volatile.Write(ref *Link(_splice[i], i), (nint)node);
            _splice[i] = node;
        }
    }

    /// <summary>The first node at or behind (key, trailer); null when there is none.</summary>
    public byte* FindAtOrAfter(ReadOnlySpan<byte> key, ulong trailer)
    {
        ulong prefix = PrefixOf(key);
        byte* node = _head;
        byte* known = null;
        for (int level = Volatile.Read(ref _height) - 1; ;)
        {
            byte* next = Next(node, level);
            if (next != null && next != known && Compare(next, key, prefix, trailer) < 0)
            {
                node = next;
            }
            else
            {
                if (level == 0) return next;
                known = next;
                level--;
            }
        }
    }

    /// <summary>The last node before (key, trailer); null when there is none.</summary>
    public byte* FindBefore(ReadOnlySpan<byte> key, ulong trailer)
    {
        ulong prefix = PrefixOf(key);
        byte* node = _head;
        for (int level = Volatile.Read(ref _height) - 1; level >= 0; level--)
        {
            for (byte* next = Next(node, level);
                 next != null && Compare(next, key, prefix, trailer) < 0;
                 next = Next(node, level))
            {
                node = next;
            }
        }

        return node == _head ? null : node;
    }

    /// <summary>The last node; null when the list is empty.</summary>
    public byte* FindLast()
    {
        byte* node = _head;
        for (int level = Volatile.Read(ref _height) - 1; level >= 0; level--)
            for (byte* next = Next(node, level); next != null; next = Next(node, level)) node = next;
        return node == _head ? null : node;
    }

    public void Free() => _arena.Free();

    /// <summary>Leaves in _splice the last node before (key, trailer) on every level.</summary>
    private void FindSplice(ReadOnlySpan<byte> key, ulong prefix, ulong trailer)
    {
        // From the last insert's place: up to the first level on which the key lies between two neighbours. Above it that is so, too,
        // because no node lies there that is missing here. A key near the last one costs the logarithm of the distance.
        int level = 0;
        byte* known = null;
        while (level < _height && !IsBetween(_splice[level], known = Next(_splice[level], level), key, prefix, trailer)) level++;
        byte* node = level < _height ? _splice[level] : _head;
        if (level == _height) known = null;
        while (--level >= 0)
        {
            byte* next = Next(node, level);
            while (next != null && next != known && Compare(next, key, prefix, trailer) < 0)
            {
                node = next;
                next = Next(node, level);
            }

            known = next;
            _splice[level] = node;
        }
    }

    private bool IsBetween(byte* before, byte* next, ReadOnlySpan<byte> key, ulong prefix, ulong trailer) =>
        (before == _head || Compare(before, key, prefix, trailer) < 0)
        && (next == null || Compare(next, key, prefix, trailer) > 0);

    private int NextHeight()
    {
        _random ^= _random << 13;
        _random ^= _random >> 7;
        _random ^= _random << 17;
        int height = 1;
        // Branching 4: two random bits a level.
        for (ulong bits = _random >> 16; height < HeightMax && (bits & 3) == 0; bits >>= 2) height++;
        return height;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Compare(byte* node, ReadOnlySpan<byte> key, ulong prefix, ulong trailer)
    {
        ulong nodePrefix = *(ulong*)node;
        if (nodePrefix != prefix) return nodePrefix < prefix ? -1 : 1;
        int order = KeyOf(node).SequenceCompareTo(key);
        if (order != 0) return order;
        ulong nodeTrailer = *(ulong*)(node + TrailerOffset);
        return nodeTrailer == trailer ? 0 : nodeTrailer > trailer ? -1 : 1;
    }

    private static ulong PrefixOf(ReadOnlySpan<byte> key)
    {
        if (key.Length >= sizeof(ulong)) return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong prefix = 0;
        for (int i = 0; i < key.Length; i++) prefix |= (ulong)key[i] << (56 - (8 * i));
        return prefix;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint* Link(byte* node, int level) => (nint*)node - (level + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Next(byte* node, int level) => (byte*)Volatile.Read(ref *Link(node, level));
}
