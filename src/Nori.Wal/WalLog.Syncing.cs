using Nori.IO;

namespace Nori.Wal;

/// <summary>Making it durable, and saying so in the log.</summary>
public sealed partial class WalLog
{
    /// <summary>Makes everything appended durable: one fdatasync, more only right after a roll.</summary>
    /// <exception cref="WalFailedException">It failed; it is never tried again.</exception>
    public void Sync()
    {
        ThrowIfUnusable();
        if (!HasUnsynced) return;
        SyncFiles();
        DurableEnd = End;
        HasUnsynced = false;
    }

    /// <summary>
    /// Notes in the log, unsynced, how far it is durable, if no batch says so yet: from then on damage in the last synced
    /// batch is told from a torn tail. For idle moments; costs a write of 48 bytes, 632 with repair blocks.
    /// </summary>
    public void WriteDurableMark()
    {
        ThrowIfUnusable();
        if (DurableEnd <= _announced || WouldRoll(WalFormat.BatchHeaderBytes)) return;
        WriteMark(BatchFlags.Mark);
    }

    /// <summary>
    /// Syncs although there may be nothing to sync, behind a mark: tells an owner that was idle whether the disk
    /// still answers.
    /// </summary>
    /// <exception cref="WalFailedException">It failed; it is never tried again.</exception>
    public void ProbeSync()
    {
        ThrowIfUnusable();
        try
        {
            if (!WouldRoll(WalFormat.BatchHeaderBytes)) WriteMark(BatchFlags.Mark);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // A full disk answers; there is nothing that must be written.
        }

        SyncFiles();
        DurableEnd = End;
        HasUnsynced = false;
    }

    private void SyncFiles()
    {
        long started = _options.Time.GetTimestamp();
        try
        {
            foreach (SegmentFile segment in _unsynced) segment.File.Sync();
            Current.File.Sync();
        }
        catch (Exception e)
        {
            throw Fail(e);
        }

        _unsynced.Clear();
        _isDirty = false;
        TimeSpan elapsed = _options.Time.GetElapsedTime(started);
        _syncSeconds.Record(elapsed.TotalSeconds);
        _options.Events.Emit(new Fsync(Current.Number, elapsed.TotalMilliseconds));
    }

    private void WriteMark(BatchFlags flags)
    {
        Span<byte> mark = stackalloc byte[WalFormat.BatchHeaderBytes + RepairBlock.Bytes];
        if (WithRepairBlocks) flags |= BatchFlags.Repair;
        var header = new BatchHeader(Current.Epoch, End.Offset, 0, 0, flags, DurableEnd);
        mark = mark[..header.TotalBytes];
        header.Encode(mark);
        // Also a mark is followed by batches: who cannot read it must still find them.
        if (WithRepairBlocks) RepairBlock.Write(mark, header);
        Write(Current, mark);
        _announced = DurableEnd;
        Advance(mark.Length);
    }

    private void CloseMark()
    {
        if (_mustLeaveSegment) return;
        try
        {
            WriteMark(BatchFlags.Mark | BatchFlags.Closed);
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            // The records are durable; the next opening reads them as after a crash.
            return;
        }

        SyncFiles();
    }
}
