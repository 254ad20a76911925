using System.Text;
using Nori.IO;

namespace Nori.Lsm.Tests;

/// <summary>An engine that goes on without a damaged table: nothing wrong is read, nothing sound is lost.</summary>
public sealed class SetApartTests
{
    private const int Keys = 400;

    [Fact]
    public void Of_a_damaged_block_only_its_keys_cannot_be_read_and_compactions_go_around_it()
    {
        MemoryFileSystem files = Filled();
        string table = Tables(files)[0];
        files.Corrupt(table, 40, 0x10);
        var owner = new Owner();
        LsmEngine engine = Open(files, owner);
        int lost = Check(engine, static _ => true);
        Assert.InRange(lost, 1, Keys / 4);
        LsmDamagedTable damaged = Assert.Single(engine.DamagedTables);
        Assert.Equal((table, true), (damaged.File, damaged.IsReadable));
        Assert.Equal([damaged.Number], owner.Told);

        // Writes, flushes and compactions beside it.
        for (int round = 0; round < 8; round++)
        {
            for (int i = 0; i < Keys; i++) Put(engine, i, $"w{round}");
            Flush(engine);
            while (engine.RunOnce()) continue;
        }

        Assert.Null(engine.Stats.Failure);
        for (int i = 0; i < Keys; i++) Assert.Equal($"w7{i}", Read(engine, i));
        Assert.Single(engine.DamagedTables);
        Close(engine);
    }

    [Fact]
    public void What_is_given_up_goes_and_everything_else_stays_over_a_restart()
    {
        MemoryFileSystem files = Filled();
        string table = Tables(files)[0];
        files.Corrupt(table, 40, 0x10);
        LsmEngine engine = Open(files);
        Check(engine, static _ => true);
        LsmDamagedTable damaged = Assert.Single(engine.DamagedTables);

        // By ranges of twenty keys: those that cannot be read are given up.
        var lost = new List<(ReadOnlyMemory<byte>, ReadOnlyMemory<byte>)>();
        for (int from = 0; from < Keys; from += 20)
        {
            if (engine.FindDamage(damaged.Number, Key(from), Key(from + 20)) is null) continue;
            lost.Add((Key(from), Key(from + 20)));
        }

        Assert.InRange(lost.Count, 1, 4);
        Assert.False(engine.DropDamage(damaged.Number, []), "there is damage outside of the ranges given up");
        Assert.Single(engine.DamagedTables);
        Assert.True(engine.DropDamage(damaged.Number, lost));
        Assert.Empty(engine.DamagedTables);
        Assert.False(files.FileExists(table));
        for (int life = 0; life < 2; life++)
        {
            for (int i = 0; i < Keys; i++)
            {
                bool isLost = lost.Exists(r => Key(i).AsSpan().SequenceCompareTo(r.Item1.Span) >= 0
                    && Key(i).AsSpan().SequenceCompareTo(r.Item2.Span) < 0);
                Assert.Equal(isLost || IsDeleted(i) ? null : $"v{i}", Read(engine, i));
            }

            Close(engine);
            files = files.Crash(5);
            engine = Open(files);
            Assert.Empty(engine.DamagedTables);
        }

        Close(engine);
    }

    [Fact]
    public void Whatever_byte_of_a_table_flips_no_read_is_wrong_outside_of_a_table_that_cannot_be_opened()
    {
        MemoryFileSystem sound = Filled();
        string table = Tables(sound)[0];
        long length = Length(sound, table);
        int unreadable = 0;
        for (long at = 0; at < length; at += 97)
        {
            MemoryFileSystem files = sound.Clone();
            files.Corrupt(table, at, 0x10);
            LsmEngine engine = Open(files);
            Check(engine, i => !engine.DamagedTables.Any(d => !d.IsReadable
                && Key(i).AsSpan().SequenceCompareTo(d.Smallest.Span) >= 0 && Key(i).AsSpan().SequenceCompareTo(d.Largest.Span) <= 0));
            unreadable += engine.DamagedTables.Any(static d => !d.IsReadable) ? 1 : 0;
            Assert.Null(engine.Stats.Failure);
            Close(engine);
        }

        MemoryFileSystem cut = sound.Clone();
        cut.Corrupt(table, length - 10, 0x10);
        LsmEngine broken = Open(cut);
        Assert.False(Assert.Single(broken.DamagedTables).IsReadable);
        Assert.NotNull(broken.FindDamage(broken.DamagedTables[0].Number, Key(0), Key(1)));
        Assert.True(broken.DropDamage(broken.DamagedTables[0].Number, []));
        Assert.Null(broken.Get(Key(0)));
        Close(broken);
    }

    [Fact]
    public void What_a_compaction_under_way_reads_is_dropped_only_when_that_has_ended()
    {
        MemoryFileSystem files = Filled();
        string table = Tables(files)[0];
        LsmEngine engine = LsmEngine.Open(Options(files) with { L0CompactionTrigger = 2, CompactionStepBytes = 1 });
        for (int i = 0; i < Keys; i++) Put(engine, i, "w");
        Flush(engine);
        Assert.True(engine.RunOnce());
        Assert.NotEmpty(engine.RunningCompactions());

        // What was wrong is right again, so that the compaction gets through.
        Assert.True(engine.NoteDamage(new CorruptionException(table, 40, "a block", "another")));
        ulong damaged = Assert.Single(engine.DamagedTables).Number;
        Assert.False(engine.DropDamage(damaged, []));
        while (engine.RunOnce()) continue;
        Assert.Null(engine.Stats.Failure);
        Assert.Single(Tables(files));
        Assert.True(engine.DropDamage(damaged, []));
        Assert.Empty(engine.DamagedTables);
        for (int i = 0; i < Keys; i++) Assert.Equal($"w{i}", Read(engine, i));
        Close(engine);
    }

    [Fact]
    public void A_missing_table_is_set_apart_too_and_without_the_option_opening_fails()
    {
        MemoryFileSystem files = Filled();
        files.Delete(Tables(files)[0]);
        Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(files) with { OnDamage = LsmDamageAction.Throw }));
        LsmEngine engine = Open(files);
        Assert.False(Assert.Single(engine.DamagedTables).IsReadable);
        Close(engine);
    }

    [Fact]
    public void A_loss_of_power_at_any_change_while_damage_is_dropped_leaves_one_table_or_the_other()
    {
        for (int call = 0; call < 40; call++)
        {
            MemoryFileSystem files = Filled();
            files.Corrupt(Tables(files)[0], 40, 0x10);
            var faults = new FaultInjectingFileSystem(files);
            LsmEngine engine = Open(faults);
            Check(engine, static _ => true);
            MemoryFileSystem? copy = null;
            faults.Add(new FaultRule { AfterCalls = call, Errno = 0, Action = _ => copy = files.Clone() });
            engine.DropDamage(engine.DamagedTables[0].Number, [(Key(0), Key(60))]);
            if (copy is null) break;
            LsmEngine behind = Open(copy.Crash((ulong)call));
            for (int i = 60; i < Keys; i++)
            {
                Assert.Equal(IsDeleted(i) ? null : $"v{i}", Read(behind, i));
            }

            Close(behind);
        }
    }

    [Fact]
    public async Task A_compaction_that_was_asked_for_goes_around_it_and_comes_to_its_end()
    {
        MemoryFileSystem files = Filled();
        LsmOptions options = Options(files) with
        {
            TargetFileBytes = 1024, L0CompactionTrigger = 2, Compression = Compression.CompressionType.None,
        };
        LsmEngine engine = LsmEngine.Open(options);
        await engine.CompactRangeAsync();
        Close(engine);
        List<string> tables = Tables(files);
        Assert.True(tables.Count > 2);
        files.Corrupt(tables[1], 40, 0x10);
        engine = LsmEngine.Open(options);
        Check(engine, static _ => true);
        LsmDamagedTable damaged = Assert.Single(engine.DamagedTables);

        // What lies above it has to wait for it; what does not is compacted.
        for (int i = 0; i < Keys; i++) Put(engine, i, "w");
        Task asked = engine.CompactRangeAsync();
        Assert.True(asked.IsCompletedSuccessfully, $"it is {asked.Status}");
        Assert.Equal(1, engine.Stats.Levels[0].Tables);
        for (int i = 0; i < Keys; i++) Assert.Equal($"w{i}", Read(engine, i));
        Assert.True(engine.DropDamage(damaged.Number, [(Key(0), Key(Keys))]));
        Assert.True(engine.CompactRangeAsync().IsCompletedSuccessfully);
        Assert.Equal(0, engine.Stats.Levels[0].Tables);
        for (int i = 0; i < Keys; i++) Assert.Equal($"w{i}", Read(engine, i));
        Close(engine);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_a_table_is_set_apart_writes_go_on_for_level_0_is_compacted_in_itself(bool isDeep)
    {
        const int StopTrigger = 6;
        MemoryFileSystem files = Filled();
        LsmOptions options = Options(files) with
        {
            L0CompactionTrigger = 3, L0SlowdownTrigger = 4, L0StopTrigger = StopTrigger, TargetFileBytes = 1024,
        };
        if (isDeep)
        {
            LsmEngine before = LsmEngine.Open(Options(files));
            await before.CompactRangeAsync();
            Assert.Equal(0, before.Stats.Levels[0].Tables);
            Close(before);
        }

        files.Corrupt(Tables(files)[0], 40, 0x10);
        LsmEngine engine = LsmEngine.Open(options);
        Check(engine, static _ => true);
        LsmDamagedTable damaged = Assert.Single(engine.DamagedTables);

        // Each key is written or deleted every seventh round, one by one or by range: none may come back as it was before.
        string?[] model = new string?[Keys];
        for (int round = 0; round < 70; round++)
        {
            for (int i = round % 7; i < Keys; i += 7) Write(engine, i, model[i] = (round + i) % 3 == 0 ? null : $"w{round}");
            var batch = new WriteBatch();
            int from = round * 5 % (Keys - 10);
            batch.DeleteRange(Key(from), Key(from + 10));
            engine.Write(batch);
            Array.Clear(model, from, 10);
            Flush(engine);
            while (engine.RunOnce()) continue;
            Assert.InRange(engine.Stats.Levels[0].Tables, 1, StopTrigger - 1);
            if (round >= 7) Equal(model, engine);
        }

        Close(engine);
        engine = LsmEngine.Open(options with { FileSystem = files.Crash(1) });
        Check(engine, static i => false);
        Equal(model, engine);
        engine.NoteDamage(new CorruptionException(damaged.File, 40, "a block", "another"));
        Assert.True(engine.DropDamage(damaged.Number, [(Key(0), Key(Keys))]));
        while (engine.RunOnce()) continue;
        Assert.InRange(engine.Stats.Levels[0].Tables, 0, 2);
        Equal(model, engine);
        Close(engine);
    }

    private static void Write(LsmEngine engine, int i, string? value)
    {
        var batch = new WriteBatch();
        if (value is null) batch.Delete(Key(i));
        else batch.Put(Key(i), Encoding.UTF8.GetBytes(value));
        engine.Write(batch);
    }

    private static void Equal(string?[] model, LsmEngine engine)
    {
        for (int i = 0; i < Keys; i++)
        {
            try
            {
                Assert.Equal(model[i], Read(engine, i));
            }
            catch (CorruptionException)
            {
                // What only a range delete hides may be asked of the damaged block.
                Assert.Null(model[i]);
            }
        }
    }

    private static string? Read(LsmEngine engine, int i) =>
        engine.Get(Key(i)) is { } got ? Encoding.UTF8.GetString(got.Value.Span) : null;

    private static bool IsDeleted(int i) => i is >= 100 and < 130;

    /// <summary>Reads every key; returns how many cannot be read.</summary>
    private static int Check(LsmEngine engine, Func<int, bool> mustBeRight)
    {
        int failed = 0;
        for (int i = 0; i < Keys; i++)
        {
            try
            {
                string? value = Read(engine, i);
                if (mustBeRight(i)) Assert.Equal(IsDeleted(i) ? null : $"v{i}", value);
            }
            catch (CorruptionException e)
            {
                failed++;
                engine.NoteDamage(e);
            }
        }

        return failed;
    }

    private static MemoryFileSystem Filled()
    {
        var files = new MemoryFileSystem(3);
        LsmEngine engine = Open(files);
        for (int i = 0; i < Keys; i++) Put(engine, i, "v");
        var batch = new WriteBatch();
        batch.DeleteRange(Key(100), Key(130));
        engine.Write(batch);
        Flush(engine);
        Close(engine);
        return files;
    }

    private static void Put(LsmEngine engine, int i, string prefix) => Write(engine, i, $"{prefix}{i}");

    private static void Close(LsmEngine engine) => engine.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static void Flush(LsmEngine engine) => engine.FlushAsync().GetAwaiter().GetResult();

    private static LsmEngine Open(IFileSystem files, ILsmOwner? owner = null) => LsmEngine.Open(Options(files) with { Owner = owner });

    private static LsmOptions Options(IFileSystem files) => new()
    {
        Directory = "/db",
        FileSystem = files,
        WriteAheadLog = LsmWalMode.None,
        RunBackground = false,
        BlockCacheBytes = 0,
        BlockBytes = 512,
        MemtableBytes = 64 << 10,
        OnDamage = LsmDamageAction.SetApart,
        Seed = 5,
    };

    private static byte[] Key(int i) => Encoding.UTF8.GetBytes($"key{i:D5}");

    private static List<string> Tables(MemoryFileSystem files) =>
        [.. files.List("/db").Where(static n => n.EndsWith(".sst", StringComparison.Ordinal)).Order().Select(static n => $"/db/{n}")];

    private static long Length(MemoryFileSystem files, string path)
    {
        using IFile file = files.Open(path, FileOpen.Read);
        return file.Length;
    }

    private sealed class Owner : ILsmOwner
    {
        public List<ulong> Told { get; } = [];

        public void OnMemtableSealed(ulong memtable)
        {
        }

        public bool MayInstall(ulong memtable, ulong maxWatermark) => true;

        public void OnFlushed(ulong memtable)
        {
        }

        public long ExpiryCutoff(ReadOnlySpan<byte> key) => 0;

        public void OnTableDamaged(ulong table) => Told.Add(table);
    }
}
