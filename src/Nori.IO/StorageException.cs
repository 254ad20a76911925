namespace Nori.IO;

/// <summary>The file system refused or failed.</summary>
/// <param name="operation">What was tried: open, read, write, sync, rename, …</param>
/// <param name="path">On what.</param>
/// <param name="errno">The system's error number; 0 where there is none.</param>
/// <param name="detail">The system's words.</param>
public class StorageException(string operation, string path, int errno, string detail)
    : IOException($"{operation} failed on {path}: {detail}")
{
    /// <summary>What was tried.</summary>
    public string Operation { get; } = operation;

    /// <summary>The file or directory.</summary>
    public string Path { get; } = path;

    /// <summary>The system's error number; 0 where there is none.</summary>
    public int Errno { get; } = errno;

    /// <summary>True when there is no space left (ENOSPC, EDQUOT): a state that may end, not damage.</summary>
    public bool IsDiskFull => Errno is 28 or 122;

    /// <summary>
    /// True when a file or directory could not be opened for want of handles or memory (EMFILE, ENFILE, ENOMEM): a state that may
    /// end, not damage. Nothing was read or written. Of any other call these numbers say no such thing.
    /// </summary>
    public bool IsShortage =>
        Operation == "open" && Errno is IO.Errno.ProcessFiles or IO.Errno.SystemFiles or IO.Errno.NoMemory;
}
