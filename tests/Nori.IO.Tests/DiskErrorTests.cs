namespace Nori.IO.Tests;

/// <summary>Real refusals of a real kernel, with their errno.</summary>
public sealed class DiskErrorTests
{
    [Fact]
    public void A_full_device_is_told_as_a_state_and_not_as_damage()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full, a device of Linux");
        using IFile file = DiskFileSystem.Instance.Open("/dev/full", FileOpen.ReadWrite);
        StorageException e = Assert.Throws<StorageException>(() => file.Write(0, "x"u8));
        Assert.Equal(("write", "/dev/full", Errno.NoSpace, true), (e.Operation, e.Path, e.Errno, e.IsDiskFull));
        e = Assert.Throws<StorageException>(() => file.Write(0, [new byte[1], new byte[1]]));
        Assert.Equal(Errno.NoSpace, e.Errno);
    }

    [Fact]
    public void A_device_that_cannot_sync_says_so()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full, a device of Linux");
        using IFile file = DiskFileSystem.Instance.Open("/dev/full", FileOpen.ReadWrite);
        StorageException e = Assert.Throws<StorageException>(file.Sync);
        Assert.Equal(("sync", 22 /* EINVAL */), (e.Operation, e.Errno));
    }

    [Fact]
    public void A_file_system_without_that_operation_says_so()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "needs /proc, a file system of Linux");
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.Open("/proc/nori", FileOpen.CreateNew));
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.CreateDirectory("/proc/nori"));
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.Delete("/proc/version"));
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.Rename("/proc/version", "/proc/nori"));
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.LockDirectory("/proc"));
    }

    [Fact]
    public void A_directory_that_cannot_be_opened_to_be_synced_is_a_failed_open()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "directories are not synced there");
        string missing = Path.Combine(Path.GetTempPath(), "nori-io-missing");
        StorageException e = Assert.Throws<StorageException>(() => DiskFileSystem.Instance.SyncDirectory(missing));
        Assert.Equal(("open", Errno.NoEntry, false), (e.Operation, e.Errno, e.IsShortage));
    }

    [Fact]
    public void Opening_a_directory_as_a_file_is_refused()
    {
        Assert.ThrowsAny<StorageException>(() => DiskFileSystem.Instance.Open(Path.GetTempPath(), FileOpen.ReadWrite));
    }
}
