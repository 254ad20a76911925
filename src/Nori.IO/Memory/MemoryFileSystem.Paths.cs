using static Nori.IO.StorageErrors;

namespace Nori.IO;

public sealed partial class MemoryFileSystem
{
    private static string[] Split(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Path.GetFullPath(path).Split(
            [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
    }

    private Node? FindLocked(string path)
    {
        Node? node = _root;
        foreach (string name in Split(path))
        {
            if (node is not DirectoryNode directory || !directory.Names.TryGetValue(name, out node)) return null;
        }

        return node;
    }

    private DirectoryNode DirectoryLocked(string operation, string path) => FindLocked(path) switch
    {
        DirectoryNode directory => directory,
        null => throw FromErrno(operation, path, Errno.NoEntry),
        _ => throw FromErrno(operation, path, Errno.NotDirectory),
    };

    private (DirectoryNode Directory, string Name) ParentLocked(string operation, string path)
    {
        string[] names = Split(path);
        if (names.Length == 0) throw FromErrno(operation, path, Errno.IsDirectory);
        Node? node = _root;
        foreach (string name in names.AsSpan(0, names.Length - 1))
        {
            if (node is not DirectoryNode directory || !directory.Names.TryGetValue(name, out node))
                throw FromErrno(operation, path, Errno.NoEntry);
        }

        return node is DirectoryNode parent
            ? (parent, names[^1])
            : throw FromErrno(operation, path, Errno.NotDirectory);
    }
}
