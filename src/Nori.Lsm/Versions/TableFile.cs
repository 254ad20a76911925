using Nori.SSTable;

namespace Nori.Lsm.Versions;

/// <summary>
/// A table of the engine: what the manifest says of it, and its reader. Versions hold references; with the last
/// one an
/// obsolete table's file may go.
/// </summary>
internal sealed class TableFile(TableMeta meta, TableStore store) : RefCounted
{
    private TableReader? _reader;
    private IReadOnlyList<RangeTombstone>? _tombstones;
    private int _obsolete;

    public TableMeta Meta { get; } = meta;

    public ulong Number => Meta.Number;

    public string Path => store.PathOf(Number);

    /// <summary>
    /// The newest entry of the key at or below the sequence. The value is the garbage collector's.
    /// </summary>
    // Hot path: the caller's read view keeps the reader open, so no count is touched here.
    public bool TryGet(
        ReadOnlySpan<byte> key, ulong keyHash, ulong maxSequence, out ulong trailer, out ReadOnlyMemory<byte> value)
    {
        trailer = 0;
        value = default;
        ulong global = Meta.GlobalSequence;
        if (global > maxSequence) return false;
        TableReader reader = Borrow(out bool transient);
        TableLookup found = reader.Get(key, global != 0 ? Trailer.SequenceMax : maxSequence, keyHash);
        if (transient) reader.Dispose();
        if (!found.Found) return false;
        trailer = Trailer.Make(global != 0 ? global : found.Sequence, found.Kind);
        value = found.Value;
        return true;
    }

    public TableIterator NewIterator(TableReadOptions options)
    {
        TableReader reader = Borrow(out bool transient);
        TableIterator iterator = reader.NewIterator(options);
        if (transient) reader.Dispose();
        return iterator;
    }

    /// <summary>
    /// The table's range tombstones, with the sequence number that an ingested table was given.
    /// </summary>
    public IReadOnlyList<RangeTombstone> RangeTombstones()
    {
        if (Meta.RangeDeletes == 0) return [];
        IReadOnlyList<RangeTombstone>? known = Volatile.Read(ref _tombstones);
        if (known is not null) return known;
        TableReader reader = Borrow(out bool transient);
        var list = new List<RangeTombstone>(reader.RangeDeletes.Count);
        foreach (RangeDelete r in reader.RangeDeletes)
        {
            ulong sequence = Meta.GlobalSequence != 0 ? Meta.GlobalSequence : r.Sequence;
            list.Add(new RangeTombstone(r.Start.ToArray(), r.End.ToArray(), sequence));
        }

        if (transient) reader.Dispose();
        Volatile.Write(ref _tombstones, list);
        return list;
    }

    /// <summary>Opens the reader, so that damage shows now and not at the first read.</summary>
    public void CheckOpens()
    {
        TableReader reader = Borrow(out bool transient);
        if (transient) reader.Dispose();
    }

    /// <summary>No later version has it: the file goes when the last version that has it goes.</summary>
    public void MarkObsolete() => Volatile.Write(ref _obsolete, 1);

    protected override void OnUnreferenced()
    {
        TableReader? reader = Interlocked.Exchange(ref _reader, null);
        if (reader is not null)
        {
            reader.Dispose();
            store.NoteClosed();
        }

        if (Volatile.Read(ref _obsolete) == 1) store.Enqueue(Number);
    }

    private TableReader Borrow(out bool transient)
    {
        transient = false;
        return Volatile.Read(ref _reader) ?? Open(out transient);
    }

    private TableReader Open(out bool transient)
    {
        TableReader opened = store.Open(Meta);
        transient = !store.TryKeepOpen();
        if (transient) return opened;
        TableReader? earlier = Interlocked.CompareExchange(ref _reader, opened, null);
        if (earlier is null) return opened;
        opened.Dispose();
        store.NoteClosed();
        return earlier;
    }
}
