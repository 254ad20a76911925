using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>Segments: beginning, retiring and recycling them, and taking over what recovery found.</summary>
public sealed partial class WalLog
{
    // Unsynced segments pile up only under policy Os; this bounds what a SyncAsync there may have to do.
    private const int UnsyncedSegmentsMax = 4;

    private void Adopt(WalRecovery recovery)
    {
        IFileSystem files = _options.FileSystem;
        _segments = [.. recovery.Segments];
        _epochMax = recovery.EpochMax;
        _free.AddRange(recovery.Free);
        _damage = recovery.Damage;

        // Each within one sector: torn it is as damaged as before.
        foreach (BatchRepair repair in recovery.Repairs) repair.Segment.File.Write(repair.Offset, repair.Bytes);

        // What was read may sit in the page cache only: whoever acts on it must not lose it to a power loss after a crash
        // of the process. The names too: a segment may have been renamed and not yet synced.
        foreach (SegmentFile segment in _segments)
        {
            if (segment.Number >= recovery.Durable.Segment || recovery.IsMended(segment)) segment.File.Sync();
        }

        RemoveDropped(recovery);
        foreach (string path in recovery.Unusable) files.Delete(path);
        files.SyncDirectory(_options.Directory);

        if (_segments.Length > 0)
        {
            _current = _segments[^1];
            _allocated = _current.File.Length;
            End = DurableEnd = recovery.End;
        }

        // Bytes of this epoch behind the end could be read again once the log grows up to them, so they are left behind:
        // the next segment's header says where this one ends.
        if (_segments.Length == 0 || recovery.MustLeaveSegment || IsOutdated(Current)) BeginSegmentOrWait();
        foreach (BatchRepair repair in recovery.Repairs)
        {
            _options.Events.Emit(new BatchRepaired(repair.Segment.Number, repair.Offset, repair.Bytes.Length));
        }

        if (recovery.TornTailBytes > 0)
        {
            _options.Events.Emit(new CorruptionTruncated(recovery.End.Segment, recovery.End.Offset, recovery.TornTailBytes));
        }
    }

    private bool IsOutdated(SegmentFile segment) => WithRepairBlocks && segment.Header.Version < WalFormat.Version;

    private void RemoveDropped(WalRecovery recovery)
    {
        // Newest first, so that a crash in between leaves no hole; before anything is put in their place.
        for (int i = recovery.Dropped.Count - 1; i >= 0; i--)
        {
            recovery.Dropped[i].Dispose();
            _options.FileSystem.Delete(recovery.Dropped[i].Path);
        }

        if (recovery.Dropped.Count > 0) _options.FileSystem.SyncDirectory(_options.Directory);
    }

    /// <summary>A full disk is no reason not to read what is there: the first append begins the segment.</summary>
    private void BeginSegmentOrWait()
    {
        try
        {
            BeginSegment();
        }
        catch (StorageException e) when (e.IsDiskFull && _segments.Length > 0)
        {
            _mustLeaveSegment = true;
        }
    }

    private void BeginSegment()
    {
        if (_unsynced.Count >= UnsyncedSegmentsMax) Sync();
        ulong number = (_current?.Number ?? 0) + 1;
        ulong epoch = NextEpoch();
        var header = new SegmentHeader(number, epoch, DurableEnd, End.Offset, _current?.Epoch ?? 0);
        string path = Path.Combine(_options.Directory, WalFormat.SegmentName(number));
        IFile file;
        try
        {
            file = CreateSegment(path, header);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            throw;
        }
        catch (Exception e)
        {
            throw Fail(e);
        }

        SegmentFile? left = _current;
        if (left is not null && _isDirty) _unsynced.Add(left);
        _isDirty = false;
        _mustLeaveSegment = false;
        _current = new SegmentFile(header, path, file, WalFormat.FirstBatchOffset);
        Volatile.Write(ref _segments, [.. _segments, _current]);
        End = new WalPosition(number, WalFormat.FirstBatchOffset);
        _announced = DurableEnd;
        _allocated = file.Length;
        CheckInvariants();
        _options.Events.Emit(new SegmentRoll(number, left?.End ?? 0));
    }

    /// <summary>
    /// Header first, name second: a file under a segment's name has its header, both copies, whatever crashes.
    /// </summary>
    private IFile CreateSegment(string path, SegmentHeader header)
    {
        IFileSystem files = _options.FileSystem;
        string temporary = _free.Count > 0
            ? _free[^1]
            : Path.Combine(_options.Directory, WalFormat.FreeName(header.Number));
        using (IFile file = files.Open(temporary, FileOpen.OpenOrCreate))
        {
            byte[] region = new byte[WalFormat.FirstBatchOffset];
            header.WriteBoth(region);
            file.Write(0, region);
            file.Sync();
        }

        files.Rename(temporary, path);
        if (_free.Count > 0) _free.RemoveAt(_free.Count - 1);
        try
        {
            // Before the first append: what is acknowledged must not be in a file whose name is lost.
            files.SyncDirectory(_options.Directory);
            return files.Open(path, FileOpen.ReadWrite);
        }
        catch (Exception e)
        {
            // Also when it says "no space": the name is there, and its header says where the segment before it ends.
            // What was appended to that one from here on would be lost.
            throw Fail(e);
        }
    }

    /// <summary>
    /// Above every epoch that any file here may carry, so that what a recycled file held never passes for new; with a
    /// random half, so that no payload can be made to pass for a header.
    /// </summary>
    private ulong NextEpoch()
    {
        _epochMax = (((_epochMax >> 32) + 1) << 32) | _prng.NextUInt32();
        return _epochMax;
    }

    private void Retire(SegmentFile segment)
    {
        IFileSystem files = _options.FileSystem;
        Invariant.Assert(segment != _current);
        try
        {
            // A short segment (after a crash) is not worth keeping: overwriting it would soon allocate again.
            bool keep = _free.Count < _options.RecycledSegmentsMax && segment.File.Length >= _options.SegmentBytes / 2;
            long bytes = segment.End;
            string free = Path.Combine(_options.Directory, WalFormat.FreeName(segment.Number));
            _unsynced.Remove(segment);
            Volatile.Write(ref _segments, _segments[1..]);
            segment.Dispose();
            keep = keep && TryRename(segment.Path, free);
            if (!keep) files.Delete(segment.Path);

            // Oldest first and each for itself, so that no crash leaves a hole.
            files.SyncDirectory(_options.Directory);
            if (keep) _free.Add(free);
            _options.Events.Emit(new SegmentGc(segment.Number, bytes));
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    /// <summary>False when a directory has no space for the name: then the file is better deleted.</summary>
    private bool TryRename(string source, string target)
    {
        try
        {
            _options.FileSystem.Rename(source, target);
            return true;
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            return false;
        }
    }
}
