using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.Lsm.Scrub;
using Nori.Lsm.Versions;

namespace Nori.Lsm;

/// <summary>Scrubs of the engine's own directory while it works.</summary>
public sealed partial class LsmEngine
{
    // Guards _scrubQueue and _scrub.
    private readonly Lock _scrubGate = new();
    private readonly Queue<ScrubRun> _scrubQueue = [];
    private ScrubRun? _scrub;
    private LsmScrubReport? _lastScrub;
    private long _scrubbedBytes;
    private long _scrubDamages;
    private long _scrubEnded;

    internal long ScrubbedBytes => Volatile.Read(ref _scrubbedBytes);

    internal long ScrubDamages => Volatile.Read(ref _scrubDamages);

    /// <summary>
    /// Checks the whole directory while the engine works: manifest, tables, and the log's segments but the one being written.
    /// Damage is reported, counted and told as an event; it stops nothing.
    /// </summary>
    /// <param name="options">How; null: at <see cref="LsmOptions.ScrubBytesPerSecond"/>, from the beginning.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="ct">Ends it after the step under way; the report then says where to resume.</param>
    /// <remarks>One at a time; others wait. Without background threads it runs here and keeps no rate.</remarks>
    /// <exception cref="StorageException">A file could not be opened for want of handles or memory: it was given up.</exception>
    public Task<LsmScrubReport> ScrubAsync(
        LsmScrubOptions? options = null, IProgress<LsmScrubProgress>? progress = null, CancellationToken ct = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var run = new ScrubRun(options ?? OwnScrubOptions(), progress, ct);
        lock (_scrubGate) _scrubQueue.Enqueue(run);
        LsmLoop? loop = _loop;
        if (loop is not null) loop.WakeCompaction();
        else while (!run.Task.IsCompleted && StepScrub(keepRate: false)) continue;

        // A close that came between drained the queue before this was in it.
        if (_disposed) EndScrubs();
        return run.Task;
    }

    /// <summary>A scrub of this engine's directory that the caller steps and disposes, before the engine.</summary>
    public LsmScrubber NewScrubber(LsmScrubOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new LsmScrubber(new EngineSource(this), options ?? OwnScrubOptions());
    }

    /// <summary>A step of the scrub that was asked for, or is due; false when there is none, or it must rest.</summary>
    internal bool RunScrubOnce() => StepScrub(keepRate: true);

    /// <summary>How long until the next step of a scrub.</summary>
    internal TimeSpan ScrubWait()
    {
        lock (_scrubGate)
        {
            if (_scrub is { Scrubber: { } scrubber }) return scrubber.Rest();
            if (_scrubQueue.Count > 0) return TimeSpan.Zero;
        }

        if (_options.ScrubInterval == TimeSpan.Zero) return TimeSpan.MaxValue;
        TimeSpan left = _options.ScrubInterval - _options.Time.GetElapsedTime(Volatile.Read(ref _scrubEnded));
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private LsmScrubOptions OwnScrubOptions() => new()
    {
        BytesPerSecond = _options.ScrubBytesPerSecond,
        Events = _options.Events,
        Time = _options.Time,
    };

    private bool StepScrub(bool keepRate)
    {
        lock (_scrubGate)
        {
            if (_disposed) return false;
            _scrub ??= NextScrub();
            if (_scrub is not { } run) return false;
            try
            {
                run.Scrubber ??= NewScrubber(run.Options);
                if (keepRate && run.Scrubber.Rest() > TimeSpan.Zero) return false;
                long before = run.Scrubber.Progress.BytesChecked;
                bool more = !run.Cancelled.IsCancellationRequested && run.Scrubber.RunOnce();
                _scrubbedBytes += run.Scrubber.Progress.BytesChecked - before;
                run.Report();
                NoteFindings(run.Scrubber);
                if (!more) EndScrub(run);
            }
            catch (Exception e)
            {
                _scrub = null;
                _scrubEnded = _options.Time.GetTimestamp();
                run.Fail(e);
            }

            return true;
        }
    }

    private ScrubRun? NextScrub()
    {
        if (_scrubQueue.TryDequeue(out ScrubRun? asked)) return asked;
        if (_options.ScrubInterval == TimeSpan.Zero) return null;
        bool due = _options.Time.GetElapsedTime(_scrubEnded) >= _options.ScrubInterval;
        return due ? new ScrubRun(OwnScrubOptions(), null, CancellationToken.None) : null;
    }

    private void EndScrub(ScrubRun run)
    {
        LsmScrubReport report = run.Scrubber!.Report();
        _scrub = null;
        _scrubEnded = _options.Time.GetTimestamp();
        _scrubDamages += report.Findings.Count(finding => finding.IsDamage);
        if (report.IsComplete) Volatile.Write(ref _lastScrub, report);
        run.End(report);
    }

    private void EndScrubs()
    {
        lock (_scrubGate)
        {
            var closed = new ObjectDisposedException(nameof(LsmEngine));
            _scrub?.Fail(closed);
            _scrub = null;
            while (_scrubQueue.TryDequeue(out ScrubRun? waiting)) waiting.Fail(closed);
        }
    }

    /// <summary>The tables of the versions of the moment, up to those that were there when it began.</summary>
    private sealed class EngineSource(LsmEngine engine) : ScrubSource(
        engine._files, engine._options.Directory,
        engine._wal is null ? null : Path.Combine(engine._options.Directory, FileNames.WalDirectory))
    {
        private readonly ulong _limit = Volatile.Read(ref engine._nextFileNumber);

        public override bool IsLive => true;

        public override (int Tables, long Bytes) Extent(ulong above)
        {
            LsmVersion version = engine.AcquireVersion();
            try
            {
                TableFile[] files = [.. version.Files.Where(file => file.Number > above && file.Number < _limit)];
                return (files.Length, files.Sum(file => file.Meta.Bytes));
            }
            finally
            {
                version.Release();
            }
        }

        public override ScrubTable? Take(ulong above)
        {
            LsmVersion version = engine.AcquireVersion();
            try
            {
                TableFile? next = version.Files.Where(file => file.Number > above && file.Number < _limit)
                    .MinBy(file => file.Number);
                if (next is null) return null;
                next.Acquire();
                return new ScrubTable(next.Number, next.Path, next.Meta, next);
            }
            finally
            {
                version.Release();
            }
        }

        public override long CheckManifest(List<LsmScrubFinding> findings)
        {
            // No edit is written meanwhile: what is read is whole, and says what the version says.
            lock (engine._manifestLock)
            {
                ManifestInspection manifest = LsmInspector.InspectManifest(Files, Directory);
                ManifestFindings.Add(findings, Files, Directory, manifest);
                bool inDoubt = engine._manifest.IsInDoubt || Volatile.Read(ref engine._failure) is not null;
                if (manifest.Damage.Count == 0 && !inDoubt) Compare(manifest.Path, findings);
                return engine._manifest.Bytes;
            }
        }

        private void Compare(string path, List<LsmScrubFinding> findings)
        {
            try
            {
                StoredState state = StoredState.Read(Files, Directory);
                var stored = state.Tables.Select(t => (t.Value.Level, Number: t.Key)).ToHashSet();
                LsmVersion version = engine._version;
                for (int level = 0; level < version.Levels.Length; level++)
                    foreach (TableFile file in version.Levels[level])
                        if (!stored.Remove((level, file.Number))) Add(file.Number, level, "the engine has and it has not");
                foreach ((int level, ulong number) in stored) Add(number, level, "it has and the engine has not");
            }
            catch (CorruptionException e)
            {
                findings.Add(ManifestFindings.Of(e));
            }

            void Add(ulong number, int level, string what) => findings.Add(new LsmScrubFinding(
                path, 0, $"table {number} in level {level}, which {what}", IsDamage: true));
        }
    }
}
