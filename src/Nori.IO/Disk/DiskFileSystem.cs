using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Nori.IO;

/// <summary>
/// The operating system's files. Syncs are real and their failures are seen (fdatasync for files, fsync for
/// directories, bound directly because the BCL swallows their errors).
/// </summary>
/// <remarks>Thread-safe. On Windows <see cref="SyncDirectory"/> does nothing: NTFS journals names itself.</remarks>
public sealed class DiskFileSystem : IFileSystem
{
    private DiskFileSystem()
    {
    }

    /// <summary>The one there is.</summary>
    public static DiskFileSystem Instance { get; } = new();

    /// <inheritdoc/>
    public IFile Open(string path, FileOpen mode)
    {
        FileMode fileMode = mode switch
        {
            FileOpen.CreateNew => FileMode.CreateNew,
            FileOpen.OpenOrCreate => FileMode.OpenOrCreate,
            _ => FileMode.Open,
        };
        FileAccess access = mode == FileOpen.Read ? FileAccess.Read : FileAccess.ReadWrite;
        try
        {
            // Sharing is ours to arrange (LockDirectory), and on Unix a wide FileShare spares advisory locks
            // that conflict.
            SafeFileHandle handle = File.OpenHandle(path, fileMode, access, FileShare.ReadWrite | FileShare.Delete);
            return new DiskFile(path, handle);
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("open", path, e);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string? parent = Path.GetDirectoryName(full);
        bool exists = Directory.Exists(full);
        if (exists && !IsEmpty(full)) return;
        if (!exists)
        {
            if (parent is not null) CreateDirectory(parent);
            Guard("create directory", path, () => Directory.CreateDirectory(full));
        }

        if (parent is null) return;
        try
        {
            SyncDirectory(parent);
        }
        catch (StorageException e) when (exists && e.Errno == Errno.Access)
        {
            // Whoever may not even read the parent was given the directory by somebody else, a mount or an administrator.
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            string[] names = Directory.GetFileSystemEntries(directory);
            for (int i = 0; i < names.Length; i++) names[i] = Path.GetFileName(names[i]);
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("list", directory, e);
        }
    }

    /// <inheritdoc/>
    public void Rename(string source, string target)
    {
        if (OperatingSystem.IsWindows())
            Guard("rename", source, () => File.Move(source, target, overwrite: true));
        else if (LibC.Rename(source, target) != 0)
            throw StorageErrors.Last("rename", source);
    }

    /// <inheritdoc/>
    public void HardLink(string source, string target)
    {
        bool linked = OperatingSystem.IsWindows()
            ? LibC.CreateHardLink(target, source, IntPtr.Zero)
            : LibC.Link(source, target) == 0;
        if (!linked) throw StorageErrors.Last("link", target);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            if (LibC.Unlink(path) != 0) throw StorageErrors.Last("delete", path);
            return;
        }

        // File.Delete is silent about a missing file.
        if (!File.Exists(path)) throw StorageErrors.FromErrno("delete", path, Errno.NoEntry);
        Guard("delete", path, () => File.Delete(path));
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (Directory.Exists(path)) Guard("delete directory", path, () => Directory.Delete(path, recursive: true));
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) return;

        int descriptor;
        do
        {
            descriptor = LibC.Open(path, LibC.ReadOnly | LibC.Directory | LibC.CloseOnExec, 0);
        }
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

        // Another failure than that of the sync: nothing was lost by it.
        if (descriptor < 0) throw StorageErrors.Last("open", path);
        StorageException? failure = LibC.Fsync(descriptor) == 0 ? null : StorageErrors.Last("sync directory", path);
        _ = LibC.Close(descriptor);
        if (failure is not null) throw failure;
    }

    /// <inheritdoc/>
    public IDisposable LockDirectory(string path) => DiskDirectoryLock.Take(path);

    /// <inheritdoc/>
    public long FreeBytes(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace;
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("free space", path, e);
        }
    }

    /// <inheritdoc/>
    public long CapacityBytes(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).TotalSize;
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From("capacity", path, e);
        }
    }

    private static bool IsEmpty(string directory)
    {
        bool isEmpty = false;
        Guard("list", directory, () => isEmpty = !Directory.EnumerateFileSystemEntries(directory).Any());
        return isEmpty;
    }

    private static void Guard(string operation, string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (StorageErrors.IsRefusal(e))
        {
            throw StorageErrors.From(operation, path, e);
        }
    }
}
