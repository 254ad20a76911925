using Nori.Core;
using static Nori.IO.StorageErrors;

namespace Nori.IO;

/// <summary>
/// A file system in memory that can lose power: the crashable twin of <see cref="DiskFileSystem"/>. Bytes survive
/// <see cref="Crash"/> as far as their file was synced, names as far as their directory was; the rest survives
/// by chance.
/// </summary>
/// <remarks>
/// Thread-safe. Equal seeds and equal calls give equal crashes. The root directory exists; every other must be
/// created. A clone shares all unchanged pages, so that one per call of a test is affordable.
/// </remarks>
public sealed partial class MemoryFileSystem : IFileSystem
{
    private readonly ulong _seed;

    // Gate guards everything below and all nodes reachable from _root or held by open files.
    private DirectoryNode _root = new();
    private readonly List<NameChange> _unsyncedNames = [];
    private readonly HashSet<DirectoryNode> _locked = [];
    private bool _off;

    /// <summary>An empty file system.</summary>
    /// <param name="seed">Mixed into the seed of every crash.</param>
    public MemoryFileSystem(ulong seed = 0) => _seed = seed;

    /// <summary>Bytes that all files together may have; writing more fails with ENOSPC.</summary>
    /// <value>Default: 1 TiB, checked only when set lower.</value>
    public long CapacityBytes { get; set; } = UnlimitedBytes;

    internal Lock Gate { get; } = new();

    private const long UnlimitedBytes = 1L << 40;

    /// <inheritdoc/>
    public IFile Open(string path, FileOpen mode)
    {
        lock (Gate)
        {
            CheckPowerLocked("open", path);
            (DirectoryNode directory, string name) = ParentLocked("open", path);
            directory.Names.TryGetValue(name, out Node? node);
            if (node is DirectoryNode) throw FromErrno("open", path, Errno.IsDirectory);
            if (node is not null && mode == FileOpen.CreateNew) throw FromErrno("open", path, Errno.Exists);
            if (node is null)
            {
                if (mode is FileOpen.Read or FileOpen.ReadWrite) throw FromErrno("open", path, Errno.NoEntry);
                node = new FileNode();
                ChangeLocked(new NameChange.Assignment(directory, name, node));
            }

            return new MemoryFile(this, (FileNode)node, path, writable: mode != FileOpen.Read);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path)
    {
        lock (Gate) return FindLocked(path) is FileNode;
    }

    /// <inheritdoc/>
    public bool DirectoryExists(string path)
    {
        lock (Gate) return FindLocked(path) is DirectoryNode;
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("create directory", path);
            DirectoryNode directory = _root;
            foreach (string name in Split(path))
            {
                if (!directory.Names.TryGetValue(name, out Node? node))
                {
                    node = new DirectoryNode();
                    ChangeLocked(new NameChange.Assignment(directory, name, node));
                    SyncNamesLocked(directory);
                }

                directory = node as DirectoryNode ?? throw FromErrno("create directory", path, Errno.NotDirectory);
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        lock (Gate)
        {
            CheckPowerLocked("list", directory);
            string[] names = [.. DirectoryLocked("list", directory).Names.Keys];
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
    }

    /// <inheritdoc/>
    public void Rename(string source, string target)
    {
        lock (Gate)
        {
            CheckPowerLocked("rename", source);
            (DirectoryNode from, string name) = ParentLocked("rename", source);
            (DirectoryNode to, string newName) = ParentLocked("rename", target);
            if (!from.Names.TryGetValue(name, out Node? node)) throw FromErrno("rename", source, Errno.NoEntry);
            if (to.Names.TryGetValue(newName, out Node? existing))
            {
                // POSIX: two names of one file stay as they are.
                if (ReferenceEquals(existing, node)) return;
                if (existing is DirectoryNode) throw FromErrno("rename", target, Errno.IsDirectory);
            }

            ChangeLocked(new NameChange.Assignment(from, name, null), new NameChange.Assignment(to, newName, node));
        }
    }

    /// <inheritdoc/>
    public void HardLink(string source, string target)
    {
        lock (Gate)
        {
            CheckPowerLocked("link", target);
            if (FindLocked(source) is not FileNode node) throw FromErrno("link", source, Errno.NoEntry);
            (DirectoryNode directory, string name) = ParentLocked("link", target);
            if (directory.Names.ContainsKey(name)) throw FromErrno("link", target, Errno.Exists);
            ChangeLocked(new NameChange.Assignment(directory, name, node));
        }
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("delete", path);
            (DirectoryNode directory, string name) = ParentLocked("delete", path);
            if (!directory.Names.TryGetValue(name, out Node? node)) throw FromErrno("delete", path, Errno.NoEntry);
            if (node is DirectoryNode) throw FromErrno("delete", path, Errno.IsDirectory);
            ChangeLocked(new NameChange.Assignment(directory, name, null));
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("delete directory", path);
            if (FindLocked(path) is not DirectoryNode directory || directory == _root) return;
            EmptyLocked(directory);
            (DirectoryNode parent, string name) = ParentLocked("delete directory", path);
            ChangeLocked(new NameChange.Assignment(parent, name, null));
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("sync directory", path);
            SyncNamesLocked(DirectoryLocked("sync directory", path));
        }
    }

    /// <inheritdoc/>
    public IDisposable LockDirectory(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("lock", path);
            DirectoryNode directory = DirectoryLocked("lock", path);
            if (!directory.Names.ContainsKey("LOCK"))
                ChangeLocked(new NameChange.Assignment(directory, "LOCK", new FileNode()));
            if (!_locked.Add(directory)) throw new DirectoryLockedException(path, "another store in this process");
            return new HeldLock(this, directory);
        }
    }

    /// <inheritdoc/>
    public long FreeBytes(string path)
    {
        lock (Gate)
        {
            CheckPowerLocked("free space", path);
            return Math.Max(0, CapacityBytes - UsedBytesLocked());
        }
    }

    internal void CheckPowerLocked(string operation, string path)
    {
        if (_off) throw new StorageException(operation, path, Errno.IO, "the file system was powered off");
    }

    internal void ReserveLocked(FileNode node, long end, string path)
    {
        if (CapacityBytes >= UnlimitedBytes || end <= node.Length) return;
        if (UsedBytesLocked() + end - node.Length > CapacityBytes)
            throw FromErrno("write", path, Errno.NoSpace);
    }

    private void ChangeLocked(params NameChange.Assignment[] assignments)
    {
        foreach (NameChange.Assignment a in assignments) a.Apply(a.Directory.Names);
        _unsyncedNames.Add(new NameChange(assignments));
    }

    private void SyncNamesLocked(DirectoryNode directory)
    {
        // A rename between directories cannot be durable in one and not in the other, and a directory's history
        // has no holes: going back in time, every directory such a rename touches is synced up to it as well.
        HashSet<DirectoryNode> synced = [directory];
        bool[] covered = new bool[_unsyncedNames.Count];
        for (int i = covered.Length - 1; i >= 0; i--)
        {
            covered[i] = _unsyncedNames[i].Touches(synced);
            if (!covered[i]) continue;
            foreach (NameChange.Assignment a in _unsyncedNames[i].Assignments) synced.Add(a.Directory);
        }

        for (int i = 0; i < covered.Length; i++)
        {
            if (covered[i]) _unsyncedNames[i].ApplyDurably();
        }

        int index = 0;
        _unsyncedNames.RemoveAll(_ => covered[index++]);
    }

    private void EmptyLocked(DirectoryNode directory)
    {
        KeyValuePair<string, Node>[] entries = [.. directory.Names.OrderBy(e => e.Key, StringComparer.Ordinal)];
        foreach ((string name, Node node) in entries)
        {
            if (node is DirectoryNode child) EmptyLocked(child);
            ChangeLocked(new NameChange.Assignment(directory, name, null));
        }
    }

    private long UsedBytesLocked()
    {
        HashSet<Node> seen = [];
        long Sum(DirectoryNode directory)
        {
            long sum = 0;
            foreach (Node node in directory.Names.Values)
            {
                if (!seen.Add(node)) continue;
                sum += node is FileNode file ? file.Length : Sum((DirectoryNode)node);
            }

            return sum;
        }

        return Sum(_root);
    }

    private sealed class HeldLock(MemoryFileSystem fileSystem, DirectoryNode directory) : IDisposable
    {
        private bool _released;

        public void Dispose()
        {
            lock (fileSystem.Gate)
            {
                if (!_released) fileSystem._locked.Remove(directory);
                _released = true;
            }
        }
    }
}
