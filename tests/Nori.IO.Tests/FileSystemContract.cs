using System.Text;

namespace Nori.IO.Tests;

/// <summary>
/// What every file system promises: the same tests over the disk, the memory and the fault-injecting wrapper.
/// </summary>
public abstract class FileSystemContract
{
    private protected abstract IFileSystem Files { get; }

    private protected abstract string Root { get; }

    [Fact]
    public void Written_bytes_are_read_back_at_their_offsets()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Write(0, "hello"u8);
        file.Write(5, " world"u8);
        byte[] buffer = new byte[6];
        Assert.Equal(6, file.Read(3, buffer));
        Assert.Equal("lo wor"u8, buffer);
        Assert.Equal(11, file.Length);
        Assert.Equal(At("a"), file.Path);
    }

    [Fact]
    public void A_read_is_short_only_at_the_end()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Write(0, new byte[10_000]);
        Assert.Equal(10_000, file.Read(0, new byte[20_000]));
        Assert.Equal(1, file.Read(9_999, new byte[5]));
        Assert.Equal(0, file.Read(10_000, new byte[5]));
        Assert.Equal(0, file.Read(50_000, new byte[5]));
        Assert.False(file.TryReadExactly(9_999, new byte[2]));
        Assert.True(file.TryReadExactly(9_999, new byte[1]));
    }

    [Fact]
    public void A_gap_left_by_a_write_beyond_the_end_reads_as_zeros()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Write(1_000_000, "x"u8);
        byte[] buffer = new byte[1_000_001];
        buffer.AsSpan().Fill(7);
        Assert.Equal(buffer.Length, file.Read(0, buffer));
        Assert.Equal(-1, buffer.AsSpan(0, 1_000_000).IndexOfAnyExcept((byte)0));
        Assert.Equal((byte)'x', buffer[^1]);
    }

    [Fact]
    public void Buffers_are_written_one_behind_the_other()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        ReadOnlyMemory<byte>[] parts = Enumerable.Range(0, 3000)
            .Select(i => new ReadOnlyMemory<byte>(Encoding.ASCII.GetBytes($"<{i}>"))).ToArray();
        file.Write(7, parts);
        byte[] expected = parts.SelectMany(part => part.ToArray()).ToArray();
        byte[] actual = new byte[expected.Length];
        Assert.Equal(actual.Length, file.Read(7, actual));
        Assert.Equal(expected, actual);
        Assert.Equal(7 + expected.Length, file.Length);
    }

    [Fact]
    public void Cutting_and_extending_leaves_zeros_where_bytes_were_cut()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Write(0, Enumerable.Repeat((byte)9, 9000).ToArray());
        file.SetLength(100);
        Assert.Equal(100, file.Length);
        file.SetLength(9000);
        byte[] buffer = new byte[9000];
        Assert.Equal(9000, file.Read(0, buffer));
        Assert.Equal(100, buffer.AsSpan().IndexOf((byte)0));
        Assert.Equal(-1, buffer.AsSpan(100).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Zero_fill_writes_zeros_over_what_was_there()
    {
        using IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Write(0, Enumerable.Repeat((byte)9, 600_000).ToArray());
        file.ZeroFill(10, 599_990);
        byte[] buffer = new byte[600_000];
        file.Read(0, buffer);
        Assert.Equal(10, buffer.AsSpan().IndexOf((byte)0));
        Assert.Equal(599_989, buffer.AsSpan().LastIndexOf((byte)0));
        Assert.Equal(-1, buffer.AsSpan(10, 599_980).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Opening_follows_the_mode()
    {
        AssertErrno(Errno.NoEntry, () => Files.Open(At("a"), FileOpen.Read));
        AssertErrno(Errno.NoEntry, () => Files.Open(At("a"), FileOpen.ReadWrite));
        AssertErrno(Errno.NoEntry, () => Files.Open(At("missing/a"), FileOpen.CreateNew));
        Files.Open(At("a"), FileOpen.OpenOrCreate).Dispose();
        AssertErrno(Errno.Exists, () => Files.Open(At("a"), FileOpen.CreateNew));
        using IFile reader = Files.Open(At("a"), FileOpen.Read);
        Assert.ThrowsAny<StorageException>(() => reader.Write(0, "x"u8));
        using IFile writer = Files.Open(At("a"), FileOpen.ReadWrite);
        writer.Write(0, "x"u8);
        Assert.Equal(1, reader.Length);
    }

    [Fact]
    public void A_closed_file_refuses()
    {
        IFile file = Files.Open(At("a"), FileOpen.CreateNew);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Write(0, "x"u8));
        Assert.Throws<ObjectDisposedException>(() => file.Sync());
    }

    [Fact]
    public void Files_and_directories_are_told_apart()
    {
        Write("a", "x");
        Files.CreateDirectory(At("d/e/f"));
        Files.CreateDirectory(At("d/e/f"));
        Assert.True(Files.FileExists(At("a")));
        Assert.False(Files.FileExists(At("d")));
        Assert.False(Files.FileExists(At("b")));
        Assert.True(Files.DirectoryExists(At("d/e/f")));
        Assert.False(Files.DirectoryExists(At("a")));
    }

    [Fact]
    public void Names_are_listed_in_ordinal_order()
    {
        foreach (string name in new[] { "b", "a", "B", "10", "9" }) Write(name, "");
        Files.CreateDirectory(At("sub"));
        Assert.Equal(["10", "9", "B", "a", "b", "sub"], Files.List(Root));
        AssertErrno(Errno.NoEntry, () => Files.List(At("missing")));
    }

    [Fact]
    public void A_rename_replaces_its_target_and_open_files_follow_the_content()
    {
        Write("a", "new");
        Write("b", "old");
        using IFile old = Files.Open(At("b"), FileOpen.Read);
        Files.Rename(At("a"), At("b"));
        Assert.Equal(["b"], Files.List(Root));
        Assert.Equal("new", Read("b"));
        byte[] buffer = new byte[3];
        old.Read(0, buffer);
        Assert.Equal("old"u8, buffer);
        AssertErrno(Errno.NoEntry, () => Files.Rename(At("a"), At("c")));
    }

    [Fact]
    public void A_rename_reaches_into_another_directory()
    {
        Write("a", "x");
        Files.CreateDirectory(At("d"));
        Files.Rename(At("a"), At("d/b"));
        Assert.False(Files.FileExists(At("a")));
        Assert.Equal("x", Read("d/b"));
    }

    [Fact]
    public void A_hard_link_shares_the_content()
    {
        Write("a", "one");
        Files.HardLink(At("a"), At("b"));
        AssertErrno(Errno.Exists, () => Files.HardLink(At("a"), At("b")));
        AssertErrno(Errno.NoEntry, () => Files.HardLink(At("missing"), At("c")));
        using (IFile file = Files.Open(At("b"), FileOpen.ReadWrite)) file.Write(0, "two"u8);
        Files.Delete(At("b"));
        Assert.Equal("two", Read("a"));
    }

    [Fact]
    public void Deleting_a_missing_file_is_an_error_and_a_missing_directory_is_not()
    {
        AssertErrno(Errno.NoEntry, () => Files.Delete(At("a")));
        Files.DeleteDirectory(At("d"));
        Files.CreateDirectory(At("d/e"));
        Write("d/e/f", "x");
        Files.DeleteDirectory(At("d"));
        Assert.Empty(Files.List(Root));
    }

    [Fact]
    public void A_deleted_file_stays_readable_for_those_who_hold_it_open()
    {
        Write("a", "x");
        using IFile file = Files.Open(At("a"), FileOpen.Read);
        Files.Delete(At("a"));
        Assert.True(file.TryReadExactly(0, new byte[1]));
    }

    [Fact]
    public void A_directory_is_locked_once_and_again_after_release()
    {
        IDisposable held = Files.LockDirectory(Root);
        DirectoryLockedException e = Assert.Throws<DirectoryLockedException>(() => Files.LockDirectory(Root));
        Assert.Contains("this process", e.Message, StringComparison.Ordinal);
        held.Dispose();
        held.Dispose();
        Files.LockDirectory(Root).Dispose();
        Assert.Equal(["LOCK"], Files.List(Root));
        AssertErrno(Errno.NoEntry, () => Files.LockDirectory(At("missing")));
    }

    [Fact]
    public void Syncs_and_free_space_answer()
    {
        Write("a", "x");
        Files.SyncDirectory(Root);
        AssertErrno(Errno.NoEntry, () => Files.SyncDirectory(At("missing")));
        AssertErrno(Errno.NotDirectory, () => Files.SyncDirectory(At("a")));
        Assert.True(Files.FreeBytes(Root) > 0);
    }

    [Fact]
    public void Replacing_a_file_leaves_only_the_new_one()
    {
        Files.ReplaceFile(At("a"), "first and long"u8);
        Write("a.tmp", "left over from a crash, longer than all");
        Files.ReplaceFile(At("a"), "second"u8);
        Assert.Equal("second", Read("a"));
        Assert.Equal(["a"], Files.List(Root));
        Assert.ThrowsAny<StorageException>(() => Files.ReadAllBytes(At("a"), bytesMax: 3));
    }

    private protected string At(string name) => Path.Combine(Root, name);

    private protected void Write(string name, string text)
    {
        using IFile file = Files.Open(At(name), FileOpen.CreateNew);
        file.Write(0, Encoding.UTF8.GetBytes(text));
        file.Sync();
    }

    private protected string Read(string name) => Encoding.UTF8.GetString(Files.ReadAllBytes(At(name)));

    private protected static void AssertErrno(int errno, Action action) =>
        Assert.Equal(errno, Assert.ThrowsAny<StorageException>(action).Errno);
}
