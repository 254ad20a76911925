namespace Nori.IO;

/// <summary>
/// The system's error numbers that storage tells apart, the same on every platform this package runs on.
/// </summary>
public static class Errno
{
    /// <summary>ENOENT: no such file or directory.</summary>
    public const int NoEntry = 2;

    /// <summary>EINTR: a signal came first.</summary>
    public const int Interrupted = 4;

    /// <summary>EIO: the device failed.</summary>
    public const int IO = 5;

    /// <summary>EAGAIN: somebody else holds the lock.</summary>
    public const int Again = 11;

    /// <summary>ENOMEM: the system has no memory for it.</summary>
    public const int NoMemory = 12;

    /// <summary>EACCES: not permitted for this user.</summary>
    public const int Access = 13;

    /// <summary>EEXIST: the name is taken.</summary>
    public const int Exists = 17;

    /// <summary>ENOTDIR: a part of the path is a file.</summary>
    public const int NotDirectory = 20;

    /// <summary>EISDIR: a directory where a file is needed.</summary>
    public const int IsDirectory = 21;

    /// <summary>ENFILE: the system has as many files open as it may.</summary>
    public const int SystemFiles = 23;

    /// <summary>EMFILE: the process has as many files open as it may.</summary>
    public const int ProcessFiles = 24;

    /// <summary>ENOSPC: no space left.</summary>
    public const int NoSpace = 28;

    /// <summary>EROFS: mounted read-only.</summary>
    public const int ReadOnly = 30;

    /// <summary>EDQUOT: the user's quota is used up.</summary>
    public const int Quota = 122;
}
