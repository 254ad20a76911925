using Nori.Core;
using Nori.IO;
using Nori.SSTable;

namespace Nori.Lsm.Tests.Model;

/// <summary>
/// Runs a history against an engine and the model side by side; throws at the first difference.
/// </summary>
internal sealed class ModelRunner
{
    private const int TtlMs = 250;

    private readonly ulong _seed;
    private readonly Func<IFileSystem, TimeProvider, LsmOptions> _options;
    private readonly List<string>? _answers;
    private readonly ManualTime _time = new();
    private readonly ModelState _model = new();
    private readonly List<(LsmSnapshot Snapshot, ModelState State)> _snapshots = [];
    private readonly List<(LsmIterator Iterator, List<(string, string)> Expected, int Read)> _scans = [];
    private MemoryFileSystem _files;
    private LsmEngine _engine;
    private ulong _tables;
    private ulong _crashes;
    private int _checkpoints;

    private ModelRunner(ulong seed, Func<IFileSystem, TimeProvider, LsmOptions>? options, List<string>? answers)
    {
        _seed = seed;
        _options = options ?? ((files, time) => OpGenerator.Options(seed, files, time));
        _answers = answers;
        _files = new MemoryFileSystem(seed);
        _files.CreateDirectory("/in");
        _engine = LsmEngine.Open(_options(_files, _time));
    }

    /// <summary>Null when the history holds, else what went wrong.</summary>
    /// <param name="seed">Decides crashes and, where none are given, the options.</param>
    /// <param name="ops">The history.</param>
    /// <param name="options">How the engine is set up.</param>
    /// <param name="answers">Takes what every read found.</param>
    /// <param name="restartEvery">The engine is opened anew before each so manieth operation; 0: only as the history says.</param>
    public static string? Run(
        ulong seed, IReadOnlyList<Op> ops, Func<IFileSystem, TimeProvider, LsmOptions>? options = null,
        List<string>? answers = null, int restartEvery = 0)
    {
        var runner = new ModelRunner(seed, options, answers);
        int at = 0;
        try
        {
            for (; at < ops.Count; at++)
            {
                if (restartEvery > 0 && at % restartEvery == restartEvery - 1) runner.Restart();
                runner.Apply(ops[at]);
            }

            runner.Check();
            runner.Reopen();
            runner.Check();
            return null;
        }
        catch (Exception e)
        {
            return $"at op {at} {(at < ops.Count ? ops[at] : null)}: {e.GetType().Name}: {e.Message}\n{e.StackTrace}";
        }
        finally
        {
            runner.DropAll();
            runner._engine.Abandon();
        }
    }

    private void Apply(Op op)
    {
        switch (op.Kind)
        {
            case OpKind.Put or OpKind.PutTtl or OpKind.Delete or OpKind.DeleteRange:
                Write([op]);
                break;
            case OpKind.Batch:
                Write(op.Parts!);
                break;
            case OpKind.TakeSnapshot:
                if (_snapshots.Count < 5) _snapshots.Add((_engine.Snapshot(), _model.Clone()));
                break;
            case OpKind.DropSnapshot:
                if (_snapshots.Count > 0)
                {
                    int at = op.Value % _snapshots.Count;
                    _snapshots[at].Snapshot.Dispose();
                    _snapshots.RemoveAt(at);
                }

                break;
            case OpKind.Flush:
                Done(_engine.FlushAsync());
                break;
            case OpKind.Compact:
                if (op.Key.Length == 0) Done(_engine.CompactRangeAsync());
                else Done(_engine.CompactRangeAsync(Keys.Of(op.Key), Keys.Of(op.End)));
                break;
            case OpKind.Step:
                for (int i = 0; i < op.Value && _engine.RunOnce(); i++) continue;
                break;
            case OpKind.Reopen:
                Reopen();
                break;
            case OpKind.PowerLoss:
                PowerLoss();
                break;
            case OpKind.Advance:
                _time.UnixMs += op.Value;
                break;
            case OpKind.Ingest:
                Ingest(op.Parts!);
                break;
            case OpKind.Check:
                Check();
                break;
            case OpKind.LongScan:
                LongScan();
                break;
            case OpKind.Checkpoint:
                Checkpoint();
                break;
            case OpKind.Scrub:
                Scrub();
                break;
        }

        if (_engine.Stats.Failure is { } failure) throw new InvalidOperationException("the engine failed", failure);
    }

    private void Write(IReadOnlyList<Op> ops)
    {
        var batch = new WriteBatch();
        foreach (Op op in ops)
        {
            byte[] key = Keys.Of(op.Key);
            string value = ValueOf(op);
            switch (op.Kind)
            {
                case OpKind.Put:
                    batch.Put(key, Keys.Of(value));
                    _model.Put(op.Key, value, 0);
                    break;
                case OpKind.PutTtl:
                    batch.Put(key, Keys.Of(value), _time.UnixMs + TtlMs);
                    _model.Put(op.Key, value, _time.UnixMs + TtlMs);
                    break;
                case OpKind.Delete:
                    batch.Delete(key);
                    _model.Delete(op.Key);
                    break;
                default:
                    batch.DeleteRange(key, Keys.Of(op.End));
                    _model.DeleteRange(op.Key, op.End);
                    break;
            }
        }

        Done(_engine.WriteAsync(batch).AsTask());
    }

    private static string ValueOf(Op op) => $"v{op.Value}:" + new string('x', op.Value % 97);

    private void Ingest(IReadOnlyList<Op> parts)
    {
        string path = $"/in/{++_tables}.sst";
        using (var builder = new TableBuilder(_files, path))
        {
            foreach (Op op in parts)
            {
                if (op.Kind == OpKind.DeleteRange)
                {
                    if (string.CompareOrdinal(op.Key, op.End) >= 0) continue;
                    builder.AddRangeDelete(Keys.Of(op.Key), Keys.Of(op.End), 0);
                    _model.DeleteRange(op.Key, op.End);
                }
            }

            foreach (Op op in parts)
            {
                if (op.Kind == OpKind.Put)
                {
                    builder.Add(Keys.Of(op.Key), 7, EntryKind.Put, Keys.Of(ValueOf(op)));
                    _model.Put(op.Key, ValueOf(op), 0);
                }
                else if (op.Kind == OpKind.Delete)
                {
                    builder.Add(Keys.Of(op.Key), 7, EntryKind.Delete, default);
                    _model.Delete(op.Key);
                }
            }

            builder.Finish();
        }

        _files.SyncDirectory("/in");
        Done(_engine.IngestAsync([path]));
    }

    private void Reopen()
    {
        DropAll();
        Done(_engine.DisposeAsync().AsTask());
        _engine = LsmEngine.Open(_options(_files, _time));
    }

    /// <summary>A restart that the history does not know of: only where it holds no snapshot and no iterator.</summary>
    private void Restart()
    {
        if (_snapshots.Count == 0 && _scans.Count == 0) Reopen();
    }

    /// <summary>A checkpoint is an engine of its own that holds what this one does.</summary>
    private void Checkpoint()
    {
        string directory = $"/copy{++_checkpoints}";
        Done(_engine.CheckpointAsync(directory));
        LsmEngine live = _engine;
        _engine = LsmEngine.Open(_options(_files, _time) with { Directory = directory });
        try
        {
            CheckAt("a checkpoint", null, _model);
        }
        finally
        {
            _engine.Abandon();
            _engine = live;
            _files.DeleteDirectory(directory);
        }
    }

    private void Scrub()
    {
        using LsmScrubber scrubber = _engine.NewScrubber(new LsmScrubOptions { BytesPerSecond = 0 });
        while (scrubber.RunOnce()) continue;
        LsmScrubReport report = scrubber.Report();
        if (!report.IsSound) throw new InvalidOperationException($"a scrub found {string.Join("; ", report.Findings)}");
    }

    private void PowerLoss()
    {
        DropAll();
        MemoryFileSystem after = _files.Crash(_seed + ++_crashes);
        _engine.Abandon();
        _files = after;
        _files.CreateDirectory("/in");
        _engine = LsmEngine.Open(_options(_files, _time));
        Check();
    }

    private void LongScan()
    {
        if (_scans.Count < 3)
        {
            var now = new LsmReadOptions { NowUnixMs = _time.UnixMs };
            _scans.Add((_engine.Scan(ScanRange.All, now), _model.Visible(_time.UnixMs), 0));
            return;
        }

        (LsmIterator iterator, List<(string, string)> expected, _) = _scans[0];
        _scans.RemoveAt(0);
        using (iterator) Same("an iterator made earlier", expected, [.. iterator.Select(Show)]);
    }

    private void Check()
    {
        CheckAt("the latest", null, _model);
        foreach ((LsmSnapshot snapshot, ModelState state) in _snapshots)
            CheckAt($"snapshot {snapshot.Sequence}", snapshot, state);
    }

    private void CheckAt(string what, LsmSnapshot? snapshot, ModelState state)
    {
        var options = new LsmReadOptions { Snapshot = snapshot };
        List<(string Key, string Value)> expected = state.Visible(_time.UnixMs);
        List<(string, string)> forward = [.. _engine.Scan(ScanRange.All, options).Select(Show)];
        _answers?.Add($"{what.Split(' ')[0]}: {string.Join(' ', forward)}");
        Same(what + ", forward", expected, forward);
        ScanRange reverse = ScanRange.All with { Reverse = true };
        Same(what + ", backward", Enumerable.Reverse(expected).ToList(), [.. _engine.Scan(reverse, options).Select(Show)]);
        ScanRange part = ScanRange.Between(Keys.Of("b"), Keys.Of("d2"));
        List<(string Key, string Value)> inPart =
            [.. expected.Where(e => string.CompareOrdinal(e.Key, "b") >= 0 && string.CompareOrdinal(e.Key, "d2") < 0)];
        Same(what + ", a part", inPart, [.. _engine.Scan(part, options).Select(Show)]);
        inPart.Reverse();
        Same(what + ", a part backward", inPart, [.. _engine.Scan(part with { Reverse = true }, options).Select(Show)]);
        Dictionary<string, string> byKey = expected.ToDictionary(e => e.Key, e => e.Value);
        for (int i = -1; i < 60; i++)
        {
            string key = i < 0 ? string.Empty : i < 10 ? ((char)('a' + i)).ToString() : $"{(char)('a' + (i % 10))}{i}";
            LsmValue? got = _engine.Get(Keys.Of(key), options);
            string? value = got is { } v ? Keys.Show(v.Value.Span) : null;
            byKey.TryGetValue(key, out string? wanted);
            if (value == wanted) continue;
            throw new InvalidOperationException(
                $"{what}: get '{key}' gave {value ?? "nothing"}, not {wanted ?? "nothing"}");
        }
    }

    private static (string, string) Show(LsmEntry entry) => (Keys.Show(entry.Key.Span), Keys.Show(entry.Value.Span));

    private static void Same(string what, List<(string, string)> expected, List<(string, string)> actual)
    {
        if (expected.SequenceEqual(actual)) return;
        string missing = string.Join(" ", expected.Except(actual).Take(5));
        string extra = string.Join(" ", actual.Except(expected).Take(5));
        throw new InvalidOperationException(
            $"{what}: {expected.Count} wanted, {actual.Count} found; missing {missing}; extra {extra}");
    }

    private void DropAll()
    {
        foreach ((LsmIterator iterator, _, _) in _scans) iterator.Dispose();
        _scans.Clear();
        foreach ((LsmSnapshot snapshot, _) in _snapshots) snapshot.Dispose();
        _snapshots.Clear();
    }

    private static void Done(Task task)
    {
        Invariant.Assert(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }
}
