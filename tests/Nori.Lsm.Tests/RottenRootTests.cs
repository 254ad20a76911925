using Nori.IO;
using Nori.Lsm.Manifest;

namespace Nori.Lsm.Tests;

/// <summary>
/// D3, D13: an engine whose CURRENT or manifest is damaged serves all its data or names the damage; it never opens empty
/// or as it once was.
/// </summary>
public sealed class RottenRootTests
{
    private readonly MemoryFileSystem _files = new(8);

    [Fact]
    public void Any_single_flipped_bit_of_current_or_of_a_manifest_of_many_edits_loses_nothing()
    {
        SortedDictionary<string, string> expected = Fill();
        foreach (string path in Roots())
        {
            int bytes = _files.ReadAllBytes(path).Length;
            for (int bit = 0; bit < 8 * bytes; bit++)
            {
                MemoryFileSystem files = _files.Clone();
                files.Corrupt(path, bit / 8, (byte)(1 << (bit % 8)));
                using var scope = new LsmEngineScope(Options(files));
                Assert.Equal(expected, Workload.Read(scope.Engine));
            }
        }
    }

    [Fact]
    public void A_current_or_manifest_cut_anywhere_is_survived_or_named_before_anything_is_deleted()
    {
        SortedDictionary<string, string> expected = Fill();
        int refused = 0;
        foreach (string path in Roots())
        {
            int bytes = _files.ReadAllBytes(path).Length;
            for (int length = 0; length < bytes; length++)
            {
                MemoryFileSystem files = _files.Clone();
                using (IFile file = files.Open(path, FileOpen.ReadWrite)) file.SetLength(length);
                IReadOnlyList<string> before = files.List("/db");
                try
                {
                    using var scope = new LsmEngineScope(Options(files));
                    Assert.Equal(expected, Workload.Read(scope.Engine));
                }
                catch (CorruptionException e)
                {
                    // What opening refuses no inspection calls sound.
                    Assert.False(IsScrubbedSound(files));
                    Assert.False(LsmInspector.Inspect(files, "/db").IsSound);
                    Assert.StartsWith("/db/", e.File, StringComparison.Ordinal);
                    Assert.Equal(before, files.List("/db"));
                    refused++;
                }
            }
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void A_missing_current_or_manifest_is_named()
    {
        Fill();
        foreach (string path in Roots())
        {
            MemoryFileSystem files = _files.Clone();
            files.Delete(path);
            Assert.Equal(path, Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(files))).File);
        }
    }

    [Fact]
    public void A_log_cut_below_what_the_manifest_calls_durable_is_refused_unchanged_and_found_and_one_cut_behind_it_is_not()
    {
        WriteAroundAFlush();
        const string log = "/db/wal/00000000000000000001.wal";
        StoredState state = StoredState.Read(_files, "/db");
        Assert.Equal(state.LogPosition, state.LogDurable);
        Assert.True(state.LogDurable.Offset < _files.ReadAllBytes(log).AsSpan().LastIndexOfAnyExcept((byte)0));
        for (long length = 8192; length <= state.LogDurable.Offset + 512; length += 32)
        {
            MemoryFileSystem files = _files.Clone();
            using (IFile file = files.Open(log, FileOpen.ReadWrite)) file.SetLength(length);
            byte[] before = files.ReadAllBytes(log);
            bool isHole = length < state.LogDurable.Offset;
            using (LsmScrubber scrub = LsmScrubber.Open(files, "/db", new LsmScrubOptions { BytesPerSecond = 0 }))
            {
                while (scrub.RunOnce()) continue;
                Assert.Equal(isHole, scrub.Report().Findings.Any(found => found.IsDamage && found.File == log));
            }

            if (!isHole)
            {
                using var scope = new LsmEngineScope(LogOptions(files));
                Assert.True(Workload.Read(scope.Engine).Count >= 20);
                continue;
            }

            for (int again = 0; again < 2; again++)
            {
                CorruptionException e = Assert.Throws<CorruptionException>(() => LsmEngine.Open(LogOptions(files)));
                Assert.Equal(log, e.File);
                Assert.InRange(e.Offset, 8192, length);
                Assert.Contains($"durable up to {state.LogDurable}", e.Expected, StringComparison.Ordinal);
                Assert.Equal(before, files.ReadAllBytes(log));
            }
        }
    }

    [Fact]
    public void A_log_cut_below_where_an_earlier_opening_found_its_end_is_refused()
    {
        using (var scope = new LsmEngineScope(LogOptions(_files))) scope.Engine.Write(Batch(1, 40));
        using (new LsmEngineScope(LogOptions(_files))) { }
        using (IFile file = _files.Open("/db/wal/00000000000000000001.wal", FileOpen.ReadWrite)) file.SetLength(8192);
        Assert.Throws<CorruptionException>(() => LsmEngine.Open(LogOptions(_files)));
    }

    [Fact]
    public void An_opening_whose_log_fills_memtables_notes_how_far_the_log_goes_behind_them()
    {
        using (var scope = new LsmEngineScope(LogOptions(_files)))
            for (int i = 0; i < 200; i++) scope.Engine.Write(Batch(i, 40));
        using (new LsmEngineScope(LogOptions(_files) with { MemtableBytes = 1024 })) { }
        CutWhereTablesEnd();
        Assert.Throws<CorruptionException>(() => LsmEngine.Open(LogOptions(_files)));
    }

    [Fact]
    public void Without_its_log_an_engine_does_not_open_beside_one_that_lacks_what_was_synced()
    {
        WriteAroundAFlush();
        using (new LsmEngineScope(LogOptions(_files))) { }
        string log = CutWhereTablesEnd();
        LsmOptions without = LogOptions(_files) with { WriteAheadLog = LsmWalMode.None };
        Assert.Equal(log, Assert.Throws<CorruptionException>(() => LsmEngine.Open(without)).File);
    }

    [Fact]
    public void A_loss_of_power_under_Os_that_takes_log_below_what_is_in_tables_is_no_damage()
    {
        LsmOptions options = LogOptions(_files) with { WriteAheadLog = LsmWalMode.Os };
        LsmEngine engine = LsmEngine.Open(options);
        for (int i = 0; i < 20; i++) engine.Write(Batch(i, 40));
        Workload.Wait(engine.FlushAsync(), engine);
        StoredState state = StoredState.Read(_files, "/db");
        Assert.True(state.LogDurable < state.LogPosition);
        MemoryFileSystem lost = _files.Crash(1, CrashMode.DropUnsynced);
        engine.Abandon();
        using var scope = new LsmEngineScope(options with { FileSystem = lost });
        Assert.Equal(20, Workload.Read(scope.Engine).Count);
    }

    private static bool IsScrubbedSound(MemoryFileSystem files)
    {
        using LsmScrubber scrub = LsmScrubber.Open(files, "/db", new LsmScrubOptions { BytesPerSecond = 0 });
        while (scrub.RunOnce()) continue;
        return scrub.Report().IsSound;
    }

    private void WriteAroundAFlush()
    {
        using var scope = new LsmEngineScope(LogOptions(_files));
        for (int i = 0; i < 20; i++) scope.Engine.Write(Batch(i, 40));
        Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        for (int i = 20; i < 40; i++) scope.Engine.Write(Batch(i, 40));
    }

    private string CutWhereTablesEnd()
    {
        StoredState state = StoredState.Read(_files, "/db");
        Assert.Equal(1UL, state.LogPosition.Segment);
        Assert.True(state.LogPosition < state.LogDurable);
        const string log = "/db/wal/00000000000000000001.wal";
        using (IFile file = _files.Open(log, FileOpen.ReadWrite)) file.SetLength(state.LogPosition.Offset);
        return log;
    }

    private static LsmOptions LogOptions(IFileSystem files) =>
        Options(files) with { MemtableBytes = 1 << 20, WalSegmentBytes = 1 << 20 };

    private static WriteBatch Batch(int key, int bytes)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Number(key), new byte[bytes]);
        return batch;
    }

    private static LsmOptions Options(IFileSystem files) => Workload.Small(files);

    private List<string> Roots() =>
        ["/db/CURRENT", $"/db/{_files.List("/db").Single(name => name.StartsWith("MANIFEST", StringComparison.Ordinal))}"];

    private SortedDictionary<string, string> Fill()
    {
        using var scope = new LsmEngineScope(Options(_files));
        // Enough for the log's first segment to go: then only the newest edit says all.
        for (int i = 0; i < 4; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), new byte[3000]);
            scope.Engine.Write(batch);
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        Assert.DoesNotContain("00000000000000000001.wal", _files.List("/db/wal"));
        return Workload.Read(scope.Engine);
    }
}
