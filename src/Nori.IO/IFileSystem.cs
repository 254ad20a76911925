namespace Nori.IO;

/// <summary>
/// What storage needs of a file system. Calls are synchronous and complete or throw: the loops that call them
/// own their threads, and a simulation steps them one by one (docs/decisions/0001-synchronous-file-port.md).
/// </summary>
/// <remarks>
/// Thread-safe. Paths are full paths with '/' or the platform's separator. A created, renamed, linked or
/// deleted name is durable only after <see cref="SyncDirectory"/> of its directory. Failures throw
/// <see cref="StorageException"/>.
/// </remarks>
public interface IFileSystem
{
    /// <summary>Opens a file as <paramref name="mode"/> says.</summary>
    IFile Open(string path, FileOpen mode);

    /// <summary>True when a file of that name exists.</summary>
    bool FileExists(string path);

    /// <summary>True when a directory of that name exists.</summary>
    bool DirectoryExists(string path);

    /// <summary>
    /// Creates the directory and its missing parents, each synced into its parent. Nothing when it exists with something in it; an
    /// empty one is synced into its parent, for a crash may have come between its creation and that sync.
    /// </summary>
    void CreateDirectory(string path);

    /// <summary>The names (not paths) of files and directories in the directory, sorted by ordinal.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Renames within a file system, replacing an existing target atomically.</summary>
    void Rename(string source, string target);

    /// <summary>Gives the file <paramref name="source"/> a second name.</summary>
    void HardLink(string source, string target);

    /// <summary>Deletes a file; a missing one is an error.</summary>
    void Delete(string path);

    /// <summary>Deletes a directory and all it holds; nothing when it is missing.</summary>
    void DeleteDirectory(string path);

    /// <summary>
    /// Makes the names in the directory durable. A failure is fatal for the store, like that of a file's sync.
    /// </summary>
    void SyncDirectory(string path);

    /// <summary>
    /// Takes the directory for this process: an exclusive lock on its file LOCK, held until disposed or until
    /// the process dies. A held one throws <see cref="DirectoryLockedException"/>.
    /// </summary>
    IDisposable LockDirectory(string path);

    /// <summary>Bytes that can still be written where the path lies.</summary>
    long FreeBytes(string path);

    /// <summary>Bytes of the whole file system where the path lies; -1 where it does not say.</summary>
    long CapacityBytes(string path) => -1;
}
