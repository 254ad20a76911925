namespace Nori.IO;

/// <summary>Another process (or another store in this one) holds the directory.</summary>
public sealed class DirectoryLockedException(string directory, string holder)
    : StorageException(
        "lock", directory, IO.Errno.Again, $"the directory is in use by {holder}; stop it or choose another directory");
