using Nori.IO;
using NoriKV.Node.Ports;

namespace NoriKV.Storage.Contract;

/// <summary>Where an engine lies over several openings, on a file system in memory and, for those who need it, on the disk.</summary>
public sealed class Place : IDisposable
{
    private readonly Lazy<string> _disk = new(() => Directory.CreateTempSubdirectory("nori-storage-").FullName);

    internal TestOwner Owner { get; } = new();

    internal MemoryFileSystem Files { get; } = new(1);

    internal bool RunBackground { get; init; }

    internal StorageSetup Setup => new()
    {
        Directory = "/engine",
        FileSystem = Files,
        Owner = Owner,
        RunBackground = RunBackground,
        MemtableBytes = 64 << 10,
        BlockCacheBytes = 1 << 20,
        Seed = 1,
    };

    internal StorageSetup OnDisk => Setup with
    {
        Directory = Path.Combine(_disk.Value, "engine"), FileSystem = DiskFileSystem.Instance,
    };

    public void Dispose()
    {
        if (_disk.IsValueCreated) Directory.Delete(_disk.Value, recursive: true);
    }
}
