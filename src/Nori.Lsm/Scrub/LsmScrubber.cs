using Nori.IO;
using Nori.Lsm.Events;
using Nori.Lsm.Scrub;
using Nori.Wal;

namespace Nori.Lsm;

/// <summary>
/// Reads a whole directory from the disk, past every cache, and checks it: CURRENT and the manifest and that tables and
/// manifest agree, every table by <see cref="Nori.SSTable.TableVerifier"/>, and the log at rest. In steps, at a bounded rate,
/// resumable; repairs nothing.
/// </summary>
/// <remarks>
/// One owner. An engine makes one of itself by <see cref="LsmEngine.NewScrubber"/>, which holds only the table it reads;
/// tables written after it began are the next scrub's.
/// </remarks>
public sealed class LsmScrubber : IDisposable
{
    private readonly ScrubSource _source;
    private readonly LsmScrubOptions _options;
    private readonly RateLimiter _limiter;
    private readonly List<LsmScrubFinding> _findings = [];
    private readonly int _files;
    private readonly long _bytesTotal;
    private Phase _phase;
    private TableScrub? _table;
    private WalInspector? _log;
    private LsmScrubPosition _position;
    private long _bytesDone;
    private int _tables;
    private int _segments;
    private int _announced;
    private int _taken;

    private enum Phase
    {
        Manifest,
        Tables,
        Log,
        Done,
    }

    internal LsmScrubber(ScrubSource source, LsmScrubOptions options)
    {
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        _source = source;
        _options = options;
        _position = options.From;
        _limiter = new RateLimiter(options.BytesPerSecond, options.Time);
        (int tables, long bytes) = source.Extent(_position.TablesThrough);
        _files = tables;
        _bytesTotal = bytes;
        if (source.LogDirectory is null || !source.Files.DirectoryExists(source.LogDirectory)) return;
        try
        {
            _log = WalInspector.Begin(source.Files, source.LogDirectory, source.IsLive, source.LogDurable);
            _files += _log.Segments;
            _bytesTotal += _log.BytesTotal;
        }
        catch (StorageException e) when (!e.IsShortage)
        {
            _findings.Add(new LsmScrubFinding(e.Path, 0, e.Message, IsDamage: true));
        }
    }

    /// <summary>How far it is.</summary>
    public LsmScrubProgress Progress => new(
        _position, _tables + _segments, _files, _bytesDone + (_table?.BytesChecked ?? 0) + LogBytes, _bytesTotal,
        _findings.Count);

    private long LogBytes => _phase == Phase.Log ? _log!.BytesChecked : 0;

    /// <summary>Begins to check a directory that no engine has open.</summary>
    /// <param name="files">Where it lies.</param>
    /// <param name="directory">The engine's directory.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="logDirectory">Null: the engine's own log.</param>
    /// <exception cref="StorageException">The directory cannot be read.</exception>
    public static LsmScrubber Open(
        IFileSystem files, string directory, LsmScrubOptions? options = null, string? logDirectory = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentException.ThrowIfNullOrEmpty(directory);
        string log = logDirectory ?? Path.Combine(directory, Manifest.FileNames.WalDirectory);
        return new LsmScrubber(new DirectorySource(files, directory, log), options ?? new LsmScrubOptions());
    }

    /// <summary>
    /// Checks about <see cref="LsmScrubOptions.StepBytes"/> more; false when all was checked. Damage does not end it.
    /// </summary>
    /// <exception cref="StorageException">
    /// A file could not be opened for want of handles or memory (<see cref="StorageException.IsShortage"/>), which says nothing of
    /// it: call again later.
    /// </exception>
    public bool RunOnce()
    {
        if (_phase == Phase.Done) return false;
        long before = Progress.BytesChecked;
        switch (_phase)
        {
            case Phase.Manifest:
                _bytesDone += _source.CheckManifest(_findings);
                _phase = Phase.Tables;
                break;
            case Phase.Tables:
                if (!StepTable()) _phase = _log is null ? Phase.Done : Phase.Log;
                break;
            case Phase.Log:
                StepLog();
                break;
        }

        _limiter.Note(Progress.BytesChecked - before);
        Announce();
        return _phase != Phase.Done;
    }

    /// <summary>How long to rest before the next step so that the rate is kept; zero when it may come now.</summary>
    public TimeSpan Rest() => _limiter.Rest();

    /// <summary>What was checked and found so far.</summary>
    public LsmScrubReport Report() => new()
    {
        IsComplete = _phase == Phase.Done,
        Position = _position,
        Tables = _tables,
        Segments = _segments,
        BytesChecked = Progress.BytesChecked,
        Findings = [.. _findings],
    };

    /// <summary>Damage that was found since the last call.</summary>
    internal IReadOnlyList<LsmScrubFinding> TakeNewDamage()
    {
        if (_taken == _findings.Count) return [];
        List<LsmScrubFinding> fresh = [.. _findings.Skip(_taken).Where(static finding => finding.IsDamage)];
        _taken = _findings.Count;
        return fresh;
    }

    /// <summary>Lets go of the files. Idempotent.</summary>
    public void Dispose()
    {
        _table?.Dispose();
        _table = null;
        _log?.Dispose();
    }

    /// <summary>A part of a table; false when there is none left.</summary>
    private bool StepTable()
    {
        if (_table is null)
        {
            ScrubTable? next = _source.Take(_position.TablesThrough);
            if (next is null) return false;
            _table = new TableScrub(_source.Files, next, _findings);
        }

        if (_table.RunOnce(_options.StepBytes)) return true;
        _position = new LsmScrubPosition(_table.Number);
        _bytesDone += _table.BytesChecked;
        _tables++;
        _table.Dispose();
        _table = null;
        return true;
    }

    private void StepLog()
    {
        try
        {
            if (_log!.RunOnce(_options.StepBytes)) return;
            WalInspection log = _log.Finish();
            _segments = log.Segments.Count;
            foreach (WalFinding f in log.Findings)
            {
                bool damage = f.Kind is WalFindingKind.Corruption or WalFindingKind.MissingSegment;
                _findings.Add(new LsmScrubFinding(f.File, f.Offset, $"expected {f.Expected}, found {f.Actual}", damage));
            }
        }
        catch (StorageException e) when (!e.IsShortage)
        {
            _findings.Add(new LsmScrubFinding(e.Path, 0, e.Message, IsDamage: true));
        }

        _bytesDone += _log!.BytesChecked;
        _phase = Phase.Done;
    }

    private void Announce()
    {
        for (; _announced < _findings.Count; _announced++)
        {
            LsmScrubFinding finding = _findings[_announced];
            if (finding.IsDamage) _options.Events.Emit(new CorruptionFound(finding.File, finding.Offset));
        }

        if (_phase != Phase.Done) return;
        _options.Events.Emit(new ScrubFinish(Progress.BytesChecked, _tables, _findings.Count(f => f.IsDamage)));
    }
}
