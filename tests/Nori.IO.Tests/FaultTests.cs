namespace Nori.IO.Tests;

/// <summary>The rules of <see cref="FaultInjectingFileSystem"/>.</summary>
public sealed class FaultTests
{
    private readonly MemoryFileSystem _memory = new();
    private readonly FaultInjectingFileSystem _files;

    public FaultTests() => _files = new FaultInjectingFileSystem(_memory);

    [Fact]
    public void The_third_sync_on_a_log_fails_once()
    {
        FaultRule rule = new() { Operation = FileOperation.Sync, PathPattern = "*.wal", AfterCalls = 2 };
        _files.Add(rule);
        using IFile other = _files.Open("/a.sst", FileOpen.CreateNew);
        using IFile log = _files.Open("/1.wal", FileOpen.CreateNew);
        for (int i = 0; i < 5; i++) other.Sync();
        log.Sync();
        log.Sync();
        StorageException e = Assert.Throws<StorageException>(log.Sync);
        Assert.Equal(("sync", "/1.wal", Errno.IO), (e.Operation, e.Path, e.Errno));
        log.Sync();
        Assert.Equal(4, rule.Matches);
        Assert.Equal(9, _files.Calls(FileOperation.Sync));
    }

    [Fact]
    public void A_rule_without_end_fails_until_cleared()
    {
        using IFile file = _files.Open("/a", FileOpen.CreateNew);
        _files.Add(new FaultRule { Operation = FileOperation.Write, Errno = Errno.NoSpace, Times = FaultRule.Forever });
        for (int i = 0; i < 3; i++) Assert.True(Assert.Throws<StorageException>(() => file.Write(0, "x"u8)).IsDiskFull);
        _files.ClearRules();
        file.Write(0, "x"u8);
    }

    [Fact]
    public void A_failing_write_can_leave_a_part()
    {
        using IFile file = _files.Open("/a", FileOpen.CreateNew);
        _files.Add(new FaultRule { Operation = FileOperation.Write, PartialBytes = 4, Times = 2 });
        Assert.Throws<StorageException>(() => file.Write(0, "abcdef"u8));
        Assert.Equal(4, file.Length);
        Assert.Throws<StorageException>(() => file.Write(4, [new byte[3], new byte[3]]));
        Assert.Equal(8, file.Length);
    }

    [Fact]
    public void A_lying_disk_answers_a_sync_that_did_not_happen()
    {
        using IFile file = _files.Open("/a", FileOpen.CreateNew);
        _files.SyncDirectory("/");
        _files.Add(new FaultRule { Operation = FileOperation.Sync, Skip = true });
        file.Write(0, "x"u8);
        file.Sync();
        Assert.Empty(_memory.Crash(0, CrashMode.DropUnsynced).ReadAllBytes("/a"));
        file.Sync();
        Assert.Single(_memory.Crash(0, CrashMode.DropUnsynced).ReadAllBytes("/a"));
    }

    [Fact]
    public void A_hook_sees_every_change_and_can_take_a_crash_clone_before_it()
    {
        List<string> seen = [];
        List<int> lengths = [];
        _files.Add(new FaultRule
        {
            Times = FaultRule.Forever,
            Errno = 0,
            Action = call =>
            {
                seen.Add($"{call.Number} {call.Operation} {call.Path}");
                MemoryFileSystem before = _memory.Crash(1, CrashMode.ProcessOnly);
                lengths.Add(before.FileExists("/a") ? before.ReadAllBytes("/a").Length : -1);
            },
        });
        using (IFile file = _files.Open("/a", FileOpen.OpenOrCreate))
        {
            file.Write(0, "x"u8);
            file.Sync();
        }

        _files.Rename("/a", "/b");
        _files.SyncDirectory("/");
        Assert.Equal(["1 Create /a", "2 Write /a", "3 Sync /a", "4 Rename /b", "5 SyncDirectory /"], seen);
        Assert.Equal([-1, 0, 1, 1, -1], lengths);
    }

    [Fact]
    public void Renames_and_links_match_by_either_name()
    {
        _files.Open("/a.tmp", FileOpen.CreateNew).Dispose();
        _files.Add(new FaultRule { Operation = FileOperation.Rename, PathPattern = "*.tmp" });
        Assert.Equal(Errno.IO, Assert.Throws<StorageException>(() => _files.Rename("/a.tmp", "/a")).Errno);
        Assert.True(_memory.FileExists("/a.tmp"));
        _files.Add(
            new FaultRule { Operation = FileOperation.HardLink, PathPattern = "/check*", Errno = Errno.ReadOnly });
        Assert.Equal(
            Errno.ReadOnly, Assert.Throws<StorageException>(() => _files.HardLink("/a.tmp", "/checkpoint1")).Errno);
    }

    [Fact]
    public void Every_operation_can_be_failed()
    {
        _files.CreateDirectory("/d");
        using IFile file = _files.Open("/d/a", FileOpen.CreateNew);
        (FileOperation Operation, Action Call)[] calls =
        [
            (FileOperation.Open, () => _files.Open("/d/a", FileOpen.Read)),
            (FileOperation.Create, () => _files.Open("/d/b", FileOpen.CreateNew)),
            (FileOperation.Read, () => file.Read(0, new byte[1])),
            (FileOperation.Write, () => file.Write(0, "x"u8)),
            (FileOperation.SetLength, () => file.SetLength(1)),
            (FileOperation.Sync, file.Sync),
            (FileOperation.SyncDirectory, () => _files.SyncDirectory("/d")),
            (FileOperation.Rename, () => _files.Rename("/d/a", "/d/c")),
            (FileOperation.HardLink, () => _files.HardLink("/d/a", "/d/c")),
            (FileOperation.Delete, () => _files.Delete("/d/a")),
            (FileOperation.CreateDirectory, () => _files.CreateDirectory("/e")),
            (FileOperation.DeleteDirectory, () => _files.DeleteDirectory("/d")),
            (FileOperation.List, () => _files.List("/d")),
        ];
        foreach ((FileOperation operation, Action call) in calls)
        {
            _files.ClearRules();
            _files.Add(new FaultRule { Operation = operation });
            Assert.Equal(Errno.IO, Assert.Throws<StorageException>(call).Errno);
        }

        Assert.Equal(["a"], _memory.List("/d"));
        Assert.Equal(FileOperation.All, calls.Aggregate(FileOperation.None, (all, c) => all | c.Operation));
    }

    [Fact]
    public void Calls_and_bytes_are_counted()
    {
        using IFile file = _files.Open("/a", FileOpen.CreateNew);
        file.Write(0, new byte[10]);
        file.Write(10, [new byte[5], new byte[6]]);
        file.Read(0, new byte[100]);
        Assert.Equal(21, _files.BytesWritten);
        Assert.Equal(21, _files.BytesRead);
        Assert.Equal(3, _files.Calls(FileOperation.Write | FileOperation.Create));
        Assert.Equal(4, _files.TotalCalls);
    }
}
