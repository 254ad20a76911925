using Nori.IO;

namespace Nori.Wal;

/// <summary>
/// Looks at a log without opening it: changes nothing, takes no lock, goes on past damage; at once, or in steps.
/// </summary>
/// <remarks>
/// One owner. On a log in use the end may look torn, because a batch may be written while it is read, and segments may be
/// deleted or used again under it: there ask for what is at rest only.
/// </remarks>
public sealed class WalInspector : IDisposable
{
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly Action<WalBatchInspection>? _onBatch;
    private readonly Action<WalRecord>? _onRecord;
    private readonly List<WalSegmentInspection> _segments = [];
    private readonly List<WalFinding> _findings = [];
    private readonly List<(WalPosition At, WalFinding Finding, bool IsEnd)> _bad = [];
    private readonly List<ulong> _numbers = [];
    private readonly bool _atRest;
    private readonly Dictionary<ulong, long> _lengths = [];
    private SegmentHeader?[] _headers = [];
    private SegmentWalk? _walk;
    private WalPosition _durable;
    private int _next;
    private int _freeFiles;

    private WalInspector(
        IFileSystem files, string directory, bool atRest, WalPosition durable, Action<WalBatchInspection>? onBatch,
        Action<WalRecord>? onRecord)
    {
        _durable = durable;
        _files = files;
        _directory = directory;
        _atRest = atRest;
        _onBatch = onBatch;
        _onRecord = onRecord;
        Prepare();
    }

    /// <summary>Bytes of the segments to be read.</summary>
    public long BytesTotal { get; private set; }

    /// <summary>Bytes of them read so far.</summary>
    public long BytesChecked { get; private set; }

    /// <summary>Segments to be read.</summary>
    public int Segments => _atRest ? Math.Max(0, _numbers.Count - 1) : _numbers.Count;

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
        using var inspector = new WalInspector(files, directory, atRest: false, WalPosition.Start, onBatch, onRecord);
        while (inspector.RunOnce(long.MaxValue)) continue;
        return inspector.Finish();
    }

    /// <summary>Begins to read the log in steps.</summary>
    /// <param name="files">Where it lies.</param>
    /// <param name="directory">The log's directory.</param>
    /// <param name="atRest">
    /// True for a log in use: its last segment, which grows, is left out, and what is deleted meanwhile is no damage.
    /// </param>
    /// <param name="durable">How far the log was durable at least, as in <see cref="WalOptions.DurableAtLeast"/>.</param>
    /// <exception cref="StorageException">The directory or a file cannot be read.</exception>
    public static WalInspector Begin(IFileSystem files, string directory, bool atRest, WalPosition durable = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new WalInspector(files, directory, atRest, durable, null, null);
    }

    /// <summary>Reads about that many more bytes, at least one batch; false when all was read.</summary>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    public bool RunOnce(long bytes)
    {
        long until = BytesChecked > long.MaxValue - bytes ? long.MaxValue : BytesChecked + bytes;
        do
        {
            if (_walk is null && !BeginSegment()) return false;
            if (_walk is null) continue;
            long before = _walk.At;
            bool more = Step(_walk);
            BytesChecked += _walk.At - before;
            if (!more) EndSegment();
        }
        while (BytesChecked < until);
        return true;
    }

    /// <summary>What was found. Once, behind the last step.</summary>
    public WalInspection Finish()
    {
        Classify();
        return new WalInspection
        {
            Segments = _segments,
            Findings =
            [
                .. _findings.Where(IsStillThere)
                    .OrderBy(finding => finding.File, StringComparer.Ordinal).ThenBy(finding => finding.Offset),
            ],
            Durable = _durable,
            FreeFiles = _freeFiles,
        };
    }

    /// <summary>Closes the file being read. Idempotent.</summary>
    public void Dispose()
    {
        _walk?.Dispose();
        _walk = null;
    }

    private void Prepare()
    {
        foreach (string name in _files.List(_directory))
        {
            if (WalFormat.TryParseName(name, ".wal", out ulong number)) _numbers.Add(number);
            else if (WalFormat.TryParseName(name, ".free", out _)) _freeFiles++;
            else if (name != "LOCK") AddForeign(name);
        }

        if (_numbers.Count == 0 && _durable > WalPosition.Start)
            Add(WalFindingKind.MissingSegment, PathOf(_durable.Segment), 0, $"segment {_durable.Segment}", "no such file");
        _headers = [.. _numbers.Select(ReadHeader)];
        for (int i = 1; i < _numbers.Count; i++) CheckGap(_numbers[i - 1], _numbers[i]);
        for (int i = 0; i < Segments; i++)
        {
            SegmentHeader? next = i + 1 < _numbers.Count ? _headers[i + 1] : null;
            if (_headers[i] is not null) BytesTotal += next?.PreviousEnd ?? _lengths[_numbers[i]];
        }
    }

    /// <summary>Opens the next segment to read, or skips one without a header; false when there is none.</summary>
    private bool BeginSegment()
    {
        if (_next >= Segments) return false;
        int i = _next++;
        if (_headers[i] is not { } header) return true;
        SegmentHeader? next = i + 1 < _numbers.Count ? _headers[i + 1] : null;
        CheckChain(header, next);
        IFile? file = OpenSegment(header.Number);
        if (file is not null) _walk = new SegmentWalk(file, header, next);
        return true;
    }

    private void EndSegment()
    {
        SegmentWalk walk = _walk!;
        BytesChecked += Math.Max(0, walk.Limit - walk.At) + WalFormat.FirstBatchOffset;
        _segments.Add(new WalSegmentInspection(
            walk.File.Path, walk.Header.Number, walk.Header.Epoch, walk.File.Length, walk.Used, walk.Batches, walk.Records,
            walk.Header.Durable));
        walk.Dispose();
        _walk = null;
    }

    /// <summary>Null: at rest is what is there; the log deleted it since it was listed.</summary>
    private IFile? OpenSegment(ulong number)
    {
        string path = PathOf(number);
        try
        {
            return _files.Open(path, FileOpen.Read);
        }
        catch (StorageException) when (_atRest && !_files.FileExists(path))
        {
            return null;
        }
    }

    /// <summary>
    /// At rest: a file that is gone was deleted and perhaps used again while it was read, oldest first. What still has its
    /// name now had it all the time, for numbers are not used twice.
    /// </summary>
    private bool IsStillThere(WalFinding finding)
    {
        if (!_atRest) return true;
        if (finding.Kind != WalFindingKind.MissingSegment) return _files.FileExists(finding.File);
        return _numbers.Exists(n => string.CompareOrdinal(PathOf(n), finding.File) < 0 && _files.FileExists(PathOf(n)));
    }

    private SegmentHeader? ReadHeader(ulong number)
    {
        string path = PathOf(number);
        using IFile? file = OpenSegment(number);
        if (file is null) return null;
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
        _lengths[number] = file.Length;
        return header;
    }

    /// <summary>One batch, or one stretch of damage; false at the segment's end.</summary>
    private bool Step(SegmentWalk walk)
    {
        var place = new WalPosition(walk.Header.Number, (uint)walk.At);
        if (walk.At >= walk.Limit)
        {
            if (walk.IsLast) NoteBad(walk, place, "a batch header", "the end of the file", isEnd: true);
            return false;
        }

        if (walk.Scanner.TryReadBatch(walk.At, walk.Limit, out BatchHeader batch, out ReadOnlySpan<byte> body))
        {
            Visit(walk.Header, walk.At, batch, body);
            if (walk.Scanner.Mended is { } mended)
            {
                string bytes = $"{mended.Bytes.Length} bytes from {mended.Offset}";
                Add(WalFindingKind.Repairable, walk.File.Path, walk.At, "the bytes that were written", $"{bytes} are not");
            }

            walk.Batches++;
            walk.Records += batch.Records;
            walk.At += batch.TotalBytes;
            walk.Used = walk.At;
            return true;
        }

        string expected = walk.Scanner.Expected, actual = walk.Scanner.Actual;
        bool more = walk.Scanner.TryFindHeader(walk.At + WalFormat.Alignment, walk.Limit, out long found, out _);
        bool isEnd = !more && walk.IsLast && !BatchHeaderAt(walk.File, walk.Header.Epoch, walk.At);
        NoteBad(walk, place, expected, actual, isEnd);
        if (more) walk.At = found;
        return more;
    }

    /// <summary>Even a mere end of the log is damage when some header calls a later position durable.</summary>
    private void NoteBad(SegmentWalk walk, WalPosition place, string expected, string actual, bool isEnd) =>
        _bad.Add((place, new WalFinding(WalFindingKind.TornTail, walk.File.Path, walk.At, expected, actual), isEnd));

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
            batch.TotalBytes,
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
