using Nori.IO;

namespace NoriKV.Node.Recovery;

/// <summary>
/// A file system that reads through to another one and keeps every change to itself, in memory: so that a directory is opened
/// by the very code that a node opens it with, and nothing of it is touched.
/// </summary>
/// <remarks>A file that is opened for writing is copied whole; those are the newest of a log and a manifest.</remarks>
internal sealed class DraftFileSystem(IFileSystem below) : IFileSystem
{
    private const int CopyBytes = 1 << 20;

    private readonly Lock _lock = new(); // Guards what is hidden, and copying.
    private readonly MemoryFileSystem _own = new();
    private readonly HashSet<string> _hidden = new(StringComparer.Ordinal);
    private readonly List<string> _hiddenBelow = [];

    public IFile Open(string path, FileOpen mode)
    {
        lock (_lock)
        {
            if (_own.FileExists(path)) return _own.Open(path, mode);
            bool isBelow = IsBelow(path);
            if (mode == FileOpen.Read && isBelow) return below.Open(path, mode);
            // What is missing, or there already, is refused in the words of the one below.
            if (isBelow != (mode is FileOpen.ReadWrite) && mode != FileOpen.OpenOrCreate && (isBelow || mode != FileOpen.CreateNew))
                return below.Open(isBelow ? path : path + ".missing", FileOpen.ReadWrite);
            if (isBelow) Copy(path);
            else Prepare(path);
            return _own.Open(path, isBelow ? FileOpen.ReadWrite : mode);
        }
    }

    public bool FileExists(string path)
    {
        lock (_lock) return _own.FileExists(path) || IsBelow(path);
    }

    public bool DirectoryExists(string path)
    {
        lock (_lock) return _own.DirectoryExists(path) || (!IsHidden(path) && below.DirectoryExists(path));
    }

    public void CreateDirectory(string path) => _own.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory)
    {
        lock (_lock)
        {
            var names = new SortedSet<string>(StringComparer.Ordinal);
            if (_own.DirectoryExists(directory)) names.UnionWith(_own.List(directory));
            if (!IsHidden(directory) && below.DirectoryExists(directory))
                names.UnionWith(below.List(directory).Where(name => !IsHidden(Path.Combine(directory, name))));
            return [.. names];
        }
    }

    public void Rename(string source, string target)
    {
        lock (_lock)
        {
            if (!_own.FileExists(source)) Copy(source);
            Prepare(target);
            _own.Rename(source, target);
            _hidden.Add(source);
        }
    }

    public void HardLink(string source, string target)
    {
        lock (_lock)
        {
            if (!_own.FileExists(source)) Copy(source);
            Prepare(target);
            _own.HardLink(source, target);
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            bool isBelow = IsBelow(path);
            if (_own.FileExists(path) || !isBelow) _own.Delete(path);
            _hidden.Add(path);
        }
    }

    public void DeleteDirectory(string path)
    {
        lock (_lock)
        {
            if (_own.DirectoryExists(path)) _own.DeleteDirectory(path);
            _hiddenBelow.Add(path);
        }
    }

    public void SyncDirectory(string path)
    {
        // Nothing of it is to last.
    }

    public IDisposable LockDirectory(string path) => below.LockDirectory(path);

    public long FreeBytes(string path) => below.FreeBytes(path);

    private bool IsBelow(string path) => !IsHidden(path) && below.FileExists(path);

    private bool IsHidden(string path) => _hidden.Contains(path)
        || _hiddenBelow.Exists(d => path == d || path.StartsWith(d + Path.DirectorySeparatorChar, StringComparison.Ordinal));

    private void Prepare(string path) => _own.CreateDirectory(Path.GetDirectoryName(path)!);

    private void Copy(string path)
    {
        Prepare(path);
        using IFile source = below.Open(path, FileOpen.Read);
        using IFile target = _own.Open(path, FileOpen.CreateNew);
        byte[] buffer = new byte[CopyBytes];
        for (long at = 0; at < source.Length;)
        {
            int read = source.Read(at, buffer);
            if (read == 0) break;
            target.Write(at, buffer.AsSpan(0, read));
            at += read;
        }
    }
}
