using System.Globalization;
using Nori.IO;

namespace NoriKV.Node.Snapshots;

/// <summary>
/// Where tables of snapshots on their way lie: <c>incoming/SLOT/NNNNNN.sst</c> beside the engine, on its file system, so
/// that they can be linked. Nothing in it is worth anything after a crash.
/// </summary>
internal sealed class SnapshotStaging(IFileSystem files, string dataDirectory)
{
    private const string Name = "incoming";

    private readonly string _root = Path.Combine(dataDirectory, Name);

    /// <summary>The file system it lies on.</summary>
    public IFileSystem Files => files;

    /// <summary>Removes what a crash left; at start, before anything is received.</summary>
    public void Clean()
    {
        if (!files.DirectoryExists(_root)) return;
        foreach (string slot in files.List(_root))
        {
            string directory = Path.Combine(_root, slot);
            if (!files.DirectoryExists(directory)) continue;
            foreach (string table in files.List(directory)) files.Delete(Path.Combine(directory, table));
            files.DeleteDirectory(directory);
        }
    }

    /// <summary>Makes the place for one snapshot.</summary>
    public string Create(uint slot)
    {
        string directory = Path.Combine(_root, slot.ToString("D10", CultureInfo.InvariantCulture));
        files.CreateDirectory(_root);
        files.CreateDirectory(directory);
        return directory;
    }

    /// <summary>The file of a table.</summary>
    public static string Table(string directory, int number) =>
        Path.Combine(directory, number.ToString("D6", CultureInfo.InvariantCulture) + ".sst");

    /// <summary>Removes one snapshot's files; what cannot be removed, the next start does.</summary>
    public void Remove(string directory, IEnumerable<string> tables)
    {
        try
        {
            foreach (string table in tables)
            {
                if (files.FileExists(table)) files.Delete(table);
            }

            files.DeleteDirectory(directory);
        }
        catch (StorageException)
        {
            // Garbage and no more: nothing refers to it.
        }
    }
}
