using Nori.Core;
using Nori.IO;
using Nori.Wal;
using NoriKV.Types;

namespace NoriKV.Node.Log;

/// <summary>Forgetting entries, moving laggards forward and deleting segments, oldest first.</summary>
public sealed partial class SharedLog
{
    // A rewrite batch is written when it has grown to this.
    private const int RewriteBatchBytes = 1 << 20;

    /// <summary>
    /// Deletes the oldest segments that nothing needs: truncates what their groups have released and the engine has
    /// flushed, moves forward the little that remains, syncs, then deletes.
    /// </summary>
    /// <param name="unflushedWatermark">
    /// The smallest watermark in any memtable not yet flushed; <see cref="ulong.MaxValue"/> when there is none.
    /// </param>
    /// <param name="releasable">Up to which index a group needs its entries no longer, once they are flushed:
    /// applied, and
    /// sent to every peer that will still ask.</param>
    /// <param name="segmentsMax">The most segments one call deletes, which bounds how long it takes.</param>
    /// <exception cref="CorruptionException">An entry that had to move is damaged; its segment stays.</exception>
    /// <exception cref="StorageException">The disk is full; nothing was lost.</exception>
    /// <exception cref="WalFailedException">The log failed.</exception>
    public GarbageReport CollectGarbage(
        ulong unflushedWatermark, Func<ShardId, LogIndex> releasable, int segmentsMax = 4)
    {
        ArgumentNullException.ThrowIfNull(releasable);
        var report = default(GarbageReport);
        while (report.SegmentsDeleted < segmentsMax && _log.Segments is [var oldest, _, ..])
        {
            long before = _usage.Entries;
            Release(oldest.Number, unflushedWatermark, releasable);
            report = report with { EntriesTruncated = report.EntriesTruncated + before - _usage.Entries };
            (long entries, long bytes) = _usage.Of(oldest.Number);
            if (bytes > _options.RewriteFractionMax * _options.SegmentBytes) return Pinned(report, oldest.Number, releasable);
            if (entries > 0) MoveForward(oldest.Number);
            Delete(oldest.Number);
            report = report with
            {
                SegmentsDeleted = report.SegmentsDeleted + 1,
                EntriesRewritten = report.EntriesRewritten + entries,
            };
        }

        return report;
    }

    /// <summary>Truncates what may go, in the groups that have something in the segment.</summary>
    private void Release(ulong segment, ulong unflushedWatermark, Func<ShardId, LogIndex> releasable)
    {
        _garbageBatch.Clear();
        foreach (LogGroup group in _groups.Values.OrderBy(group => group.Shard))
        {
            if (group.EntryCount == 0) continue;
            ulong limit = releasable(group.Shard).Value;
            ulong last = 0;
            Term term = default;
            bool touches = false;
            for (ulong i = group.FirstIndex; i <= limit && group.TryGet(i, out EntryRef entry); i++)
            {
                // An unflushed entry's watermark is at or below its place, so a place below all of those is flushed.
                if (Pack(entry.Position) >= unflushedWatermark) break;
                (last, term) = (i, entry.Term);
                touches |= entry.Segment == segment;
            }

            if (touches) _garbageBatch.TruncatePrefix(group.Shard, group.Replica, new LogIndex(last), term);
        }

        Write(_garbageBatch);
    }

    /// <summary>Writes the segment's live entries again at the end; the index follows them.</summary>
    private void MoveForward(ulong segment)
    {
        _garbageBatch.Clear();
        foreach (LogGroup group in _groups.Values.OrderBy(group => group.Shard))
        {
            for (ulong i = group.FirstIndex; i <= group.LastIndex; i++)
            {
                if (!group.TryGet(i, out EntryRef at) || at.Segment != segment) continue;
                LogEntry entry = ReadEntry(group, i, at);
                _garbageBatch.AddEntry(
                    LogRecordKind.Rewrite,
                    LogRecord.CopyFlag,
                    group.Shard,
                    group.Replica,
                    entry.Index,
                    entry.Term,
                    entry.Envelope.Span);
                if (_garbageBatch.Bytes < RewriteBatchBytes) continue;
                Write(_garbageBatch);
                _garbageBatch.Clear();
            }
        }

        Write(_garbageBatch);
        Invariant.Assert(_usage.Of(segment).Entries == 0);
    }

    private void Delete(ulong segment)
    {
        WriteStates();
        CheckNothingLivesIn(segment);

        // Sync before delete: the copies must be durable before the originals go.
        Sync();
        lock (_index) _log.DeleteSegmentsBefore(new WalPosition(segment + 1, 0));
        _usage.Forget(segment);
    }

    private void CheckNothingLivesIn(ulong segment)
    {
        Invariant.Assert(_stateSegment > segment);
        Invariant.Assert(_usage.Of(segment).Entries == 0);
        foreach (LogGroup group in _groups.Values)
        {
            bool hardState = group.HardState is null || group.HardStatePosition.Segment > segment;
            bool prefix = group.PrefixIndex == 0 || group.PrefixPosition.Segment > segment;
            bool clean = !group.IsClean || group.CleanPosition.Segment > segment;
            Invariant.Assert(hardState);
            Invariant.Assert(prefix);
            Invariant.Assert(clean);
        }
    }

    private GarbageReport Pinned(in GarbageReport report, ulong segment, Func<ShardId, LogIndex> releasable)
    {
        long byFlush = 0, byGroup = 0;
        foreach (LogGroup group in _groups.Values)
        {
            ulong limit = group.EntryCount == 0 ? 0 : releasable(group.Shard).Value;
            for (ulong i = group.FirstIndex; i <= group.LastIndex; i++)
            {
                if (!group.TryGet(i, out EntryRef at) || at.Segment != segment) continue;
                if (i <= limit) byFlush++;
                else byGroup++;
            }
        }

        return report with { PinnedByUnflushed = byFlush, PinnedByGroups = byGroup };
    }
}
