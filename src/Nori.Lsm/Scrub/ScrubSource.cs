using Nori.IO;
using Nori.Wal;

namespace Nori.Lsm.Scrub;

/// <summary>What a scrub reads: a directory at rest, or one that an engine has open.</summary>
internal abstract class ScrubSource(IFileSystem files, string directory, string? logDirectory)
{
    public IFileSystem Files { get; } = files;

    public string Directory { get; } = directory;

    /// <summary>Null or missing: there is no log to check.</summary>
    public string? LogDirectory { get; } = logDirectory;

    /// <summary>How far the log was durable, as the manifest says.</summary>
    public WalPosition LogDurable { get; protected init; }

    /// <summary>True while an engine writes there.</summary>
    public abstract bool IsLive { get; }

    /// <summary>Files and bytes of the tables above that number.</summary>
    public abstract (int Tables, long Bytes) Extent(ulong above);

    /// <summary>The next table above that number, held until disposed; null when there is none.</summary>
    public abstract ScrubTable? Take(ulong above);

    /// <summary>Reads CURRENT and the manifest, and compares them with what is there; returns the bytes read.</summary>
    public abstract long CheckManifest(List<LsmScrubFinding> findings);
}
