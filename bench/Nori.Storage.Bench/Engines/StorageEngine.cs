namespace Nori.Storage.Bench.Engines;

/// <summary>An open engine, ours or the peer.</summary>
internal abstract class StorageEngine(EngineSettings settings) : IDisposable
{
    public EngineSettings Settings => settings;

    /// <summary>Bytes of the files with sorted tables; both engines call them *.sst.</summary>
    public long TableBytes => Bytes("*.sst");

    /// <summary>Bytes of everything below the directory: logs, zero-filled or recycled ones too.</summary>
    public long DirectoryBytes => Bytes("*");

    public static StorageEngine Open(EngineKind kind, EngineSettings settings)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(settings.Directory)!);
        return kind == EngineKind.Ours ? new NoriEngine(settings) : new PeerEngine(settings);
    }

    public abstract EngineSession NewSession();

    /// <summary>Memtable to table, and all tables to the last level.</summary>
    public abstract void CompactAll();

    /// <summary>Memtable to table.</summary>
    public abstract void Flush();

    /// <summary>Waits until no compaction is due.</summary>
    public abstract void WaitForCompactions();

    public abstract void Dispose();

    private long Bytes(string pattern) => new DirectoryInfo(settings.Directory)
        .EnumerateFiles(pattern, SearchOption.AllDirectories).Sum(Length);

    private static long Length(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (FileNotFoundException)
        {
            // A compaction deleted it meanwhile.
            return 0;
        }
    }
}
