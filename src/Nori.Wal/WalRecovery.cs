using Nori.Core;
using Nori.IO;

namespace Nori.Wal;

/// <summary>
/// Finds what a directory's segments hold: the pass behind <see cref="WalLog.Open"/> and the inspector.
/// </summary>
/// <remarks>
/// The first bad batch ends the log when it lies at or above every position that any header, or the owner, calls durable: a torn
/// tail,
/// whatever follows. Below such a position it is corruption. To know all those positions, the pass looks past the
/// damage
/// for every header of the segment's epoch, once.
/// </remarks>
internal sealed class WalRecovery(WalOptions options, IWalReplay? replay)
{
    private readonly List<WalDamage> _damage = [];
    private readonly List<BatchRepair> _repairs = [];
    private bool _lookedAhead;
    private long _foundAheadBytes;
    private bool _closed;

    public List<SegmentFile> Segments { get; } = [];

    /// <summary>Segments behind a tear: none of their bytes may come back.</summary>
    public List<SegmentFile> Dropped { get; } = [];

    /// <summary>Paths of files that can be recycled.</summary>
    public List<string> Free { get; } = [];

    /// <summary>Free files that cannot be trusted with an epoch, or are too many.</summary>
    public List<string> Unusable { get; } = [];

    public List<string> Ignored { get; } = [];

    public ulong EpochMax { get; private set; }

    public WalPosition Durable { get; private set; } = options.DurableAtLeast;

    public WalPosition End { get; private set; }

    public long Batches { get; private set; }

    public long Records { get; private set; }

    public long Bytes { get; private set; }

    public long TornTailBytes { get; private set; }

    public bool CleanShutdown => _closed && TornTailBytes == 0 && _damage.Count == 0;

    /// <summary>True when bytes of this log lie behind its end: it must go on in another segment.</summary>
    public bool MustLeaveSegment { get; private set; }

    public IReadOnlyList<WalDamage> Damage => _damage;

    /// <summary>What the batches' repair blocks put right, to be written and synced before anything is acted on.</summary>
    public IReadOnlyList<BatchRepair> Repairs => _repairs;

    public bool IsMended(SegmentFile segment) => _repairs.Exists(repair => repair.Segment == segment);

    /// <summary>Opens the files and walks them. On an exception the caller disposes what is in the lists.</summary>
    public void Run()
    {
        OpenFiles();
        for (int i = 0; i < Segments.Count; i++)
        {
            if (!WalkSegment(i)) break;
        }
    }

    private void OpenFiles()
    {
        IFileSystem files = options.FileSystem;
        foreach (string name in files.List(options.Directory))
        {
            string path = Path.Combine(options.Directory, name);
            if (WalFormat.TryParseName(name, ".wal", out ulong number)) OpenSegment(path, number);
            else if (WalFormat.TryParseName(name, ".free", out _)) AddFree(path);
            else if (name != "LOCK") Ignored.Add(name);
        }

        if (Segments.Count == 0 && Durable > WalPosition.Start)
            throw new CorruptionException(options.Directory, 0, $"a log that was durable up to {Durable}", "no segment");
        foreach (SegmentFile segment in Segments)
        {
            EpochMax = Math.Max(EpochMax, segment.Epoch);
            if (segment.Header.Durable > Durable) Durable = segment.Header.Durable;
        }
    }

    private void OpenSegment(string path, ulong number)
    {
        if (Segments.Count > 0 && Segments[^1].Number + 1 != number)
        {
            ulong missing = Segments[^1].Number + 1;
            throw new CorruptionException(
                Path.Combine(options.Directory, WalFormat.SegmentName(missing)),
                0,
                $"segment {missing}, because segment {number} is there",
                "no such file");
        }

        IFile file = options.FileSystem.Open(path, FileOpen.ReadWrite);
        try
        {
            if (!SegmentHeader.TryRead(file, out SegmentHeader header, out string found))
            {
                throw new CorruptionException(path, 0, "the header of a segment", found);
            }

            if (header.Number != number)
            {
                throw new CorruptionException(path, 0, $"segment {number}", $"segment {header.Number}");
            }

            CheckChain(path, header);
            Segments.Add(new SegmentFile(header, path, file, WalFormat.FirstBatchOffset));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void CheckChain(string path, SegmentHeader header)
    {
        if (Segments.Count == 0) return;
        SegmentFile previous = Segments[^1];
        if (header.PreviousEpoch == previous.Epoch
            && header.PreviousEnd >= WalFormat.FirstBatchOffset
            && header.PreviousEnd % WalFormat.Alignment == 0)
        {
            return;
        }

        throw new CorruptionException(
            path,
            0,
            $"a segment that follows epoch {previous.Epoch:x16}",
            $"one that follows epoch {header.PreviousEpoch:x16} to offset {header.PreviousEnd}");
    }

    private void AddFree(string path)
    {
        using IFile file = options.FileSystem.Open(path, FileOpen.Read);
        bool known = SegmentHeader.TryRead(file, out SegmentHeader header, out _);

        // Its records carry epochs up to its header's. Without a header they could be of any epoch, so it is not reused.
        if (known) EpochMax = Math.Max(EpochMax, header.Epoch);
        if (known && Free.Count < options.RecycledSegmentsMax) Free.Add(path);
        else Unusable.Add(path);
    }

    /// <summary>Walks one segment; false when the log ends in it although others follow.</summary>
    private bool WalkSegment(int index)
    {
        SegmentFile segment = Segments[index];
        SegmentFile? next = index + 1 < Segments.Count ? Segments[index + 1] : null;
        long limit = LimitOf(index);
        long at = WalFormat.FirstBatchOffset;
        using var scanner = new SegmentScanner(segment.File, segment.Epoch);
        while (next is null || at < limit)
        {
            if (scanner.TryReadBatch(at, limit, out BatchHeader header, out ReadOnlySpan<byte> body))
            {
                if (scanner.Mended is { } mended) _repairs.Add(new BatchRepair(segment, mended.Offset, mended.Bytes));
                Take(segment, at, header, body);
                at += header.TotalBytes;
                continue;
            }

            string expected = scanner.Expected, actual = scanner.Actual;
            LookAhead(index, at, scanner);
            var bad = new WalPosition(segment.Number, (uint)at);
            if (bad >= Durable)
            {
                EndLog(index, at);
                return false;
            }

            if (options.OnCorruption == CorruptionAction.Throw)
            {
                throw new CorruptionException(segment.Path, at, $"{expected}: the log was durable up to {Durable}", actual);
            }

            at = SkipDamage(segment, at, limit, next is null, scanner, expected, actual, out bool ended);
            if (ended) break;
        }

        segment.End = at;
        End = new WalPosition(segment.Number, (uint)at);
        return true;
    }

    private long LimitOf(int index) =>
        index + 1 < Segments.Count ? Segments[index + 1].Header.PreviousEnd : Segments[index].File.Length;

    private void Take(SegmentFile segment, long at, in BatchHeader header, ReadOnlySpan<byte> body)
    {
        if (header.Durable > Durable) Durable = header.Durable;
        Batches++;
        Bytes += header.TotalBytes;
        _closed = header.Flags.HasFlag(BatchFlags.Closed);
        int offset = 0;
        for (int i = 0; i < header.Records; i++)
        {
            bool ok = RecordHeader.TryDecode(body[offset..], out RecordHeader record);
            Invariant.Assert(ok);
            if (replay is not null)
            {
                long place = at + WalFormat.BatchHeaderBytes + offset;
                ReadOnlySpan<byte> stored = body.Slice(offset + WalFormat.RecordHeaderBytes, record.StoredLength);
                replay.OnRecord(
                    new WalPosition(segment.Number, (uint)place),
                    record.Type,
                    record.StoredLength,
                    RecordCodec.Expand(record, stored, segment.Path, place));
            }

            offset += record.TotalBytes;
            Records++;
        }
    }

    /// <summary>
    /// Learns every durable position that a header behind the damage tells; once is enough for all.
    /// </summary>
    private void LookAhead(int index, long at, SegmentScanner scanner)
    {
        if (_lookedAhead) return;
        _lookedAhead = true;
        _foundAheadBytes = FindDurable(scanner, at, LimitOf(index), at);
        for (int i = index + 1; i < Segments.Count; i++)
        {
            using var later = new SegmentScanner(Segments[i].File, Segments[i].Epoch);
            _foundAheadBytes += WalFormat.FirstBatchOffset;
            _foundAheadBytes += FindDurable(later, WalFormat.FirstBatchOffset, LimitOf(i), WalFormat.FirstBatchOffset);
        }
    }

    private long FindDurable(SegmentScanner scanner, long from, long limit, long origin)
    {
        long extent = origin;
        while (scanner.TryFindHeader(from, limit, out long at, out BatchHeader header, trailersToo: true))
        {
            if (header.Durable > Durable) Durable = header.Durable;
            bool isTrailer = header.Offset != (uint)at;
            long end = at + (isTrailer ? RepairBlock.TrailerBytes : header.TotalBytes);
            extent = Math.Max(extent, Math.Min(end, limit));

            // A whole header vouches for its length; a batch that runs over the limit was cut, so look inside it too.
            from = end <= limit ? end : at + WalFormat.Alignment;
        }

        return extent - origin;
    }

    private void EndLog(int index, long at)
    {
        SegmentFile segment = Segments[index];
        segment.End = at;
        End = new WalPosition(segment.Number, (uint)at);
        TornTailBytes = _foundAheadBytes;
        MustLeaveSegment = _foundAheadBytes > 0;
        Dropped.AddRange(Segments[(index + 1)..]);
        Segments.RemoveRange(index + 1, Segments.Count - index - 1);
    }

    private long SkipDamage(
        SegmentFile segment,
        long at,
        long limit,
        bool isLast,
        SegmentScanner scanner,
        string expected,
        string actual,
        out bool ended)
    {
        long from = at + WalFormat.Alignment;
        long resume = limit;
        while (scanner.TryFindHeader(from, limit, out long candidate, out _))
        {
            if (scanner.TryReadBatch(candidate, limit, out _, out _))
            {
                resume = candidate;
                break;
            }

            from = candidate + WalFormat.Alignment;
        }

        ended = resume == limit;
        if (ended && isLast)
        {
            // Nothing whole follows. Keep the stretch that was durable, so that the next opening reports it as well.
            resume = Durable.Segment == segment.Number ? Math.Max(at, Durable.Offset) : at;
            MustLeaveSegment = true;
        }

        var damage = new WalDamage(
            segment.Path,
            new WalPosition(segment.Number, (uint)at),
            new WalPosition(segment.Number, (uint)resume),
            expected,
            actual);
        _damage.Add(damage);
        replay?.OnDamage(damage);
        return resume;
    }
}
