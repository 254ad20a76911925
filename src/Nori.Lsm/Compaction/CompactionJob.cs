using Nori.Core;
using Nori.Lsm.Iteration;
using Nori.Lsm.Manifest;
using Nori.Lsm.Versions;
using Nori.SSTable;

namespace Nori.Lsm.Compaction;

/// <summary>
/// One compaction under way, advanced in slices; its outputs count only when the engine installs its edit.
/// </summary>
/// <remarks>One owner. Holds its version until disposed.</remarks>
internal sealed class CompactionJob : IDisposable
{
    private readonly LsmOptions _options;
    private readonly TableStore _store;
    private readonly LsmVersion _version;
    private readonly Func<ulong> _nextTableNumber;
    private readonly MergingIterator _input;
    private readonly EntryMerger _merger;
    private readonly List<TableMeta> _outputs = [];
    private TableOutput? _output;
    private ulong _outputNumber;
    private byte[]? _lower;
    private int _grandparent;
    private long _grandparentBytes;
    private long _closedBytes;
    private bool _disposed;

    /// <summary>Takes a reference on the version.</summary>
    public CompactionJob(
        CompactionPick pick, LsmVersion version, LsmOptions options, TableStore store, ulong[] snapshots,
        EntryMerger.ExpiryCutoff cutoff, Func<ulong> nextTableNumber)
    {
        Pick = pick;
        _version = version;
        _options = options;
        _store = store;
        _nextTableNumber = nextTableNumber;
        var tombstones = new List<RangeTombstone>();
        foreach (TableFile file in pick.Inputs.Concat(pick.Overlapped)) tombstones.AddRange(file.RangeTombstones());
        _input = new MergingIterator(Sources(pick));
        version.Acquire();
        try
        {
            _merger = new EntryMerger(
                _input, RangeTombstoneSet.Build(tombstones, snapshots), snapshots, pick.IsWithinLevel0 ? null : version,
                pick.OutputLevel, cutoff, IsBottom(pick, version));
        }
        catch
        {
            _input.Dispose();
            version.Release();
            throw;
        }
    }

    public CompactionPick Pick { get; }

    public bool IsFinished { get; private set; }

    /// <summary>With what is in the table being written, as far as it is known before its end.</summary>
    public long BytesWritten => _closedBytes + (_output?.EstimatedBytes ?? 0);

    public long EntriesDropped => _merger.EntriesDropped;

    public long EntriesExpired => _merger.EntriesExpired;

    public double Progress => IsFinished ? 1 : Math.Min(1, _merger.BytesRead / (double)Math.Max(1, Pick.InputBytes * 2));

    /// <summary>
    /// Reads up to that many input bytes; true when the job is finished and may be installed.
    /// </summary>
    public bool RunOnce(long bytes)
    {
        Invariant.Assert(!IsFinished && !_disposed);
        long before = _merger.BytesRead;
        while (_merger.Valid)
        {
            if (_merger.BytesRead - before >= bytes) return false;
            ReadOnlySpan<byte> key = _merger.Key;
            // Only before a new key: all versions of a key stay in one table, so that tables of a level are disjoint.
            bool mayEnd = _output is not null && _merger.IsNewKey && !Pick.IsWithinLevel0;
            if (mayEnd && (SpansTooManyGrandparents(key) || _output!.IsFull)) Close(key.ToArray());
            Output().Add(key, _merger.TrailerValue, _merger.Value);
            _merger.Next();
        }

        Close(null);
        if (_outputs.Count > 0) _options.FileSystem.SyncDirectory(_options.Directory);
        IsFinished = true;
        return true;
    }

    /// <summary>The edit that puts the outputs in the inputs' place.</summary>
    public VersionEdit ToEdit()
    {
        Invariant.Assert(IsFinished);
        var edit = new VersionEdit();
        foreach (TableFile file in Pick.Inputs) edit.Removed.Add((Pick.Level, file.Number));
        foreach (TableFile file in Pick.Overlapped) edit.Removed.Add((Pick.OutputLevel, file.Number));
        foreach (TableMeta meta in _outputs) edit.Added.Add((Pick.OutputLevel, meta));
        return edit;
    }

    /// <summary>Deletes what was written; for a job that will not be installed.</summary>
    public void Abandon()
    {
        _output?.Abandon();
        _output = null;
        foreach (TableMeta meta in _outputs) _store.Enqueue(meta.Number);
        _outputs.Clear();
        Dispose();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _output?.Dispose();
        _input.Dispose();
        _version.Release();
    }

    private static List<InternalIterator> Sources(CompactionPick pick)
    {
        var sources = new List<InternalIterator>();
        try
        {
            if (pick.Level != 0) sources.Add(new LevelSource([.. pick.Inputs], TableReadOptions.Compaction));
            else foreach (TableFile file in pick.Inputs) sources.Add(new TableSource(file, TableReadOptions.Compaction));
            if (pick.Overlapped.Count > 0) sources.Add(new LevelSource([.. pick.Overlapped], TableReadOptions.Compaction));
            return sources;
        }
        catch
        {
            foreach (InternalIterator source in sources) source.Dispose();
            throw;
        }
    }

    private static bool IsBottom(CompactionPick pick, LsmVersion version)
    {
        if (pick.IsWithinLevel0) return false;
        byte[] smallest = pick.Smallest, largest = pick.Largest;
        for (int level = pick.OutputLevel + 1; level < version.Levels.Length; level++)
            if (version.Overlapping(level, smallest, largest).Count > 0) return false;
        return true;
    }

    private TableOutput Output()
    {
        if (_output is not null) return _output;
        _outputNumber = _nextTableNumber();
        return _output = new TableOutput(_options, _store, _outputNumber, Pick.OutputLevel);
    }

    /// <summary>Ends the table at [_lower, upper) with the range tombstones in these bounds.</summary>
    private void Close(byte[]? upper)
    {
        _merger.WriteRangeTombstones(
            _lower, upper, (start, end, sequence) => Output().AddRangeDelete(start, end, sequence));
        _lower = upper;
        _grandparentBytes = 0;
        if (_output is null) return;
        TableMeta meta = _output.Finish();
        _output.Dispose();
        _output = null;
        _closedBytes += meta.Bytes;
        _outputs.Add(meta);
    }

    private bool SpansTooManyGrandparents(ReadOnlySpan<byte> key)
    {
        IReadOnlyList<TableFile> grandparents = Pick.Grandparents;
        while (_grandparent < grandparents.Count && grandparents[_grandparent].Meta.EndsBefore(key))
            _grandparentBytes += grandparents[_grandparent++].Meta.Bytes;
        return _grandparentBytes > CompactionPicker.GrandparentBytesMax(_options);
    }
}
