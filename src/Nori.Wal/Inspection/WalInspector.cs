using Nori.IO;

namespace Nori.Wal;

/// <summary>Looks at a log without opening it: changes nothing, takes no lock, goes on past damage.</summary>
/// <remarks>On a log in use the end may look torn: a batch may be written while it is read.</remarks>
public sealed class WalInspector
{
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly Action<WalBatchInspection>? _onBatch;
    private readonly Action<WalRecord>? _onRecord;
    private readonly List<WalSegmentInspection> _segments = [];
    private readonly List<WalFinding> _findings = [];
    private readonly List<(WalPosition At, WalFinding Finding, bool IsEnd)> _bad = [];
    private WalPosition _durable;

    private WalInspector(
        IFileSystem files, string directory, Action<WalBatchInspection>? onBatch, Action<WalRecord>? onRecord)
    {
        _files = files;
        _directory = directory;
        _onBatch = onBatch;
        _onRecord = onRecord;
    }

    /// <summary>Reads all of the log in a directory.</summary>
    /// <param name="files">Where it lies.</param>
    /// <param name="directory">The log's directory.</param>
    /// <param name="onBatch">Called for each whole batch, in order.</param>
    /// <param name="onRecord">Called for each record, behind its batch; one that does not expand is a
    /// finding.</param>
    /// <exception cref="StorageException">The directory or a file cannot be read.</exception>
    public static WalInspection Inspect(
        IFileSystem files,
        string directory,
        Action<WalBatchInspection>? onBatch = null,
        Action<WalRecord>? onRecord = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new WalInspector(files, directory, onBatch, onRecord).Run();
    }

    private WalInspection Run()
    {
        var numbers = new List<ulong>();
        int free = 0;
        foreach (string name in _files.List(_directory))
        {
            if (WalFormat.TryParseName(name, ".wal", out ulong number)) numbers.Add(number);
            else if (WalFormat.TryParseName(name, ".free", out _)) free++;
            else if (name != "LOCK") AddForeign(name);
        }

        SegmentHeader?[] headers = [.. numbers.Select(ReadHeader)];
        for (int i = 0; i < numbers.Count; i++)
        {
            if (i > 0) CheckGap(numbers[i - 1], numbers[i]);
            if (headers[i] is not { } header) continue;
            SegmentHeader? next = i + 1 < numbers.Count ? headers[i + 1] : null;
            CheckChain(header, next);
            Walk(header, next);
        }

        Classify();
        return new WalInspection
        {
            Segments = _segments,
            Findings =
            [
                .. _findings.OrderBy(finding => finding.File, StringComparer.Ordinal).ThenBy(finding => finding.Offset),
            ],
            Durable = _durable,
            FreeFiles = free,
        };
    }

    private SegmentHeader? ReadHeader(ulong number)
    {
        string path = PathOf(number);
        using IFile file = _files.Open(path, FileOpen.Read);
        Span<byte> copy = stackalloc byte[WalFormat.SegmentHeaderBytes];
        bool first = SegmentHeader.TryReadCopy(file, 0, copy, out SegmentHeader header, out string found);
        if (!first) Add(WalFindingKind.HeaderCopy, path, 0, "the header of a segment", found);
        bool second = SegmentHeader.TryReadCopy(
            file, WalFormat.HeaderCopyOffset, copy, out SegmentHeader other, out string foundInCopy);
        if (!second)
        {
            Add(WalFindingKind.HeaderCopy, path, WalFormat.HeaderCopyOffset, "the copy of a segment's header", foundInCopy);
        }

        if (!first && !second)
        {
            Add(WalFindingKind.Corruption, path, 0, "the header of a segment", $"{found}; in the copy {foundInCopy}");
            return null;
        }

        if (!first) header = other;
        if (header.Number != number)
        {
            Add(WalFindingKind.Corruption, path, 0, $"segment {number}", $"segment {header.Number}");
            return null;
        }

        if (header.Durable > _durable) _durable = header.Durable;
        return header;
    }

    private void Walk(SegmentHeader header, SegmentHeader? next)
    {
        string path = PathOf(header.Number);
        using IFile file = _files.Open(path, FileOpen.Read);
        using var scanner = new SegmentScanner(file, header.Epoch);
        long limit = next?.PreviousEnd ?? file.Length;
        long at = WalFormat.FirstBatchOffset, used = at, batches = 0, records = 0;
        while (at < limit)
        {
            if (scanner.TryReadBatch(at, limit, out BatchHeader batch, out ReadOnlySpan<byte> body))
            {
                Visit(header, at, batch, body);
                batches++;
                records += batch.Records;
                at += WalFormat.BatchHeaderBytes + batch.BodyBytes;
                used = at;
                continue;
            }

            string expected = scanner.Expected, actual = scanner.Actual;
            bool more = scanner.TryFindHeader(at + WalFormat.Alignment, limit, out long found, out _);
            bool isEnd = !more && next is null && !BatchHeaderAt(file, header.Epoch, at);
            var place = new WalPosition(header.Number, (uint)at);

            // Even a mere end of the log is damage when some header calls a later position durable.
            var finding = new WalFinding(WalFindingKind.TornTail, path, at, expected, actual);
            _bad.Add((place, finding, isEnd));
            if (!more) break;
            at = found;
        }

        _segments.Add(new WalSegmentInspection(
            path, header.Number, header.Epoch, file.Length, used, batches, records, header.Durable));
    }

    private static bool BatchHeaderAt(IFile file, ulong epoch, long at)
    {
        Span<byte> head = stackalloc byte[WalFormat.BatchHeaderBytes];
        return file.TryReadExactly(at, head) && BatchHeader.TryDecode(head, epoch, (uint)at, out _);
    }

    private void Visit(SegmentHeader segment, long at, in BatchHeader batch, ReadOnlySpan<byte> body)
    {
        if (batch.Durable > _durable) _durable = batch.Durable;
        _onBatch?.Invoke(new WalBatchInspection(
            new WalPosition(segment.Number, (uint)at),
            WalFormat.BatchHeaderBytes + batch.BodyBytes,
            batch.Records,
            batch.Flags.HasFlag(BatchFlags.Closed),
            batch.Durable));
        if (_onRecord is null) return;
        int offset = 0;
        for (int i = 0; i < batch.Records; i++)
        {
            if (!RecordHeader.TryDecode(body[offset..], out RecordHeader record)) return;
            long place = at + WalFormat.BatchHeaderBytes + offset;
            ReadOnlySpan<byte> stored = body.Slice(offset + WalFormat.RecordHeaderBytes, record.StoredLength);
            try
            {
                byte[] payload = RecordCodec.Expand(record, stored, PathOf(segment.Number), place).ToArray();
                _onRecord(new WalRecord(new WalPosition(segment.Number, (uint)place), record.Type, payload));
            }
            catch (CorruptionException e)
            {
                Add(WalFindingKind.Corruption, e.File, e.Offset, e.Expected, e.Actual);
            }

            offset += record.TotalBytes;
        }
    }

    private void CheckGap(ulong previous, ulong number)
    {
        for (ulong missing = previous + 1; missing < number && missing < previous + 10; missing++)
        {
            Add(WalFindingKind.MissingSegment, PathOf(missing), 0, $"segment {missing}", "no such file");
        }
    }

    private void CheckChain(SegmentHeader header, SegmentHeader? next)
    {
        if (next is not { } follower || follower.Number != header.Number + 1) return;
        if (follower.PreviousEpoch == header.Epoch) return;
        Add(
            WalFindingKind.Corruption,
            PathOf(follower.Number),
            0,
            $"a segment that follows epoch {header.Epoch:x16}",
            $"one that follows epoch {follower.PreviousEpoch:x16}");
    }

    /// <summary>Now that every header was seen: what is below the greatest durable position is corruption.</summary>
    private void Classify()
    {
        foreach ((WalPosition at, WalFinding finding, bool isEnd) in _bad)
        {
            if (at < _durable) _findings.Add(finding with { Kind = WalFindingKind.Corruption });
            else if (!isEnd) _findings.Add(finding);
        }
    }

    private void AddForeign(string name) => Add(
        WalFindingKind.ForeignFile, Path.Combine(_directory, name), 0, "segments, free files and LOCK", "another file");

    private void Add(WalFindingKind kind, string file, long offset, string expected, string actual) =>
        _findings.Add(new WalFinding(kind, file, offset, expected, actual));

    private string PathOf(ulong number) => Path.Combine(_directory, WalFormat.SegmentName(number));
}
