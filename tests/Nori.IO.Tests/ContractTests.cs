namespace Nori.IO.Tests;

public sealed class MemoryFileSystemContract : FileSystemContract
{
    public MemoryFileSystemContract() => Files.CreateDirectory(Root);

    private protected override IFileSystem Files { get; } = new MemoryFileSystem();

    private protected override string Root => "/data/db";
}

public sealed class FaultInjectingFileSystemContract : FileSystemContract
{
    public FaultInjectingFileSystemContract() => Files.CreateDirectory(Root);

    private protected override IFileSystem Files { get; } = new FaultInjectingFileSystem(new MemoryFileSystem());

    private protected override string Root => "/data/db";
}

public sealed class DiskFileSystemContract : FileSystemContract, IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nori-io-");

    private protected override IFileSystem Files => DiskFileSystem.Instance;

    private protected override string Root => _directory.FullName;

    public void Dispose() => _directory.Delete(recursive: true);
}
