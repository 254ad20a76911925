using System.Text;

namespace Nori.IO.Tests;

/// <summary>What a power loss leaves of files and names in <see cref="MemoryFileSystem"/>.</summary>
public sealed class CrashTests
{
    private const string Root = "/db";
    private readonly MemoryFileSystem _files = new();

    public CrashTests() => _files.CreateDirectory(Root);

    [Fact]
    public void Synced_bytes_of_a_synced_name_survive_every_crash()
    {
        Write("a", "precious");
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.Write(8, " and unsynced"u8);
        ForEachCrash(after => Assert.StartsWith("precious", Read(after, "a"), StringComparison.Ordinal));
    }

    [Fact]
    public void An_unsynced_write_is_kept_or_dropped_or_torn_between_sectors_or_inside_one()
    {
        Write("a", new string('o', 4096));
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.Write(100, Encoding.ASCII.GetBytes(new string('n', 3000)));

        HashSet<string> seen = [];
        ForEachCrash(after =>
        {
            string text = Read(after, "a");
            Assert.Equal(4096, text.Length);
            Assert.Equal(-1, text.AsSpan().IndexOfAnyExcept('o', 'n'));
            Assert.DoesNotContain('n', text[..100] + text[3100..]);
            int written = text.Count(c => c == 'n');
            if (written is 0 or 3000) seen.Add(written == 0 ? "dropped" : "kept");
            else seen.Add(IsWholeSectors(text) ? "between sectors" : "inside a sector");
        });
        Assert.Equal(["between sectors", "dropped", "inside a sector", "kept"], seen.Order());
    }

    [Fact]
    public void Later_writes_may_survive_where_earlier_ones_do_not()
    {
        Write("a", "..");
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.Write(0, "1"u8);
        file.Write(1, "2"u8);
        HashSet<string> seen = [];
        ForEachCrash(after => seen.Add(Read(after, "a")));
        Assert.Equal(["..", ".2", "1.", "12"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Missing_parts_of_a_torn_write_hold_garbage_where_the_mode_says_so()
    {
        Write("a", new string('o', 600));
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.Write(100, Encoding.ASCII.GetBytes(new string('n', 400)));
        bool garbage = false;
        for (ulong seed = 0; seed < 300; seed++)
        {
            byte[] bytes = _files.Crash(seed, CrashMode.PowerLossGarbage).ReadAllBytes(At("a"));
            garbage |= bytes.AsSpan().ContainsAnyExcept((byte)'o', (byte)'n');
            Assert.Equal(-1, bytes.AsSpan(0, 100).IndexOfAnyExcept((byte)'o'));
            Assert.Equal(-1, bytes.AsSpan(500).IndexOfAnyExcept((byte)'o'));
        }

        Assert.True(garbage);
    }

    [Fact]
    public void A_changed_length_survives_only_by_chance_until_synced()
    {
        Write("a", new string('x', 1000));
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.SetLength(10);
        HashSet<int> lengths = [];
        ForEachCrash(after => lengths.Add(Read(after, "a").Length));
        Assert.Equal([10, 1000], lengths.Order());
        Assert.Equal(new string('x', 1000), Read(_files.Crash(0, CrashMode.DropUnsynced), "a"));

        file.Sync();
        ForEachCrash(after => Assert.Equal(10, Read(after, "a").Length));
    }

    [Fact]
    public void A_synced_file_is_lost_with_its_name_when_the_directory_was_not_synced()
    {
        Write("a", "x");
        HashSet<bool> exists = [];
        ForEachCrash(after => exists.Add(after.FileExists(At("a"))));
        Assert.Equal(2, exists.Count);
        Assert.False(_files.Crash(0, CrashMode.DropUnsynced).FileExists(At("a")));

        _files.SyncDirectory(Root);
        ForEachCrash(after => Assert.Equal("x", Read(after, "a")));
    }

    [Fact]
    public void A_rename_is_whole_and_durable_only_after_the_directory_is_synced()
    {
        Write("current", "old");
        Write("next", "new");
        _files.SyncDirectory(Root);
        _files.Rename(At("next"), At("current"));
        HashSet<string> seen = [];
        ForEachCrash(after => seen.Add($"{Read(after, "current")} {after.FileExists(At("next"))}"));
        Assert.Equal(["new False", "old True"], seen.Order(StringComparer.Ordinal));

        _files.SyncDirectory(Root);
        ForEachCrash(after => Assert.Equal("new", Read(after, "current")));
    }

    [Fact]
    public void A_rename_between_directories_is_in_one_or_the_other()
    {
        _files.CreateDirectory(At("d"));
        Write("a", "x");
        _files.SyncDirectory(Root);
        _files.Rename(At("a"), At("d/a"));
        ForEachCrash(after => Assert.NotEqual(after.FileExists(At("a")), after.FileExists(At("d/a"))));
        _files.SyncDirectory(Root);
        ForEachCrash(after => Assert.True(after.FileExists(At("d/a"))));
    }

    [Fact]
    public void Syncing_one_side_of_a_rename_leaves_no_hole_in_the_history_of_the_other()
    {
        _files.CreateDirectory(At("d"));
        Write("d/first", "x");
        Write("d/a", "x");
        _files.Rename(At("d/a"), At("a"));
        Write("d/later", "x");
        _files.SyncDirectory(Root);
        HashSet<bool> later = [];
        ForEachCrash(after =>
        {
            Assert.True(after.FileExists(At("a")));
            Assert.True(after.FileExists(At("d/first")));
            later.Add(after.FileExists(At("d/later")));
        });
        Assert.Equal(2, later.Count);
    }

    [Fact]
    public void The_names_of_a_directory_survive_in_order()
    {
        for (int i = 0; i < 10; i++) Write($"f{i}", "x");
        HashSet<int> counts = [];
        ForEachCrash(after =>
        {
            IReadOnlyList<string> names = after.List(Root);
            Assert.Equal(Enumerable.Range(0, names.Count).Select(i => $"f{i}"), names);
            counts.Add(names.Count);
        });
        Assert.True(counts.Count > 4);
    }

    [Fact]
    public void A_deleted_name_may_come_back_until_the_directory_is_synced()
    {
        Write("a", "x");
        _files.SyncDirectory(Root);
        _files.Delete(At("a"));
        Assert.True(_files.Crash(0, CrashMode.DropUnsynced).FileExists(At("a")));
        _files.SyncDirectory(Root);
        ForEachCrash(after => Assert.False(after.FileExists(At("a"))));
    }

    [Fact]
    public void A_name_synced_before_its_content_leaves_an_empty_file()
    {
        using IFile file = _files.Open(At("a"), FileOpen.CreateNew);
        _files.SyncDirectory(Root);
        file.Write(0, "x"u8);
        Assert.Equal("", Read(_files.Crash(0, CrashMode.DropUnsynced), "a"));
    }

    [Fact]
    public void Two_names_of_one_file_share_its_fate()
    {
        Write("a", "one");
        _files.HardLink(At("a"), At("b"));
        _files.SyncDirectory(Root);
        using (IFile file = _files.Open(At("b"), FileOpen.ReadWrite)) file.Write(0, "two"u8);
        ForEachCrash(after =>
        {
            Assert.Equal(Read(after, "a"), Read(after, "b"));
            using (IFile file = after.Open(At("a"), FileOpen.ReadWrite)) file.Write(0, "six"u8);
            Assert.Equal("six", Read(after, "b"));
        });
    }

    [Fact]
    public void A_process_that_dies_leaves_everything_written_but_nothing_more_durable()
    {
        Write("a", "x");
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        file.Write(0, "y"u8);
        using IDisposable held = _files.LockDirectory(Root);
        MemoryFileSystem after = _files.Crash(0, CrashMode.ProcessOnly);
        Assert.Equal("y", Read(after, "a"));
        Assert.Equal("x", Read(after.Crash(0, CrashMode.DropUnsynced), "a"));
        after.LockDirectory(Root).Dispose();
    }

    [Fact]
    public void What_a_crash_left_is_durable()
    {
        Write("a", new string('x', 5000));
        ForEachCrash(after =>
        {
            MemoryFileSystem again = after.Crash(7);
            Assert.Equal(after.List(Root), again.List(Root));
            foreach (string name in after.List(Root)) Assert.Equal(Read(after, name), Read(again, name));
        });
    }

    [Fact]
    public void Equal_seeds_give_equal_crashes()
    {
        for (int i = 0; i < 5; i++) Write($"f{i}", "");
        _files.SyncDirectory(Root);
        for (int i = 0; i < 5; i++)
        {
            using IFile file = _files.Open(At($"f{i}"), FileOpen.ReadWrite);
            file.Write(i * 300, Encoding.ASCII.GetBytes(new string((char)('a' + i), 4000)));
        }

        HashSet<string> different = [];
        for (ulong seed = 0; seed < 20; seed++)
        {
            string first = Fingerprint(_files.Crash(seed));
            Assert.Equal(first, Fingerprint(_files.Crash(seed)));
            different.Add(first);
        }

        Assert.True(different.Count > 10);
    }

    [Fact]
    public void A_crash_leaves_the_old_file_system_and_its_open_files_apart_from_the_new()
    {
        Write("a", "x");
        _files.SyncDirectory(Root);
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        MemoryFileSystem after = _files.Crash(1);
        file.Write(0, "y"u8);
        file.Sync();
        Assert.Equal("x", Read(after, "a"));
        Assert.Equal("y", Read(_files, "a"));

        _files.PowerOff();
        Assert.Equal(Errno.IO, Assert.Throws<StorageException>(() => file.Write(0, "z"u8)).Errno);
        Assert.Equal(Errno.IO, Assert.Throws<StorageException>(() => _files.SyncDirectory(Root)).Errno);
    }

    [Fact]
    public void Corruption_flips_bits_that_no_crash_takes_back()
    {
        Write("a", "abc");
        _files.SyncDirectory(Root);
        _files.Corrupt(At("a"), 1, 0x20);
        Assert.Equal("aBc", Read(_files, "a"));
        Assert.Equal("aBc", Read(_files.Crash(0, CrashMode.DropUnsynced), "a"));
    }

    [Fact]
    public void A_full_file_system_refuses_growth_only()
    {
        Write("a", "12345");
        _files.CapacityBytes = 8;
        using IFile file = _files.Open(At("a"), FileOpen.ReadWrite);
        Assert.Equal(3, _files.FreeBytes(Root));
        file.Write(5, "678"u8);
        Assert.True(Assert.Throws<StorageException>(() => file.Write(8, "9"u8)).IsDiskFull);
        file.Write(0, "x"u8);
        file.SetLength(2);
        file.Write(2, "345678"u8);
        Assert.Equal(0, _files.FreeBytes(Root));
    }

    private static bool IsWholeSectors(string text)
    {
        // The write covers [100, 3100): inside each sector it is all there or not at all.
        for (int start = 0; start < 4096; start += 512)
        {
            int from = Math.Max(start, 100), to = Math.Min(start + 512, 3100);
            if (from < to && text[from..to].Distinct().Count() > 1) return false;
        }

        return true;
    }

    private static string At(string name) => $"{Root}/{name}";

    private static string Read(IFileSystem files, string name) =>
        Encoding.ASCII.GetString(files.ReadAllBytes(At(name)));

    private static string Fingerprint(IFileSystem files) =>
        string.Join('|', files.List(Root).Select(name => name + "=" + Read(files, name)));

    private void Write(string name, string text)
    {
        using IFile file = _files.Open(At(name), FileOpen.CreateNew);
        file.Write(0, Encoding.ASCII.GetBytes(text));
        file.Sync();
    }

    private void ForEachCrash(Action<MemoryFileSystem> check)
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            try
            {
                check(_files.Crash(seed));
            }
            catch (Xunit.Sdk.XunitException e)
            {
                throw new InvalidOperationException($"crash seed {seed}: {e.Message}", e);
            }
        }
    }
}
