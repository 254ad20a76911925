using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Nori.IO;

/// <summary>
/// The exclusive lock on DIRECTORY/LOCK. The file holds the owner's process id, for the message only: the lock is the
/// kernel's, ends with the process however it dies, and the file stays behind (deleting it would race with the
/// next owner).
/// </summary>
internal sealed class DiskDirectoryLock : IDisposable
{
    // flock belongs to the open file, but some network file systems make it a lock of the process: two stores of one
    // process are therefore also kept apart here.
    private static readonly Lock Registry = new();
    private static readonly HashSet<string> Held = [];

    private readonly string _directory;
    private SafeFileHandle? _handle;

    private DiskDirectoryLock(string directory, SafeFileHandle handle)
    {
        _directory = directory;
        _handle = handle;
    }

    public static DiskDirectoryLock Take(string path)
    {
        string directory = Path.GetFullPath(path);
        lock (Registry)
        {
            if (Held.Contains(directory)) throw new DirectoryLockedException(path, "another store in this process");
            SafeFileHandle handle = OpenLocked(path, Path.Combine(directory, "LOCK"));
            WriteOwner(handle, path);
            Held.Add(directory);
            return new DiskDirectoryLock(directory, handle);
        }
    }

    public void Dispose()
    {
        lock (Registry)
        {
            if (_handle is null) return;
            _handle.Dispose();
            _handle = null;
            Held.Remove(_directory);
        }
    }

    private static SafeFileHandle OpenLocked(string path, string file)
    {
        if (!OperatingSystem.IsLinux()) return OpenLockedPortably(path, file);

        int descriptor;
        do
        {
            descriptor = LibC.Open(file, LibC.ReadWrite | LibC.Create | LibC.CloseOnExec, 0x1A4 /* 0644 */);
        }
        while (descriptor < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == Errno.Interrupted);

        if (descriptor < 0) throw StorageErrors.Last("lock", path);
        SafeFileHandle handle = new(descriptor, ownsHandle: true);
        if (LibC.Flock(descriptor, LibC.LockExclusiveNonBlocking) == 0) return handle;

        StorageException failure = StorageErrors.Last("lock", path);
        string holder = ReadOwner(handle);
        handle.Dispose();
        throw failure.Errno == Errno.Again ? new DirectoryLockedException(path, holder) : failure;
    }

    private static SafeFileHandle OpenLockedPortably(string path, string file)
    {
        try
        {
            return File.OpenHandle(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not DirectoryNotFoundException)
        {
            throw new DirectoryLockedException(path, "another process");
        }
    }

    private static void WriteOwner(SafeFileHandle handle, string path)
    {
        try
        {
            if (RandomAccess.GetLength(handle) > 0) RandomAccess.SetLength(handle, 0);
            string owner = Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n";
            RandomAccess.Write(handle, System.Text.Encoding.ASCII.GetBytes(owner), 0);
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            StorageException failure = StorageErrors.From("lock", path, e);
            // The lock is the kernel's: without space for the name what is there can still be read, and the message names nobody.
            if (failure.IsDiskFull) return;
            handle.Dispose();
            throw failure;
        }
    }

    private static string ReadOwner(SafeFileHandle handle)
    {
        Span<byte> text = stackalloc byte[20];
        int length = RandomAccess.Read(handle, text, 0);
        return int.TryParse(text[..length].TrimEnd("\n"u8), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            ? $"process {id}"
            : "another process";
    }
}
