using Nori.Core;
using Nori.IO;
using NoriKV.Types;

namespace NoriKV.Node.Directory;

/// <summary>
/// The data directory: LOCK, identity (two copies, each replaced whole), log/ and engine/. Opening takes the lock, checks
/// who it belongs to, and raises the boot epoch durably.
/// </summary>
internal sealed class NodeDirectory : IDisposable
{
    internal static readonly string[] IdentityNames = ["identity.0", "identity.1"];

    private readonly IDisposable _lock;

    private NodeDirectory(IDisposable directoryLock, string path, NodeIdentity identity, IReadOnlyList<string> warnings)
    {
        _lock = directoryLock;
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
            NodeIdentity? stored = Load(files, options.DataDirectory, warnings);
            if (stored is null) RefuseForeignData(files, options.DataDirectory);
            else Check(stored, options, warnings);
            NodeIdentity identity = stored is null
                ? Found(options, random)
                : stored with { BootEpoch = stored.BootEpoch + 1 };
            // One copy is always whole: the second is replaced only when the first is durable.
            foreach (string name in IdentityNames) Store(files, options.DataDirectory, name, identity);
            return new NodeDirectory(directoryLock, options.DataDirectory, identity, warnings);
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    public void Dispose() => _lock.Dispose();

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

    private static NodeIdentity? Load(IFileSystem files, string directory, List<string> warnings)
    {
        NodeIdentity? best = null;
        string? damaged = null;
        foreach (string name in IdentityNames)
        {
            string path = System.IO.Path.Combine(directory, name);
            if (!files.FileExists(path)) continue;
            NodeIdentity? read = NodeIdentity.TryDecode(Read(files, path));
            if (read is null) damaged = path;
            else if (best is null || read.BootEpoch > best.BootEpoch) best = read;
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
        if (files.FileExists(temporary)) files.Delete(temporary);
        using (IFile file = files.Open(temporary, FileOpen.CreateNew))
        {
            file.Write(0, identity.Encode());
            // Sync before rename: a crash in between must leave the old identity readable.
            file.Sync();
        }

        files.Rename(temporary, path);
        files.SyncDirectory(directory);
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
