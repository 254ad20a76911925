using Nori.Core;
using Nori.IO;
using NoriKV.Types;

namespace NoriKV.Node.Directory;

/// <summary>
/// The data directory: LOCK, identity (two copies, each replaced whole), log/ and engine/. Opening takes the lock, checks
/// who it belongs to, and raises the boot epoch durably. On a disk so full that not even that can be written it opens all the
/// same, and its owner takes no writes until <see cref="TrySave"/> succeeds.
/// </summary>
internal sealed class NodeDirectory : IDisposable
{
    internal static readonly string[] IdentityNames = ["identity.0", "identity.1"];

    private readonly IFileSystem _files;
    private readonly IDisposable _lock;
    private readonly string _wholeCopy;

    private NodeDirectory(
        IFileSystem files, IDisposable directoryLock, string path, NodeIdentity identity, string wholeCopy,
        IReadOnlyList<string> warnings)
    {
        _files = files;
        _lock = directoryLock;
        _wholeCopy = wholeCopy;
        Path = path;
        Identity = identity;
        Warnings = warnings;
    }

    public string Path { get; }

    public string LogPath => System.IO.Path.Combine(Path, "log");

    public string EnginePath => System.IO.Path.Combine(Path, "engine");

    /// <summary>Who it belongs to, with the epoch of this start.</summary>
    public NodeIdentity Identity { get; }

    public IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// False: the epoch of this start is not on disk yet, for want of space; the next start may take the same one. What is to
    /// be told from a former life by the epoch must wait.
    /// </summary>
    public bool IsSaved { get; private set; }

    /// <summary>Opens or founds a directory.</summary>
    /// <exception cref="NodeStartException">It belongs to somebody else, or its settings differ.</exception>
    /// <exception cref="DirectoryLockedException">Another process has it.</exception>
    public static NodeDirectory Open(NodeOptions options, Prng random)
    {
        IFileSystem files = options.FileSystem;
        files.CreateDirectory(options.DataDirectory);
        IDisposable directoryLock = files.LockDirectory(options.DataDirectory);
        try
        {
            var warnings = new List<string>();
            NodeIdentity? stored = Load(files, options.DataDirectory, warnings, out string wholeCopy);
            if (stored is null) RefuseForeignData(files, options.DataDirectory);
            else Check(stored, options, warnings);
            NodeIdentity identity = stored is null
                ? Found(options, random)
                : stored with { BootEpoch = stored.BootEpoch + 1 };
            var directory = new NodeDirectory(files, directoryLock, options.DataDirectory, identity, wholeCopy, warnings);
            // A node that is founded has nothing to serve before its identity is there.
            if (stored is null) directory.Save();
            else if (!directory.TrySave()) warnings.Add(NotSaved(options.DataDirectory));
            return directory;
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    /// <summary>Writes the epoch of this start, unless it is on disk; false while there is no space for it.</summary>
    /// <exception cref="StorageException">The file system failed.</exception>
    public bool TrySave()
    {
        if (IsSaved) return true;
        try
        {
            Save();
        }
        catch (StorageException e) when (e.IsDiskFull)
        {
            return false;
        }

        return true;
    }

    /// <summary>Whose directory it is; null where nobody's. Changes nothing and takes no lock.</summary>
    /// <exception cref="CorruptionException">Both copies are damaged.</exception>
    internal static NodeIdentity? Look(IFileSystem files, string directory) => Load(files, directory, [], out _);

    /// <summary>Replaces both copies, one after the other; the caller has the lock.</summary>
    internal static void Replace(IFileSystem files, string directory, NodeIdentity identity)
    {
        _ = Load(files, directory, [], out string wholeCopy);
        foreach (string name in IdentityNames.OrderBy(name => name == wholeCopy)) Store(files, directory, name, identity);
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>What is said while the epoch waits for space.</summary>
    internal static string NotSaved(string directory) =>
        $"Disk full: that this node started cannot be noted in {directory}; it takes no writes until it can";

    // One copy is always whole: the one that was read goes last, when the other is durable.
    private void Save()
    {
        foreach (string name in IdentityNames.OrderBy(name => name == _wholeCopy)) Store(_files, Path, name, Identity);
        IsSaved = true;
    }

    private static NodeIdentity Found(NodeOptions options, Prng random) => new()
    {
        ClusterId = options.Plan is { } plan && plan.ClusterId != Guid.Empty ? plan.ClusterId : NewGuid(random),
        StoreUuid = options.Plan is { } formed && formed.StoreUuid != Guid.Empty ? formed.StoreUuid : NewGuid(random),
        Node = options.Plan?.Self ?? new NodeNumber(1),
        Name = options.NodeName,
        BootEpoch = 1,
        TotalShards = options.TotalShards,
        HashTags = options.HashTags,
    };

    private static NodeIdentity? Load(IFileSystem files, string directory, List<string> warnings, out string wholeCopy)
    {
        NodeIdentity? best = null;
        string? damaged = null;
        wholeCopy = IdentityNames[^1];
        foreach (string name in IdentityNames)
        {
            string path = System.IO.Path.Combine(directory, name);
            if (!files.FileExists(path)) continue;
            NodeIdentity? read = NodeIdentity.TryDecode(Read(files, path));
            if (read is null) damaged = path;
            else if (best is null || read.BootEpoch > best.BootEpoch) (best, wholeCopy) = (read, name);
        }

        if (damaged is null) return best;
        if (best is null)
        {
            throw new CorruptionException(damaged, 0, "a node's identity", "bytes that are none, in both copies");
        }

        warnings.Add($"{damaged} was damaged and is written anew from the other copy");
        return best;
    }

    private static void Check(NodeIdentity stored, NodeOptions options, List<string> warnings)
    {
        if (stored.Name != options.NodeName)
        {
            throw new NodeStartException(
                $"The directory {options.DataDirectory} belongs to node {stored.Name}, not to {options.NodeName}; "
                + $"start it as {stored.Name} or choose another directory");
        }

        if (options.Plan is { } plan && (stored.Node != plan.Self || IsAnother(stored.ClusterId, plan.ClusterId)))
        {
            throw new NodeStartException(
                $"The directory {options.DataDirectory} belongs to node number {stored.Node} of cluster {stored.ClusterId}, "
                + $"the plan names {plan.Self} of {plan.ClusterId}");
        }

        if (stored.HashTags != options.HashTags)
        {
            throw new NodeStartException(
                $"The directory {options.DataDirectory} was formed with hash_tags={Word(stored.HashTags)}, which cannot "
                + $"change: it decides where every key lies; start it with hash_tags={Word(stored.HashTags)}");
        }

        if (stored.TotalShards != options.TotalShards)
        {
            warnings.Add(
                $"total_shards is {stored.TotalShards} since the directory was formed; "
                + $"the configured {options.TotalShards} is ignored");
        }
    }

    private static bool IsAnother(Guid stored, Guid planned) => planned != Guid.Empty && planned != stored;

    private static void RefuseForeignData(IFileSystem files, string directory)
    {
        foreach (string name in new[] { "log", "engine" })
        {
            string path = System.IO.Path.Combine(directory, name);
            if (files.DirectoryExists(path) && files.List(path).Count > 0)
            {
                throw new NodeStartException(
                    $"{path} holds data but {directory} has no identity: "
                    + "it is not a node's directory, or its identity files were lost");
            }
        }
    }

    private static void Store(IFileSystem files, string directory, string name, NodeIdentity identity)
    {
        string path = System.IO.Path.Combine(directory, name);
        string temporary = path + ".new";
        byte[] bytes = identity.Encode();
        try
        {
            if (files.FileExists(temporary)) files.Delete(temporary);
            using (IFile file = files.Open(temporary, FileOpen.CreateNew))
            {
                file.Write(0, bytes);
                // Sync before rename: a crash in between must leave the old identity readable.
                file.Sync();
            }

            files.Rename(temporary, path);
            files.SyncDirectory(directory);
        }
        catch (StorageException e) when (e.IsDiskFull && files.FileExists(path))
        {
            // In its place, which needs no space on most file systems: torn by a crash, the other copy stands.
            using IFile file = files.Open(path, FileOpen.ReadWrite);
            if (file.Length != bytes.Length) throw;
            file.Write(0, bytes);
            file.Sync();
        }
    }

    private static byte[] Read(IFileSystem files, string path)
    {
        using IFile file = files.Open(path, FileOpen.Read);
        byte[] bytes = new byte[Math.Min(file.Length, 4096)];
        return bytes[..file.Read(0, bytes)];
    }

    private static Guid NewGuid(Prng random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    private static string Word(bool value) => value ? "true" : "false";
}
