namespace Nori.IO.Tests;

/// <summary>What the directory lock on a real disk tells people.</summary>
public sealed class LockTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nori-io-lock-").FullName;

    [Fact]
    public void The_lock_file_names_its_owner()
    {
        // Read after the release: opening a file takes a shared lock in .NET, which the held one refuses.
        DiskFileSystem.Instance.LockDirectory(_directory).Dispose();
        Assert.Equal($"{Environment.ProcessId}\n", File.ReadAllText(Path.Combine(_directory, "LOCK")));
        DiskFileSystem.Instance.LockDirectory(_directory).Dispose();
    }

    [Fact]
    public void Without_space_for_the_owner_the_lock_is_taken_and_names_nobody()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full, a device of Linux");
        File.CreateSymbolicLink(Path.Combine(_directory, "LOCK"), "/dev/full");
        using (DiskFileSystem.Instance.LockDirectory(_directory))
            Assert.Throws<DirectoryLockedException>(() => DiskFileSystem.Instance.LockDirectory(_directory));
        DiskFileSystem.Instance.LockDirectory(_directory).Dispose();
    }

    [Fact]
    public void Another_process_that_holds_the_lock_is_named()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "needs flock: sudo apt-get install -y util-linux");
        string file = Path.Combine(_directory, "LOCK");
        File.WriteAllText(file, "4711\n");
        System.Diagnostics.ProcessStartInfo start = new("/usr/bin/flock", [file, "sh", "-c", "echo locked; read line"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using System.Diagnostics.Process holder = System.Diagnostics.Process.Start(start)!;
        Assert.Equal("locked", holder.StandardOutput.ReadLine());
        DirectoryLockedException e =
            Assert.Throws<DirectoryLockedException>(() => DiskFileSystem.Instance.LockDirectory(_directory));
        Assert.Contains("process 4711", e.Message, StringComparison.Ordinal);
        Assert.Contains(_directory, e.Message, StringComparison.Ordinal);

        holder.StandardInput.WriteLine();
        holder.WaitForExit();
        DiskFileSystem.Instance.LockDirectory(_directory).Dispose();
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
