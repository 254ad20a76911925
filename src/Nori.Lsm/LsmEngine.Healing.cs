using System.Collections.Concurrent;
using Nori.IO;
using Nori.Lsm.Compaction;
using Nori.Lsm.Events;
using Nori.Lsm.Healing;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm;

/// <summary>
/// Tables that cannot be read whole (<see cref="LsmDamageAction.SetApart"/>): noted once, kept out of compactions, and dropped
/// when their owner has what was in them from elsewhere.
/// </summary>
public sealed partial class LsmEngine
{
    private readonly ConcurrentDictionary<ulong, LsmDamagedTable> _damaged = new();

    /// <summary>The tables that are set apart, by number.</summary>
    public IReadOnlyList<LsmDamagedTable> DamagedTables => [.. _damaged.Values.OrderBy(static t => t.Number)];

    private bool SetsApart => _options.OnDamage == LsmDamageAction.SetApart;

    /// <summary>
    /// Damage was met while reading: the table that the exception names is set apart. Does nothing for other files, for a table
    /// that is gone or known, and where damage throws.
    /// </summary>
    /// <returns>True when the exception names a table of the engine.</returns>
    public bool NoteDamage(CorruptionException damage)
    {
        ArgumentNullException.ThrowIfNull(damage);
        return NoteDamage(damage.File, damage.Offset, $"expected {damage.Expected}, found {damage.Actual}", isReadable: true);
    }

    /// <summary>
    /// Reads everything that a damaged table holds in [start, end), from the disk: null when all of it is sound. What can be
    /// read nowhere (its index, its range deletes) damages every range.
    /// </summary>
    /// <exception cref="StorageException">The file cannot be read for another reason.</exception>
    public CorruptionException? FindDamage(ulong table, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        if (!_damaged.TryGetValue(table, out LsmDamagedTable? damaged)) return null;
        TableFile? file = AcquireTable(table, out _);
        if (file is null) return null;
        try
        {
            if (!MayHold(file.Meta, start, end)) return null;
            if (!damaged.IsReadable)
                return new CorruptionException(damaged.File, damaged.Offset, "a table that can be read", damaged.Description);
            using TableReader reader = _store.OpenApart(file.Meta);
            _ = reader.RangeDeletes;
            using TableIterator entries = reader.NewIterator(TableReadOptions.Compaction);
            entries.Seek(start);
            while (entries.Valid && entries.UserKey.SequenceCompareTo(end) < 0) entries.Next();
            return null;
        }
        catch (CorruptionException e)
        {
            return e;
        }
        finally
        {
            file.Release();
        }
    }

    /// <summary>
    /// Replaces a damaged table by one that has all of it but the ranges given up, by one manifest edit: durable when it
    /// returns. What the ranges held must be known from elsewhere, or not needed.
    /// </summary>
    /// <param name="table">Its number.</param>
    /// <param name="lost">Ranges [start, end), rising and disjoint.</param>
    /// <returns>False: it is part of work under way, or there is damage outside of the ranges. Ask again.</returns>
    /// <exception cref="LsmDiskFullException">There is no space; nothing changed.</exception>
    /// <exception cref="LsmFailedException">The engine stopped writing.</exception>
    public bool DropDamage(ulong table, IReadOnlyList<(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)> lost)
    {
        ArgumentNullException.ThrowIfNull(lost);
        ThrowIfRefusing();
        if (!_damaged.TryGetValue(table, out LsmDamagedTable? damaged)) return true;
        TableFile? file = AcquireTable(table, out int level);
        if (file is null)
        {
            _damaged.TryRemove(table, out _);
            return true;
        }

        try
        {
            // As a whole it is lost: nothing of it can be kept.
            TableMeta? kept = damaged.IsReadable
                ? Salvage.Write(_options, _store, file.Meta, level, NextTableNumber(), lost)
                : null;
            if (!Exchange(file, level, kept)) return false;
            _damaged.TryRemove(table, out _);
            _options.Events.Emit(new DamageDropped((long)table, kept?.Entries ?? 0));
        }
        catch (CorruptionException)
        {
            return false;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            NoteDiskFull(e);
            throw DiskFull(e);
        }
        finally
        {
            file.Release();
        }

        _store.DeleteObsolete();
        _loop?.WakeCompaction();
        return true;
    }

    private bool Exchange(TableFile file, int level, TableMeta? kept)
    {
        lock (_manifestLock)
        {
            bool isBusy = _lanes.Any(lane => lane.Pick is { } pick && (pick.Inputs.Contains(file) || pick.Overlapped.Contains(file)));
            if (isBusy || !_version.Levels[level].Contains(file))
            {
                if (kept is not null) _store.Enqueue(kept.Number);
                return false;
            }

            var edit = new VersionEdit();
            edit.Removed.Add((level, file.Number));
            if (kept is not null) edit.Added.Add((level, kept));
            Install(edit, null);
            return true;
        }
    }

    private bool NoteDamage(string path, long offset, string description, bool isReadable)
    {
        if (!SetsApart || !FileNames.TryParseTable(Path.GetFileName(path), out ulong number)) return false;
        TableFile? file = AcquireTable(number, out _);
        if (file is null) return false;
        var damaged = new LsmDamagedTable(
            number, path, offset, description, file.Meta.Smallest, file.Meta.Largest, isReadable);
        file.Release();
        if (!_damaged.TryAdd(number, damaged)) return true;
        _options.Events.Emit(new TableSetApart((long)number, path, offset));
        _options.Owner?.OnTableDamaged(number);
        return true;
    }

    /// <summary>
    /// While opening, before anybody reads: a table that cannot be opened, or whose range deletes cannot be read, deletes nothing
    /// any more. So every key in its bounds is in doubt, and its owner must know before the first read.
    /// </summary>
    private void CheckOpens(TableFile file)
    {
        try
        {
            file.CheckOpens();
            if (SetsApart) file.RangeTombstones();
        }
        catch (CorruptionException e) when (SetsApart)
        {
            file.GiveUpRangeTombstones();
            NoteDamage(file.Path, e.Offset, $"expected {e.Expected}, found {e.Actual}", isReadable: false);
        }
    }

    /// <summary>A compaction met damage: its table is set apart, and the next one goes around it.</summary>
    private bool MayGoAround(Exception e) => e is CorruptionException damage && NoteDamage(damage);

    private void NoteFindings(LsmScrubber scrubber)
    {
        if (!SetsApart) return;
        foreach (LsmScrubFinding finding in scrubber.TakeNewDamage())
            NoteDamage(finding.File, finding.Offset, finding.Description, isReadable: true);
    }

    /// <summary>As picks of their own: what would read them, or put tables where they lie, waits.</summary>
    private List<CompactionPick> SetApart()
    {
        if (_damaged.IsEmpty) return [];
        var apart = new List<CompactionPick>();
        for (int level = 0; level < _version.Levels.Length; level++)
        {
            foreach (TableFile file in _version.Levels[level])
            {
                if (!_damaged.ContainsKey(file.Number)) continue;
                apart.Add(new CompactionPick
                {
                    Level = level, OutputLevel = level, Inputs = [file], Overlapped = [], Grandparents = [],
                });
            }
        }

        return apart;
    }

    private static bool MayHold(TableMeta meta, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) =>
        !meta.EndsBefore(start) && meta.Smallest.AsSpan().SequenceCompareTo(end) < 0;

    private TableFile? AcquireTable(ulong number, out int level)
    {
        LsmVersion version = AcquireVersion();
        try
        {
            for (level = 0; level < version.Levels.Length; level++)
            {
                TableFile? file = Array.Find(version.Levels[level], f => f.Number == number);
                if (file is null) continue;
                file.Acquire();
                return file;
            }

            return null;
        }
        finally
        {
            version.Release();
        }
    }
}
