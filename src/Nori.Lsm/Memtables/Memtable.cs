using Nori.Core;
using Nori.SSTable;
using Nori.Wal;

namespace Nori.Lsm.Memtables;

/// <summary>The newest writes, in memory, ordered. One thread writes at a time; readers take no lock.</summary>
/// <remarks>
/// A reader holds a reference (through the read view it read) for as long as it uses spans into
/// it; the memory goes with the last reference.
/// </remarks>
internal sealed unsafe class Memtable : RefCounted
{
    private const int ChunkBytesMax = 1 << 20;
    private const int ChunkBytesMin = 4 << 10;

    // What is so large malloc maps by itself, and unmaps when it is freed: glibc keeps what is smaller (M_MMAP_THRESHOLD grows up to this),
    // with a cached block above it for as long as that lives, and the process would hold a whole memtable that is gone. Pages that
    // nothing was written to take no memory.
    private const int MappedChunkBytes = 32 << 20;

    private readonly Arena _arena;
    private readonly SkipList _list;
    private readonly RangeTombstoneLog _tombstones = new();

    public Memtable(ulong id, long capacityBytes, ulong seed)
    {
        Id = id;
        _arena = new Arena(capacityBytes >= MappedChunkBytes
            ? MappedChunkBytes
            : (int)Math.Clamp(capacityBytes / 8, ChunkBytesMin, ChunkBytesMax));
        _list = new SkipList(_arena, seed);
    }

    /// <summary>Rises with each memtable of this opening of the engine.</summary>
    public ulong Id { get; }

    public long Entries { get; private set; }

    public int RangeDeletes => _tombstones.Count;

    public long Bytes => _arena.UsedBytes;

    public bool IsEmpty => Entries == 0;

    /// <summary>The least watermark above 0 of the batches in it; 0 when none had one.</summary>
    public ulong MinWatermark { get; private set; }

    public ulong MaxWatermark { get; private set; }

    public ulong LargestSequence { get; private set; }

    public ulong SmallestSequence { get; private set; }

    /// <summary>Once sealed: the engine's log up to here is in this memtable or an older one.</summary>
    public WalPosition LogEnd { get; set; }

    /// <summary>Bytes of user keys and values written, for write amplification.</summary>
    public long UserBytes { get; private set; }

    public void Add(ulong sequence, EntryKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Invariant.Assert(sequence > LargestSequence);
        if (kind == EntryKind.RangeDelete) AddTombstone(new RangeTombstone(key.ToArray(), value.ToArray(), sequence));
        else _list.Insert(key, Trailer.Make(sequence, kind), value);
        LargestSequence = sequence;
        if (SmallestSequence == 0) SmallestSequence = sequence;
        Entries++;
        UserBytes += key.Length + value.Length;
    }

    public void NoteWatermark(ulong watermark)
    {
        if (watermark == 0) return;
        if (MinWatermark == 0 || watermark < MinWatermark) MinWatermark = watermark;
        if (watermark > MaxWatermark) MaxWatermark = watermark;
    }

    /// <summary>
    /// The newest entry of the key at or below the sequence; the value lives as long as the caller's reference.
    /// </summary>
    public bool TryGet(ReadOnlySpan<byte> key, ulong maxSequence, out ulong trailer, out ReadOnlySpan<byte> value)
    {
        byte* node = _list.FindAtOrAfter(key, Trailer.Seek(maxSequence));
        if (node == null || !SkipList.KeyOf(node).SequenceEqual(key))
        {
            trailer = 0;
            value = default;
            return false;
        }

        trailer = SkipList.TrailerOf(node);
        value = SkipList.ValueOf(node);
        return true;
    }

    public MemtableIterator NewIterator() => new(_list);

    /// <summary>The range tombstones written so far.</summary>
    public RangeTombstoneCover RangeTombstones() => _tombstones.Now();

    /// <summary>The newest range tombstone at or below the sequence that covers the key; 0 when none does.</summary>
    public ulong CoveringTombstone(ReadOnlySpan<byte> key, ulong maxSequence) => _tombstones.Covering(key, maxSequence);

    public IReadOnlyList<RangeTombstone> TombstoneList() => _tombstones.List();

    protected override void OnUnreferenced() => _list.Free();

    private void AddTombstone(RangeTombstone tombstone)
    {
        _tombstones.Add(tombstone);
        // The arena does not see them, and they count towards the memtable's size all the same.
        _arena.Allocate(tombstone.Start.Length + tombstone.End.Length + 64);
    }
}
