using Nori.IO;
using Nori.Lsm.Events;
using Nori.Observe;

namespace Nori.Lsm.Tests;

/// <summary>D3, D13, D17: every damage in a directory is found where it is, at a bounded rate, and while the engine works.</summary>
public sealed class ScrubTests
{
    private static readonly LsmScrubOptions Fast = new() { BytesPerSecond = 0, StepBytes = 1 };

    [Fact]
    public void A_sound_directory_has_no_findings_and_every_byte_is_read()
    {
        MemoryFileSystem files = Filled(out _);
        using LsmScrubber scrubber = LsmScrubber.Open(files, "/db", Fast);
        LsmScrubProgress first = scrubber.Progress;
        int steps = 1;
        while (scrubber.RunOnce()) steps++;
        LsmScrubReport report = scrubber.Report();
        Assert.Empty(report.Findings);
        Assert.True(report is { IsComplete: true, IsSound: true, Segments: >= 1 });
        Assert.Equal(Names(files, ".sst").Count, report.Tables);
        Assert.True(report.BytesChecked >= first.BytesTotal, $"{report.BytesChecked} of {first.BytesTotal}");
        Assert.True(steps > 30, $"only {steps} steps: a step of one byte checks one block");
        Assert.False(scrubber.RunOnce());
    }

    [Fact]
    public void Every_flipped_byte_of_a_table_the_manifest_and_current_is_found()
    {
        MemoryFileSystem sound = Filled(out _);
        foreach (string name in (string[])[Names(sound, ".sst")[0], Names(sound, "MANIFEST-")[0], "CURRENT"])
        {
            long length = Length(sound, "/db/" + name);
            bool copies = !name.EndsWith(".sst", StringComparison.Ordinal);
            for (long at = 0; at < length; at += copies ? 1 : 5)
            {
                MemoryFileSystem files = sound.Clone();
                files.Corrupt("/db/" + name, at, 0x10);
                List<LsmScrubFinding> found = Scrub(files, Fast with { StepBytes = 1 << 20 });
                // The reserved words of a copy are not part of what its checksum covers.
                if (copies && at < 64 && at % 32 >= 28) continue;
                Assert.True(found.Exists(f => f.File == "/db/" + name), $"byte {at} of {name}: {found.Count} other findings");
            }
        }
    }

    [Fact]
    public void A_flipped_byte_of_a_log_segment_is_found_with_its_place()
    {
        MemoryFileSystem sound = Filled(out _);
        string segment = "/db/wal/" + sound.List("/db/wal").First(name => name.EndsWith(".wal", StringComparison.Ordinal));
        for (long at = 8192; at < 8192 + 120; at += 3)
        {
            MemoryFileSystem files = sound.Clone();
            files.Corrupt(segment, at, 0x20);
            LsmScrubFinding finding = Assert.Single(Scrub(files, Fast));
            Assert.Equal(segment, finding.File);
            Assert.InRange(finding.Offset, 8192, at);
        }
    }

    [Fact]
    public void Missing_extra_cut_and_swapped_tables_are_told()
    {
        MemoryFileSystem sound = Filled(out _);
        List<string> tables = Names(sound, ".sst");
        MemoryFileSystem files = sound.Clone();
        files.Delete("/db/" + tables[0]);
        Assert.Contains(Scrub(files, Fast), f => f.IsDamage && f.File == "/db/" + tables[0]);

        files = sound.Clone();
        using (IFile extra = files.Open("/db/00999999.sst", FileOpen.CreateNew)) extra.Write(0, new byte[10]);
        LsmScrubFinding orphan = Assert.Single(Scrub(files, Fast));
        Assert.False(orphan.IsDamage);

        files = sound.Clone();
        using (IFile cut = files.Open("/db/" + tables[0], FileOpen.ReadWrite)) cut.SetLength(cut.Length / 2);
        Assert.Contains(Scrub(files, Fast), f => f.IsDamage && f.File == "/db/" + tables[0]);

        files = sound.Clone();
        files.Rename("/db/" + tables[1], "/db/" + tables[0]);
        Assert.Contains(Scrub(files, Fast), f => f.IsDamage && f.File == "/db/" + tables[0]);
        Assert.Contains(Scrub(files, Fast), f => f.IsDamage && f.File == "/db/" + tables[1]);
    }

    [Fact]
    public void Without_a_manifest_every_table_is_still_checked()
    {
        MemoryFileSystem files = Filled(out _);
        files.Delete("/db/CURRENT");
        List<string> tables = Names(files, ".sst");
        files.Corrupt("/db/" + tables[^1], 100, 1);
        using LsmScrubber scrubber = LsmScrubber.Open(files, "/db", Fast);
        while (scrubber.RunOnce()) continue;
        Assert.Equal(tables.Count, scrubber.Report().Tables);
        Assert.Contains(scrubber.Report().Findings, f => f.File == "/db/CURRENT" && f.IsDamage);
        Assert.Contains(scrubber.Report().Findings, f => f.File == "/db/" + tables[^1] && f.IsDamage);
    }

    [Fact]
    public void A_table_that_cannot_be_read_is_told_and_the_rest_is_checked()
    {
        MemoryFileSystem memory = Filled(out _);
        List<string> tables = Names(memory, ".sst");
        var files = new FaultInjectingFileSystem(memory);
        using LsmScrubber scrubber = LsmScrubber.Open(files, "/db", Fast);
        files.Add(new FaultRule { Operation = FileOperation.Read, PathPattern = tables[0], AfterCalls = 3 });
        while (scrubber.RunOnce()) continue;
        LsmScrubReport report = scrubber.Report();
        Assert.Equal("/db/" + tables[0], Assert.Single(report.Findings).File);
        Assert.Equal(tables.Count, report.Tables);
    }

    [Fact]
    public void It_resumes_behind_the_last_table_that_was_checked()
    {
        MemoryFileSystem files = Filled(out _);
        LsmScrubPosition position;
        using (LsmScrubber first = LsmScrubber.Open(files, "/db", Fast))
        {
            while (first.Report().Tables < 2) Assert.True(first.RunOnce());
            position = first.Report().Position;
            Assert.False(first.Report().IsComplete);
        }

        using LsmScrubber second = LsmScrubber.Open(files, "/db", Fast with { From = position });
        while (second.RunOnce()) continue;
        Assert.Equal(Names(files, ".sst").Count - 2, second.Report().Tables);
    }

    [Fact]
    public void It_rests_so_that_its_rate_is_kept()
    {
        MemoryFileSystem files = Filled(out _);
        var time = new ManualTime();
        var options = new LsmScrubOptions { BytesPerSecond = 1000, StepBytes = 100, Time = time };
        using LsmScrubber scrubber = LsmScrubber.Open(files, "/db", options);
        while (scrubber.RunOnce() && scrubber.Progress.BytesChecked < 3000) continue;
        Assert.Equal(TimeSpan.FromSeconds(1), scrubber.Rest());
        time.UnixMs += 60_000;
        Assert.Equal(TimeSpan.Zero, scrubber.Rest());
    }

    [Fact]
    public async Task An_engine_scrubs_itself_and_tells_damage_as_an_event_a_figure_and_a_result()
    {
        var events = new Recorder();
        var files = new MemoryFileSystem(4);
        LsmOptions options = Workload.Small(files) with { Events = events };
        LsmEngine engine = LsmEngine.Open(options);
        var workload = new Workload(4, options);
        for (int i = 0; i < 150; i++) workload.Step(engine);
        LsmScrubReport sound = await engine.ScrubAsync();
        Assert.True(sound is { IsSound: true, IsComplete: true, Tables: > 0 }, string.Join("; ", sound.Findings));
        Assert.NotNull(engine.Stats.LastScrub);

        string table = LsmInspector.Inspect(files, "/db").Tables[0].Path;
        files.Corrupt(table, 20, 4);
        LsmScrubReport report = await engine.ScrubAsync();
        Assert.Equal((table, true), (Assert.Single(report.Findings).File, report.Findings[0].IsDamage));
        Assert.Contains(events.Of<CorruptionFound>(), e => e.File == table && e.Offset == report.Findings[0].Offset);
        Assert.Equal(1, engine.ScrubDamages);
        Assert.Equal(2, events.Of<ScrubFinish>().Count);
        Assert.Null(engine.Stats.Failure);
        engine.Abandon();
    }

    [Fact]
    public void A_scrub_under_way_is_not_confused_by_writes_flushes_compactions_and_ingests()
    {
        for (ulong seed = 1; seed <= 12; seed++)
        {
            var files = new MemoryFileSystem(seed);
            LsmOptions options = Workload.Small(files) with { OpenTablesMax = 16 };
            var workload = new Workload(seed, options);
            LsmEngine engine = LsmEngine.Open(options);
            for (int i = 0; i < 60; i++) workload.Step(engine);
            for (int round = 0; round < 4; round++)
            {
                using LsmScrubber scrubber = engine.NewScrubber(Fast);
                while (scrubber.RunOnce()) workload.Step(engine);
                Assert.True(scrubber.Report().IsSound, $"seed {seed}: {string.Join("; ", scrubber.Report().Findings)}");
            }

            Assert.Equal(workload.Acknowledged, Workload.Read(engine));
            engine.Abandon();
        }
    }

    [Fact]
    public void A_table_that_the_engine_has_and_its_manifest_has_not_is_told()
    {
        var memory = new MemoryFileSystem(5);
        var files = new FaultInjectingFileSystem(memory);
        LsmOptions options = Workload.Small(files);
        var workload = new Workload(5, options);
        LsmEngine engine = LsmEngine.Open(options);
        for (int i = 0; i < 40; i++) workload.Step(engine);
        // A disk that answers and does nothing.
        files.Add(new FaultRule { Operation = FileOperation.Write, PathPattern = "MANIFEST-*", Skip = true, Times = 1 });
        Workload.Wait(engine.FlushAsync(), engine);
        workload.Step(engine);
        using LsmScrubber scrubber = engine.NewScrubber(Fast);
        while (scrubber.RunOnce()) continue;
        Assert.Contains(scrubber.Report().Findings, f => f.IsDamage && f.File.Contains("MANIFEST-", StringComparison.Ordinal));
        engine.Abandon();
    }

    [Fact]
    public async Task With_threads_it_runs_by_itself_when_its_interval_is_over_and_ends_with_the_engine()
    {
        var files = new MemoryFileSystem(6);
        LsmEngine engine = LsmEngine.Open(Workload.Small(files) with
        {
            RunBackground = true, ScrubInterval = TimeSpan.FromMilliseconds(1), ScrubBytesPerSecond = 0,
            Time = TimeProvider.System,
        });
        var batch = new WriteBatch();
        batch.Put("a"u8, "1"u8);
        engine.Write(batch);
        await engine.FlushAsync();
        for (int i = 0; engine.Stats.LastScrub is not { Tables: 1 }; i++)
        {
            Assert.True(i < 3000, "no scrub came");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        // One that rests for long ends with the engine.
        Task<LsmScrubReport> slow = engine.ScrubAsync(new LsmScrubOptions { BytesPerSecond = 1, StepBytes = 1 });
        await engine.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => slow);
    }

    [Fact]
    public async Task One_that_is_cancelled_says_where_to_go_on()
    {
        MemoryFileSystem files = Filled(out LsmOptions options);
        LsmEngine engine = LsmEngine.Open(options);
        using var cancel = new CancellationTokenSource();
        var progress = new Cancelling(cancel);
        LsmScrubReport report = await engine.ScrubAsync(Fast, progress, cancel.Token);
        Assert.True(report is { IsComplete: false, Tables: 1 });
        LsmScrubReport rest = await engine.ScrubAsync(Fast with { From = report.Position }, null, CancellationToken.None);
        Assert.True(rest.IsComplete);
        Assert.Equal(Names(files, ".sst").Count, report.Tables + rest.Tables);
        engine.Abandon();
    }

    private static List<LsmScrubFinding> Scrub(MemoryFileSystem files, LsmScrubOptions options)
    {
        using LsmScrubber scrubber = LsmScrubber.Open(files, "/db", options);
        while (scrubber.RunOnce()) continue;
        return [.. scrubber.Report().Findings];
    }

    private static MemoryFileSystem Filled(out LsmOptions options)
    {
        var files = new MemoryFileSystem(2);
        options = Workload.Small(files);
        var workload = new Workload(2, options);
        LsmEngine engine = LsmEngine.Open(options);
        for (int i = 0; i < 150; i++) workload.Step(engine);
        Workload.Wait(engine.CompactRangeAsync(), engine);
        for (int i = 0; i < 12; i++) workload.Step(engine);
        Workload.Wait(engine.FlushAsync(), engine);
        var batch = new WriteBatch();
        batch.Put("only in the log"u8, "x"u8);
        engine.Write(batch);
        engine.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return files;
    }

    private static List<string> Names(MemoryFileSystem files, string part) =>
        [.. files.List("/db").Where(name => name.Contains(part, StringComparison.Ordinal))];

    private static long Length(MemoryFileSystem files, string path)
    {
        using IFile file = files.Open(path, FileOpen.Read);
        return file.Length;
    }

    private sealed class Cancelling(CancellationTokenSource cancel) : IProgress<LsmScrubProgress>
    {
        public void Report(LsmScrubProgress value)
        {
            if (value.FilesChecked > 0) cancel.Cancel();
        }
    }

    private sealed class Recorder : IEventSink
    {
        private readonly List<object> _events = [];

        public List<T> Of<T>() => [.. _events.OfType<T>()];

        public void Emit<T>(in T e)
            where T : struct, IEvent => _events.Add(e);
    }
}
