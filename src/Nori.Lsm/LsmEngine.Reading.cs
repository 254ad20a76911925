using System.Buffers;
using System.Buffers.Binary;
using Nori.Core;
using Nori.Lsm.Iteration;
using Nori.Lsm.Memtables;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>The read path. No lock is taken; see docs/decisions/0013-reads-without-locks.md.</summary>
public sealed partial class LsmEngine
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_copy;

    /// <summary>The key's value, copied; null when there is none.</summary>
    /// <exception cref="Nori.IO.CorruptionException">A block on the way is damaged.</exception>
    public ValueTask<LsmValue?> GetAsync(
        ReadOnlyMemory<byte> key, LsmReadOptions? options = null, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        return new ValueTask<LsmValue?>(Get(key.Span, options));
    }

    /// <summary>The key's value, copied; null when there is none.</summary>
    /// <exception cref="Nori.IO.CorruptionException">A block on the way is damaged.</exception>
    public LsmValue? Get(ReadOnlySpan<byte> key, LsmReadOptions? options = null)
    {
        ArrayBufferWriter<byte> copy = t_copy ??= new ArrayBufferWriter<byte>();
        copy.ResetWrittenCount();
        if (!TryGet(key, copy, out LsmValueInfo info, options)) return null;
        var value = new LsmValue(copy.WrittenSpan.ToArray(), info.Sequence, info.ExpiryUnixMs);
        if (copy.Capacity > 1 << 20) t_copy = null;
        return value;
    }

    /// <summary>
    /// Writes the key's value to the writer; false, and nothing written, when there is none. Allocates nothing
    /// itself.
    /// </summary>
    /// <exception cref="Nori.IO.CorruptionException">A block on the way is damaged.</exception>
    // Hot path: two interlocked operations on a stripe of the view, no lock, no allocation.
    public bool TryGet(
        ReadOnlySpan<byte> key, IBufferWriter<byte> value, out LsmValueInfo info, LsmReadOptions? options = null)
    {
        ReadView view = EnterView(options?.Snapshot, out int stripe, out ulong sequence);
        TableBorrowedLookup held = default;
        try
        {
            if (!Resolve(view, key, sequence, options, out info, out ReadOnlySpan<byte> stored, ref held)) return false;
            value.Write(stored);
            return true;
        }
        finally
        {
            held.Dispose();
            view.Exit(stripe);
        }
    }

    /// <summary>
    /// The key's value where it lies, not copied: for large values that are looked at and let go. Dispose what it
    /// returns, also when nothing was found.
    /// </summary>
    /// <exception cref="Nori.IO.CorruptionException">A block on the way is damaged.</exception>
    public LsmBorrowedValue Borrow(ReadOnlySpan<byte> key, LsmReadOptions? options = null)
    {
        ReadView view = EnterView(options?.Snapshot, out int stripe, out ulong sequence);
        TableBorrowedLookup held = default;
        bool found = false;
        try
        {
            found = Resolve(view, key, sequence, options, out LsmValueInfo info, out ReadOnlySpan<byte> stored, ref held);
            return found ? new LsmBorrowedValue(view, stripe, info, stored, held) : default;
        }
        finally
        {
            // Found: the value's Dispose does it.
            if (!found)
            {
                held.Dispose();
                view.Exit(stripe);
            }
        }
    }

    /// <summary>Walks a range as of now or of a snapshot.</summary>
    public LsmIterator Scan(ScanRange range, LsmReadOptions? options = null)
    {
        ReadView view = EnterView(options?.Snapshot, out int stripe, out ulong sequence);
        InternalIterator? source = null;
        try
        {
            source = NewSource(view, range);
            long now = options?.IncludeExpired == true ? -1 : options?.NowUnixMs ?? NowUnixMs();
            return new LsmIterator(source, TombstoneSets(view), sequence, now, range, () => view.Exit(stripe));
        }
        catch
        {
            source?.Dispose();
            view.Exit(stripe);
            throw;
        }
    }

    /// <summary>A view of the data as of now.</summary>
    public LsmSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        lock (_snapshots)
        {
            ulong sequence = Volatile.Read(ref _visible);
            _snapshots[sequence] = _snapshots.GetValueOrDefault(sequence) + 1;
            return new LsmSnapshot(sequence, ReleaseSnapshot);
        }
    }

    private void ReleaseSnapshot(LsmSnapshot snapshot)
    {
        lock (_snapshots)
        {
            int holders = _snapshots[snapshot.Sequence];
            if (holders == 1) _snapshots.Remove(snapshot.Sequence);
            else _snapshots[snapshot.Sequence] = holders - 1;
        }
    }

    /// <summary>
    /// The sequence numbers that what is dropped must be judged by: the snapshots' and the latest visible one,
    /// which every
    /// snapshot to come is at or above.
    /// </summary>
    internal ulong[] SnapshotSequences()
    {
        lock (_snapshots)
        {
            ulong visible = Volatile.Read(ref _visible);
            return _snapshots.ContainsKey(visible) ? [.. _snapshots.Keys] : [.. _snapshots.Keys, visible];
        }
    }

    /// <summary>The current view, counted in, and the sequence number to read at.</summary>
    /// <remarks>
    /// The view first: entries that only a view replaced meanwhile would show are then never missed by a
    /// compaction that
    /// dropped what they shadow. And the view again after the sequence: an ingest publishes its view and then
    /// its sequence
    /// number, so a reader with the old view and a new number would see later writes but not the ingested
    /// tables.
    /// </remarks>
    private ReadView EnterView(LsmSnapshot? snapshot, out int stripe, out ulong sequence)
    {
        if (snapshot is not null) ObjectDisposedException.ThrowIf(snapshot.IsDisposed, snapshot);
        while (true)
        {
            ReadView view = Volatile.Read(ref _view);
            stripe = view.Enter();
            if (stripe >= 0)
            {
                if (Perturbation.IsOn) Perturbation.Here();
                sequence = snapshot?.Sequence ?? Volatile.Read(ref _visible);
                if (ReferenceEquals(view, Volatile.Read(ref _view))) return view;
                view.Exit(stripe);
            }

            ObjectDisposedException.ThrowIf(_disposed, this);
        }
    }

    /// <summary>
    /// The key's visible value; false when there is none, it is deleted, or its time has passed. Where it lies in a block, that is held:
    /// the caller disposes of it in any case.
    /// </summary>
    private bool Resolve(
        ReadView view, ReadOnlySpan<byte> key, ulong sequence, LsmReadOptions? options,
        out LsmValueInfo info, out ReadOnlySpan<byte> value, scoped ref TableBorrowedLookup held)
    {
        info = default;
        if (!Find(view, key, sequence, out ulong trailer, out value, ref held)) return false;
        EntryKind kind = Trailer.KindOf(trailer);
        if (kind == EntryKind.Delete) return false;
        ulong found = Trailer.SequenceOf(trailer);
        if (CoveringTombstone(view, key, sequence) > found) return false;
        long expiry = 0;
        if (kind == EntryKind.PutWithExpiry)
        {
            expiry = BinaryPrimitives.ReadInt64LittleEndian(value);
            if (options?.IncludeExpired != true && expiry <= (options?.NowUnixMs ?? NowUnixMs())) return false;
            value = value[sizeof(long)..];
        }

        info = new LsmValueInfo(value.Length, found, expiry);
        return true;
    }

    /// <summary>
    /// The newest entry of the key: memtables, level 0, then one table per level, from new to old.
    /// </summary>
    private bool Find(
        ReadView view, ReadOnlySpan<byte> key, ulong sequence, out ulong trailer, out ReadOnlySpan<byte> value,
        scoped ref TableBorrowedLookup held)
    {
        if (view.Active.TryGet(key, sequence, out trailer, out value)) return true;
        foreach (Memtable memtable in view.Immutables)
            if (memtable.TryGet(key, sequence, out trailer, out value)) return true;

        // Once for all tables; also where new tables get no filter, older and ingested ones may have one.
        ulong hash = TableReader.HashKey(key);
        TableFile[][] levels = view.Version.Levels;
        foreach (TableFile file in levels[0])
        {
            if (!file.Meta.Contains(key)) continue;
            if (!file.TryGet(key, hash, sequence, out trailer, ref held)) continue;
            value = held.Value;
            return true;
        }

        for (int level = 1; level < levels.Length; level++)
        {
            TableFile[] files = levels[level];
            if (files.Length == 0) continue;
            int at = LsmVersion.FindTable(files, key);
            if (at == files.Length || !files[at].Meta.Contains(key)) continue;
            if (!files[at].TryGet(key, hash, sequence, out trailer, ref held)) continue;
            value = held.Value;
            return true;
        }

        value = default;
        return false;
    }

    private static ulong CoveringTombstone(ReadView view, ReadOnlySpan<byte> key, ulong sequence)
    {
        ulong newest = view.Active.CoveringTombstone(key, sequence);
        foreach (Memtable memtable in view.Immutables)
            newest = Math.Max(newest, memtable.CoveringTombstone(key, sequence));
        return Math.Max(newest, view.Version.RangeTombstones().Covering(key, sequence));
    }

    private static RangeTombstoneCover[] TombstoneSets(ReadView view)
    {
        var sets = new List<RangeTombstoneCover>();
        Add(view.Active.RangeTombstones());
        foreach (Memtable memtable in view.Immutables) Add(memtable.RangeTombstones());
        Add(view.Version.RangeTombstones());
        return sets.Count == 0 ? [] : [.. sets];

        void Add(RangeTombstoneCover set)
        {
            if (!set.IsEmpty) sets.Add(set);
        }
    }

    private static InternalIterator NewSource(ReadView view, ScanRange range)
    {
        var children = new List<InternalIterator>();
        try
        {
            if (!view.Active.IsEmpty) children.Add(view.Active.NewIterator());
            foreach (Memtable memtable in view.Immutables) children.Add(memtable.NewIterator());
            var options = new TableReadOptions();
            foreach (TableFile file in view.Version.Levels[0])
                if (MayOverlap(file.Meta, range)) children.Add(new TableSource(file, options));
            for (int level = 1; level < view.Version.Levels.Length; level++)
            {
                TableFile[] files = view.Version.Levels[level];
                if (files.Length > 0) children.Add(new LevelSource(files, options));
            }

            return children.Count == 1 ? children[0] : new MergingIterator(children);
        }
        catch
        {
            foreach (InternalIterator child in children) child.Dispose();
            throw;
        }
    }

    private static bool MayOverlap(TableMeta meta, ScanRange range) =>
        !meta.EndsBefore(range.Start.Span)
        && (range.End is not { } end || meta.Smallest.AsSpan().SequenceCompareTo(end.Span) < 0);
}
