using Nori.IO;

namespace NoriKV.Node.Directory;

/// <summary>What can be told of a data directory from outside, without opening it.</summary>
public static class DataDirectory
{
    /// <summary>True where a node has lived: it has data, or had.</summary>
    public static bool IsFounded(IFileSystem files, string directory)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (!files.DirectoryExists(directory)) return false;
        return NodeDirectory.IdentityNames.Any(name => files.FileExists(Path.Combine(directory, name)))
            || HasFiles(files, Path.Combine(directory, "log"))
            || HasFiles(files, Path.Combine(directory, "engine"));
    }

    /// <summary>The number of shards that a directory was founded with, for ever; null where no node has lived.</summary>
    /// <exception cref="CorruptionException">Both copies of its identity are damaged.</exception>
    public static int? TotalShardsOf(IFileSystem files, string directory)
    {
        ArgumentNullException.ThrowIfNull(files);
        return NodeDirectory.Look(files, directory)?.TotalShards;
    }

    private static bool HasFiles(IFileSystem files, string path) => files.DirectoryExists(path) && files.List(path).Count > 0;
}
