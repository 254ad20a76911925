using Nori.IO;

namespace NoriKV.Node.Healing;

/// <summary>The directory of an engine of which nothing is known any more.</summary>
internal static class LostEngine
{
    /// <summary>Behind the engine's directory: where its files go. Whoever wants nothing of them may delete it.</summary>
    public const string Suffix = ".lost";

    /// <summary>Removes what was put aside, once everything is there again.</summary>
    public static void Remove(IFileSystem files, string directory)
    {
        string aside = directory + Suffix;
        if (!files.DirectoryExists(aside)) return;
        try
        {
            foreach (string name in files.List(aside)) files.Delete(Path.Combine(aside, name));
            files.DeleteDirectory(aside);
        }
        catch (StorageException)
        {
            // It takes space and does no harm; tried again behind the next healing.
        }
    }

    /// <summary>
    /// Moves its files aside, over those of an earlier time: an engine opens as a new one behind this. Stopped in the middle, it
    /// is begun again: what is left of the files is no engine either.
    /// </summary>
    public static void PutAside(IFileSystem files, string directory)
    {
        string aside = directory + Suffix;
        files.CreateDirectory(aside);
        foreach (string name in files.List(aside)) files.Delete(Path.Combine(aside, name));
        // CURRENT last: without it, tables beside it are refused as long as one is left, and what names them is gone at the end.
        foreach (string name in files.List(directory).OrderBy(static n => n == "CURRENT").ThenBy(static n => n, StringComparer.Ordinal))
        {
            if (name == "LOCK" || files.DirectoryExists(Path.Combine(directory, name))) continue;
            files.Rename(Path.Combine(directory, name), Path.Combine(aside, name));
        }

        files.SyncDirectory(aside);
        files.SyncDirectory(directory);
    }
}
