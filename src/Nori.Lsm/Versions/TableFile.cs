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
    private bool _wasUsed;
    private IReadOnlyList<RangeTombstone>? _tombstones;
    private int _obsolete;

    public TableMeta Meta { get; } = meta;

    public ulong Number => Meta.Number;

    public string Path => store.PathOf(Number);

    /// <summary>Where the open tables' clock has it; the clock's own, under its lock.</summary>
    internal int ClockIndex { get; set; } = -1;

    /// <summary>
    /// The newest entry of the key at or below the sequence. The value is the held lookup's, which is disposed by whoever got true.
    /// </summary>
    // Hot path: no count of this table is touched here, see Borrow.
    public bool TryGet(
        ReadOnlySpan<byte> key, ulong keyHash, ulong maxSequence, out ulong trailer, scoped ref TableBorrowedLookup held)
    {
        trailer = 0;
        ulong global = Meta.GlobalSequence;
        if (global > maxSequence) return false;
        held = Get(key, global != 0 ? Trailer.SequenceMax : maxSequence, keyHash);
        store.Filters?.Note(held.IsFiltered, held.Found);
        if (!held.Found) return false;
        trailer = Trailer.Make(global != 0 ? global : held.Sequence, held.Kind);
        return true;
    }

    public TableIterator NewIterator(TableReadOptions options)
    {
        try
        {
            return Borrow().NewIterator(options);
        }
        catch (ObjectDisposedException)
        {
            // The iterator holds a reference of its own.
            using TableReader own = store.Open(Meta);
            return own.NewIterator(options);
        }
    }

    /// <summary>
    /// The table's range tombstones, with the sequence number that an ingested table was given.
    /// </summary>
    public IReadOnlyList<RangeTombstone> RangeTombstones()
    {
        if (Meta.RangeDeletes == 0) return [];
        IReadOnlyList<RangeTombstone>? known = Volatile.Read(ref _tombstones);
        if (known is not null) return known;
        IReadOnlyList<RangeDelete> deletes = Borrow().RangeDeletes;
        var list = new List<RangeTombstone>(deletes.Count);
        foreach (RangeDelete r in deletes)
        {
            ulong sequence = Meta.GlobalSequence != 0 ? Meta.GlobalSequence : r.Sequence;
            list.Add(new RangeTombstone(r.Start.ToArray(), r.End.ToArray(), sequence));
        }

        Volatile.Write(ref _tombstones, list);
        return list;
    }

    /// <summary>They cannot be read, and whoever owns the keys in the table's bounds was told.</summary>
    public void GiveUpRangeTombstones() => Volatile.Write(ref _tombstones, []);

    /// <summary>Opens the reader, so that damage shows now and not at the first read.</summary>
    public void CheckOpens() => Borrow();

    /// <summary>No later version has it: the file goes when the last version that has it goes.</summary>
    public void MarkObsolete() => Volatile.Write(ref _obsolete, 1);

    /// <summary>Whether it was used since it was asked last; for the clock.</summary>
    internal bool TakeWasUsed()
    {
        bool was = Volatile.Read(ref _wasUsed);
        if (was) Volatile.Write(ref _wasUsed, false);
        return was;
    }

    /// <summary>Gives up the open file; the next reader opens it again.</summary>
    internal void CloseReader() => Interlocked.Exchange(ref _reader, null)?.Dispose();

    protected override void OnUnreferenced()
    {
        store.Forget(this);
        CloseReader();
        if (Volatile.Read(ref _obsolete) == 1) store.Enqueue(Number);
    }

    private TableBorrowedLookup Get(ReadOnlySpan<byte> key, ulong maxSequence, ulong keyHash)
    {
        try
        {
            return Borrow().Borrow(key, maxSequence, keyHash);
        }
        catch (ObjectDisposedException)
        {
            return GetAgain(key, maxSequence, keyHash);
        }
    }

    // The clock closed the file between taking the reader and reading from it: this once with a reader of its own.
    private TableBorrowedLookup GetAgain(ReadOnlySpan<byte> key, ulong maxSequence, ulong keyHash)
    {
        using TableReader own = store.Open(Meta);
        return own.Borrow(key, maxSequence, keyHash);
    }

    /// <summary>
    /// The open reader, not counted: the clock may close it under the caller, who then sees ObjectDisposedException from the
    /// file (never another file's bytes: handles are counted while a call is in them) and opens anew.
    /// </summary>
    private TableReader Borrow()
    {
        // Written only where it changes, so that readers on several processors do not fight over the line.
        if (!Volatile.Read(ref _wasUsed)) Volatile.Write(ref _wasUsed, true);
        return Volatile.Read(ref _reader) ?? Open();
    }

    private TableReader Open()
    {
        TableReader opened = store.Open(Meta);
        TableReader? earlier = Interlocked.CompareExchange(ref _reader, opened, null);
        if (earlier is null)
        {
            store.NoteOpened(this, opened.MemoryBytes);
            return opened;
        }

        opened.Dispose();
        return earlier;
    }
}
