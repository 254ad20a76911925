using System.Globalization;
using Nori.IO;
using Nori.Wal;

namespace Nori.Lsm.Manifest;

/// <summary>The names of the engine's own log, and whether they go with what a manifest says.</summary>
internal sealed class LogSegments
{
    private readonly string _directory;
    private readonly string? _oldest;

    private LogSegments(string directory, string? oldest)
    {
        _directory = directory;
        _oldest = oldest;
    }

    /// <summary>Lists them. Where an engine is at work, before the manifest is read: it notes first what it deletes then.</summary>
    public static LogSegments List(IFileSystem files, string engineDirectory)
    {
        string directory = Path.Combine(engineDirectory, FileNames.WalDirectory);
        IEnumerable<string> names = files.DirectoryExists(directory) ? files.List(directory) : [];
        // All names have twenty digits: the least is the oldest.
        string? oldest = names.Where(static name => name.EndsWith(".wal", StringComparison.Ordinal)).Min(StringComparer.Ordinal);
        return new LogSegments(directory, oldest);
    }

    /// <summary>
    /// A log that a manifest knows of, flushed from or not, never vanishes, and it must not begin behind what the manifest says that tables
    /// hold: segments go only after the edit that says so, and a manifest that was cut may lack that edit.
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public CorruptionException? Check(WalPosition flushed)
    {
        if (_oldest is null)
        {
            if (flushed.Segment == 0) return null;
            return new CorruptionException(_directory, 0, $"log segments from {flushed.Segment} on", "none");
        }

        ulong needed = Math.Max(1, flushed.Segment);
        if (!ulong.TryParse(_oldest.AsSpan(0, _oldest.Length - 4), CultureInfo.InvariantCulture, out ulong first)) return null;
        if (first <= needed) return null;
        return new CorruptionException(
            _directory, 0, $"log segment {needed}, where the tables end", $"segment {first} as the first");
    }
}
