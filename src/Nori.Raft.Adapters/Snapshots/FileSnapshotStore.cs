using Nori.Core;
using Nori.IO;
using Nori.Raft.Core;

namespace Nori.Raft.Adapters;

/// <summary>
/// Snapshots in files, the newest one kept: written under another name, synced, renamed, the directory synced. What was
/// received in part is found again after a restart.
/// </summary>
/// <remarks>Thread-safe. One store for one directory.</remarks>
public sealed class FileSnapshotStore : ISnapshotStore, IDisposable
{
    private const string Suffix = ".snapshot";
    private const string PartialSuffix = ".partial";
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly IDisposable _lock;

    // Guards what follows, and reading of the newest file.
    private readonly Lock _gate = new();
    private StoredSnapshot? _latest;
    private IFile? _file;

    private FileSnapshotStore(IFileSystem files, string directory)
    {
        (_files, _directory) = (files, directory);
        files.CreateDirectory(directory);
        _lock = files.LockDirectory(directory);
        try
        {
            Find();
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public StoredSnapshot? Latest
    {
        get
        {
            lock (_gate) return _latest;
        }
    }

    /// <summary>Opens or creates a store.</summary>
    /// <param name="directory">Its directory, created when missing; not the log's.</param>
    /// <param name="fileSystem">Where it lies; the disk when null.</param>
    /// <exception cref="CorruptionException">The newest snapshot is damaged.</exception>
    /// <exception cref="StorageException">The file system failed, or another process has the directory.</exception>
    public static FileSnapshotStore Open(string directory, IFileSystem? fileSystem = null) =>
        new(fileSystem ?? DiskFileSystem.Instance, directory);

    /// <inheritdoc/>
    public int Read(StoredSnapshot snapshot, long offset, Span<byte> buffer)
    {
        lock (_gate)
        {
            if (_file is null || _latest != snapshot) return -1;
            int count = (int)Math.Min(buffer.Length, Math.Max(0, snapshot.Bytes - offset));
            return _file.Read(SnapshotFile.HeaderBytes + offset, buffer[..count]);
        }
    }

    /// <inheritdoc/>
    public ISnapshotStaging Stage(SnapshotMeta meta, SnapshotOrigin origin, uint id)
    {
        ArgumentNullException.ThrowIfNull(meta);
        string name = origin == SnapshotOrigin.Own ? "own" : $"received-{meta.Index.Value}-{meta.Term.Value}-{id:x8}";
        string path = Path.Combine(_directory, name + PartialSuffix);
        return new FileSnapshotStaging(this, meta, path, _files.Open(path, FileOpen.OpenOrCreate));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _file?.Dispose();
        _lock.Dispose();
    }

    /// <summary>A staged file, whole and synced, becomes the newest one.</summary>
    internal StoredSnapshot Adopt(string partial, StoredSnapshot snapshot)
    {
        lock (_gate)
        {
            if (_latest is { } latest && latest.Meta.Index >= snapshot.Meta.Index)
            {
                _files.Delete(partial);
                return latest;
            }

            string path = PathOf(snapshot.Meta.Index), old = _latest is null ? string.Empty : PathOf(_latest.Meta.Index);
            _files.Rename(partial, path);
            // Before the old one goes, the new one's name must be durable.
            _files.SyncDirectory(_directory);
            _file?.Dispose();
            (_latest, _file) = (snapshot, _files.Open(path, FileOpen.Read));
            if (old.Length > 0) _files.Delete(old);
            return snapshot;
        }
    }

    private string PathOf(LogIndex index) => Path.Combine(_directory, $"{index.Value:D20}{Suffix}");

    private void Find()
    {
        string[] names = [.. _files.List(_directory)];
        string[] whole = names.Where(n => n.EndsWith(Suffix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        if (whole.Length > 0)
        {
            _file = _files.Open(Path.Combine(_directory, whole[^1]), FileOpen.Read);
            _latest = SnapshotFile.ReadTrailer(_file);
        }

        // A crash may have come between the new name and the end of the old one. One's own begun snapshot is begun anew.
        foreach (string name in whole.SkipLast(1)) _files.Delete(Path.Combine(_directory, name));
        foreach (string name in names.Where(n => n == "own" + PartialSuffix || IsOld(n)))
            _files.Delete(Path.Combine(_directory, name));
    }

    private bool IsOld(string name) => name.EndsWith(PartialSuffix, StringComparison.Ordinal)
        && name.Split('-') is ["received", var index, _, _] && ulong.TryParse(index, out ulong at)
        && _latest is not null && at <= _latest.Meta.Index.Value;
}
