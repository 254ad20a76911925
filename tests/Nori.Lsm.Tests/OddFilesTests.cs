using Nori.IO;
using Nori.Lsm.Manifest;

namespace Nori.Lsm.Tests;

/// <summary>D11, D13, D17: files that are empty, forbidden or half replaced, and a disk that does not answer.</summary>
public sealed class OddFilesTests
{
    [Fact]
    public void An_empty_file_is_named_and_never_taken_for_less_data()
    {
        MemoryFileSystem sound = Filled(out SortedDictionary<string, string> expected);
        foreach (string name in AllFiles(sound))
        {
            MemoryFileSystem files = sound.Clone();
            using (IFile file = files.Open(name, FileOpen.ReadWrite)) file.SetLength(0);
            try
            {
                using var scope = new LsmEngineScope(Workload.Small(files));
                Assert.Equal(expected, Workload.Read(scope.Engine));
            }
            catch (CorruptionException e)
            {
                Assert.Equal(name, e.File);
                continue;
            }

            Assert.True(name.EndsWith(".free", StringComparison.Ordinal), $"nobody missed the bytes of {name}");
        }
    }

    [Fact]
    public void A_file_that_may_not_be_opened_is_named()
    {
        const int PermissionDenied = 13;
        MemoryFileSystem sound = Filled(out SortedDictionary<string, string> expected);
        foreach (string name in AllFiles(sound).Where(name => !name.EndsWith(".free", StringComparison.Ordinal)))
        {
            MemoryFileSystem memory = sound.Clone();
            var files = new FaultInjectingFileSystem(memory);
            files.Add(new FaultRule { Operation = FileOperation.Open, PathPattern = name, Errno = PermissionDenied });
            StorageException refused = Assert.ThrowsAny<StorageException>(() => LsmEngine.Open(Workload.Small(files)));
            Assert.Equal((name, PermissionDenied), (refused.Path, refused.Errno));
            using var scope = new LsmEngineScope(Workload.Small(memory));
            Assert.Equal(expected, Workload.Read(scope.Engine));
        }
    }

    [Fact]
    public void A_CURRENT_of_one_old_and_one_new_copy_is_corruption_and_not_a_guess()
    {
        MemoryFileSystem files = Filled(out _);
        byte[] mixed = [.. CurrentFile.Encode(3)[..CurrentFile.CopyBytes], .. CurrentFile.Encode(4)[CurrentFile.CopyBytes..]];
        using (IFile file = files.Open("/db/CURRENT", FileOpen.ReadWrite)) file.Write(0, mixed);
        CorruptionException e = Assert.Throws<CorruptionException>(() => LsmEngine.Open(Workload.Small(files)));
        Assert.Equal("/db/CURRENT", e.File);
    }

    [Fact]
    public async Task While_a_sync_stands_still_reads_go_on_and_the_write_waits_for_it()
    {
        using var stands = new ManualResetEventSlim();
        using var goesOn = new ManualResetEventSlim();
        var files = new FaultInjectingFileSystem(new MemoryFileSystem(1));
        LsmEngine engine = LsmEngine.Open(Workload.Small(files) with { RunBackground = true, Time = TimeProvider.System });
        await engine.PutAsync(Keys.Of("a"), Keys.Of("1"));
        files.Add(new FaultRule
        {
            Operation = FileOperation.Sync, PathPattern = "/db/wal/*", Errno = 0,
            Action = _ =>
            {
                stands.Set();
                goesOn.Wait();
            },
        });
        Task write = engine.PutAsync(Keys.Of("a"), Keys.Of("2")).AsTask();
        stands.Wait(TestContext.Current.CancellationToken);
        Task behind = engine.PutAsync(Keys.Of("b"), Keys.Of("3")).AsTask();
        for (int i = 0; i < 100; i++) Assert.Equal("1", Keys.Show(engine.Get(Keys.Of("a"))!.Value.Value.Span));
        Assert.Single(engine.Scan(ScanRange.All));
        Assert.False(write.IsCompleted || behind.IsCompleted);
        goesOn.Set();
        await Task.WhenAll(write, behind);
        Assert.Equal("2", Keys.Show(engine.Get(Keys.Of("a"))!.Value.Value.Span));
        Assert.NotNull(engine.Get(Keys.Of("b")));
        await engine.DisposeAsync();
    }

    private static IEnumerable<string> AllFiles(MemoryFileSystem files) =>
        files.List("/db").Where(name => name is not ("wal" or "LOCK")).Select(name => "/db/" + name)
            .Concat(files.List("/db/wal").Where(name => name != "LOCK").Select(name => "/db/wal/" + name));

    private static MemoryFileSystem Filled(out SortedDictionary<string, string> expected)
    {
        var files = new MemoryFileSystem(2);
        using var scope = new LsmEngineScope(Workload.Small(files));
        for (int i = 0; i < 120; i++)
        {
            var batch = new WriteBatch();
            batch.Put(Keys.Number(i), Keys.Of(new string('v', 60)));
            scope.Engine.Write(batch);
        }

        expected = Workload.Read(scope.Engine);
        return files;
    }
}
