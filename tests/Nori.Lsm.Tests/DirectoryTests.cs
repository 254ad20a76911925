using Nori.Core;
using Nori.IO;
using Nori.Lsm.Manifest;
using Nori.SSTable;
using Nori.Wal;

namespace Nori.Lsm.Tests;

/// <summary>D3, D13, D17, L9: missing, extra and damaged files are named, and never answered from.</summary>
public sealed class DirectoryTests
{
    private readonly MemoryFileSystem _files = new(5);

    [Fact]
    public void Orphans_are_deleted_after_the_manifest_was_read_and_other_files_are_left_alone()
    {
        Fill();
        foreach (string name in new[] { "00009999.sst", "MANIFEST-00009998", "CURRENT.tmp", "notes.txt" })
            WriteFile(name, [1, 2, 3]);
        using var scope = new LsmEngineScope(Options());
        Assert.Equal(["00009999.sst", "CURRENT.tmp", "MANIFEST-00009998"], scope.Engine.OpenReport.OrphansDeleted);
        Assert.True(_files.FileExists("/db/notes.txt"));
        Assert.False(_files.FileExists("/db/00009999.sst"));
        // A number that was ever used is not used again.
        Assert.Equal(["MANIFEST-00010000"], _files.List("/db").Where(name => name.StartsWith("MANIFEST", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_missing_table_is_named_and_nothing_is_deleted()
    {
        Fill();
        string table = Tables()[0];
        _files.Delete($"/db/{table}");
        WriteFile("00009999.sst", [1]);
        CorruptionException e = Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options()));
        Assert.Equal($"/db/{table}", e.File);
        Assert.True(_files.FileExists("/db/00009999.sst"));
    }

    [Fact]
    public void A_cut_table_is_named()
    {
        Fill();
        string path = $"/db/{Tables()[0]}";
        using (IFile file = _files.Open(path, FileOpen.ReadWrite)) file.SetLength(file.Length / 2);
        Assert.Equal(path, Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options())).File);
    }

    [Fact]
    public void A_sound_table_under_the_name_of_another_is_named()
    {
        Fill();
        List<byte[]> tables = [.. Tables().Select(name => _files.ReadAllBytes($"/db/{name}"))];
        int other = tables.FindIndex(bytes => bytes.Length != tables[0].Length);
        string path = $"/db/{Tables()[0]}";
        _files.Delete(path);
        WriteFile(Path.GetFileName(path), tables[other]);
        Assert.Equal(path, Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options())).File);
    }

    [Fact]
    public void A_missing_or_damaged_current_is_named_and_one_damaged_copy_is_survived()
    {
        Fill();
        MemoryFileSystem one = _files.Clone();
        one.Corrupt("/db/CURRENT", 5, 1);
        using (var scope = new LsmEngineScope(Options(one))) Assert.NotEmpty(Workload.Read(scope.Engine));

        MemoryFileSystem both = _files.Clone();
        both.Corrupt("/db/CURRENT", 5, 1);
        both.Corrupt("/db/CURRENT", 5 + CurrentFile.CopyBytes, 1);
        Assert.Equal("/db/CURRENT", Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(both))).File);

        MemoryFileSystem none = _files.Clone();
        none.Delete("/db/CURRENT");
        Assert.Equal("/db/CURRENT", Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(none))).File);
    }

    [Fact]
    public void A_missing_log_segment_is_named()
    {
        using (var scope = new LsmEngineScope(Options()))
        {
            for (int i = 0; i < 300; i++) Put(scope.Engine, i);
            Assert.NotEqual(0, scope.Engine.Stats.FlushedBytes);
        }

        List<string> segments = [.. _files.List("/db/wal").Where(name => name.EndsWith(".wal", StringComparison.Ordinal))];
        foreach (int gone in new[] { 0, segments.Count })
        {
            MemoryFileSystem files = _files.Clone();
            if (gone == 0) files.Delete($"/db/wal/{segments[0]}");
            else foreach (string segment in segments) files.Delete($"/db/wal/{segment}");
            CorruptionException e = Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options(files)));
            Assert.StartsWith("/db/wal", e.File, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_log_whose_sequence_numbers_go_back_is_named()
    {
        using (var scope = new LsmEngineScope(Options()))
            for (int i = 0; i < 3; i++) Put(scope.Engine, i);
        // The last write once more, as the next.
        using (WalLog log = WalLog.Open(new WalOptions { Directory = "/db/wal", FileSystem = _files }, out _))
        {
            using WalReader reader = log.ReadFrom(WalPosition.Start);
            using var batch = new WalBatch();
            byte type = 0;
            byte[] payload = [];
            while (reader.Read()) (type, payload) = (reader.Type, reader.Payload.ToArray());
            batch.Add(type, payload);
            log.Append(batch);
            log.Close();
        }

        CorruptionException e = Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options()));
        Assert.StartsWith("/db/wal", e.File, StringComparison.Ordinal);
        Assert.Contains("a sequence number above 3", e.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_flipped_byte_of_the_manifest_is_healed_or_named()
    {
        SortedDictionary<string, string> expected = Fill();
        string path = $"/db/{_files.List("/db").First(name => name.StartsWith("MANIFEST", StringComparison.Ordinal))}";
        long length;
        using (IFile file = _files.Open(path, FileOpen.Read)) length = file.Length;
        int healed = 0;
        for (long at = 0; at < length; at += 3)
        {
            MemoryFileSystem files = _files.Clone();
            files.Corrupt(path, at, (byte)(1 << (int)(at % 8)));
            using var scope = new LsmEngineScope(Options(files));
            Assert.Equal(expected, Workload.Read(scope.Engine));
            healed += scope.Engine.OpenReport.ManifestHealed;
        }

        Assert.True(healed > 10);
    }

    [Fact]
    public void Both_copies_of_an_edit_damaged_before_others_is_corruption_with_file_and_offset()
    {
        byte[] first = ManifestFormat.EncodeEdit(3, 1, new VersionEdit { Levels = 7, NextFileNumber = 2 });
        byte[] second = ManifestFormat.EncodeEdit(3, 2, new VersionEdit { LastSequence = 9 });
        byte[] third = ManifestFormat.EncodeEdit(3, 3, new VersionEdit { LastSequence = 10 });
        byte[] file = [.. ManifestFormat.EncodeHeader(3), .. first, .. second, .. third];
        int at = ManifestFormat.HeaderBytes + first.Length;
        file[at + 17] ^= 1;
        file[at + (second.Length / 2) + 17] ^= 1;
        CorruptionException e = Assert.Throws<CorruptionException>(() => ManifestReader.Read("m", file));
        Assert.Equal(at, e.Offset);

        // The same at the end is a write that a crash cut.
        ManifestReader torn = ManifestReader.Read("m", file[..^third.Length]);
        Assert.Single(torn.Edits);
        Assert.Equal(second.Length, torn.TornBytes);
    }

    [Fact]
    public void Mutated_manifests_give_a_state_or_corruption_and_nothing_else()
    {
        Fill();
        string path = $"/db/{_files.List("/db").First(name => name.StartsWith("MANIFEST", StringComparison.Ordinal))}";
        byte[] original = _files.ReadAllBytes(path);
        var random = new Prng(11);
        for (int i = 0; i < 3000; i++)
        {
            byte[] mutant = original[..(random.Chance(0.3) ? random.NextInt(original.Length) : original.Length)];
            for (int flips = random.NextInt(1, 12); flips > 0 && mutant.Length > 0; flips--)
                mutant[random.NextInt(mutant.Length)] = (byte)random.NextUInt32();
            try
            {
                ManifestReader.Read(path, mutant);
            }
            catch (CorruptionException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void A_damaged_block_is_an_exception_with_file_and_offset_and_never_other_data()
    {
        SortedDictionary<string, string> expected = Fill();
        string path = $"/db/{Tables()[0]}";
        long length;
        using (IFile file = _files.Open(path, FileOpen.Read)) length = file.Length;
        for (long at = 0; at < length; at += 7)
        {
            MemoryFileSystem files = _files.Clone();
            files.Corrupt(path, at, 0x10);
            try
            {
                using var scope = new LsmEngineScope(Options(files));
                Assert.Equal(expected, Workload.Read(scope.Engine));
            }
            catch (CorruptionException e)
            {
                Assert.Equal(path, e.File);
            }
        }
    }

    [Fact]
    public void A_second_engine_on_the_directory_is_refused()
    {
        using var scope = new LsmEngineScope(Options());
        Assert.Throws<DirectoryLockedException>(() => LsmEngine.Open(Options()));
    }

    [Fact]
    public void The_manifest_is_written_anew_when_it_grew_large()
    {
        using var scope = new LsmEngineScope(Options());
        for (int i = 0; i < 200; i++)
        {
            Put(scope.Engine, i % 20);
            Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
            while (scope.Engine.RunOnce()) continue;
        }

        string name = Assert.Single(_files.List("/db"), n => n.StartsWith("MANIFEST", StringComparison.Ordinal));
        using IFile file = _files.Open($"/db/{name}", FileOpen.Read);
        Assert.True(file.Length < 8192, $"{file.Length} bytes");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_log_that_nothing_was_flushed_from_is_missed_when_it_is_gone(bool wholeDirectory)
    {
        LsmEngine engine = LsmEngine.Open(Options());
        var batch = new WriteBatch();
        batch.Put("a"u8, "acknowledged"u8);
        engine.Write(batch);
        await engine.DisposeAsync();
        if (wholeDirectory) _files.DeleteDirectory("/db/wal");
        else foreach (string name in _files.List("/db/wal")) _files.Delete($"/db/wal/{name}");
        IReadOnlyList<string> before = _files.List("/db");
        Assert.Equal("/db/wal", Assert.Throws<CorruptionException>(() => LsmEngine.Open(Options())).File);
        Assert.Equal(before, _files.List("/db"));
    }

    // For example the sources of an ingest, built where they are not meant to be.
    [Fact]
    public void Tables_that_others_put_where_the_engines_next_ones_would_go_are_left_alone_while_it_runs()
    {
        SortedDictionary<string, string> expected = Fill();
        using var scope = new LsmEngineScope(Options());
        LsmEngine engine = scope.Engine;
        ulong next = _files.List("/db")
            .Max(name => FileNames.TryParseTable(name, out ulong n) || FileNames.TryParseManifest(name, out n) ? n : 0) + 1;
        var strange = new List<string>();
        for (ulong number = next; number < next + 40; number += 1 + (number % 2))
        {
            strange.Add(FileNames.Table(number));
            using var builder = new TableBuilder(_files, $"/db/{strange[^1]}");
            builder.Add(Keys.Of($"strange {number}"), Keys.Of("table"));
            builder.Finish();
        }

        List<byte[]> bytes = [.. strange.Select(name => _files.ReadAllBytes($"/db/{name}"))];
        // By ingest, flush and compaction.
        Workload.Wait(engine.IngestAsync([$"/db/{strange[0]}"]), engine);
        expected[$"strange {next}"] = "table";
        for (int i = 0; i < 10; i++)
        {
            Put(engine, i);
            Workload.Wait(engine.FlushAsync(), engine);
        }

        while (engine.RunOnce()) continue;
        Assert.Null(engine.Stats.Failure);
        Assert.Equal(expected, Workload.Read(engine));
        Assert.Equal(bytes, strange.Select(name => _files.ReadAllBytes($"/db/{name}")));
    }

    // Here all links fail from the first on: what is taken back are links, not what is in their way.
    [Fact]
    public async Task An_ingest_that_cannot_link_deletes_nothing_that_it_did_not_make()
    {
        var faulty = new FaultInjectingFileSystem(_files);
        Fill();
        using var scope = new LsmEngineScope(Options(faulty));
        _files.CreateDirectory("/in");
        using (var builder = new TableBuilder(_files, "/in/1.sst"))
        {
            builder.Add(Keys.Of("key"), Keys.Of("in"));
            builder.Finish();
        }

        string? inTheWay = null;
        faulty.Add(new FaultRule
        {
            Operation = FileOperation.HardLink, Errno = 0,
            Action = call =>
            {
                inTheWay = Path.GetFileName(call.Path);
                WriteFile(inTheWay, [1, 2, 3]);
            },
        });
        await Assert.ThrowsAsync<StorageException>(() => scope.Engine.IngestAsync(["/in/1.sst"]));
        Assert.NotNull(inTheWay);
        Assert.Equal([1, 2, 3], _files.ReadAllBytes($"/db/{inTheWay}"));
    }

    private LsmOptions Options(IFileSystem? files = null) => Workload.Small(files ?? _files);

    private List<string> Tables() => [.. _files.List("/db").Where(name => name.EndsWith(".sst", StringComparison.Ordinal))];

    private SortedDictionary<string, string> Fill()
    {
        using var scope = new LsmEngineScope(Options());
        for (int i = 0; i < 120; i++)
        {
            Put(scope.Engine, i);
            if (i % 20 == 19) Workload.Wait(scope.Engine.FlushAsync(), scope.Engine);
        }

        while (scope.Engine.RunOnce()) continue;
        return Workload.Read(scope.Engine);
    }

    private static void Put(LsmEngine engine, int i)
    {
        var batch = new WriteBatch();
        batch.Put(Keys.Number(i), Keys.Of($"value {i}" + new string('-', 40)));
        engine.Write(batch);
    }

    private void WriteFile(string name, byte[] bytes)
    {
        using IFile file = _files.Open($"/db/{name}", FileOpen.CreateNew);
        file.Write(0, bytes);
    }
}
