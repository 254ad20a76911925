using Nori.IO;

namespace NoriKV.Golden;

/// <summary>
/// Data that an earlier version of a format wrote, kept in tests/PROJECT/testdata/golden/vN/NAME with what is in it in
/// NAME.txt (docs/decisions/0085). Linked into the test projects that have such data.
/// </summary>
internal sealed class GoldenData(string project)
{
    private readonly string _root = Path.Combine(FindRoot(), "tests", project, "testdata", "golden");

    /// <summary>Every "vN/NAME" that is kept.</summary>
    public IEnumerable<string> Names => Directory.EnumerateFiles(_root, "*.txt", SearchOption.AllDirectories)
        .Select(f => Path.ChangeExtension(Path.GetRelativePath(_root, f), null).Replace('\\', '/'))
        .Order(StringComparer.Ordinal);

    /// <summary>What is in it: a line each, its fields separated by tabs.</summary>
    public IEnumerable<string[]> Expected(string name) =>
        File.ReadLines(Path.Combine(_root, name + ".txt")).Select(line => line.Split('\t'));

    /// <summary>A copy of it in memory, synced.</summary>
    public MemoryFileSystem Load(string name, string target)
    {
        string source = Path.Combine(_root, name);
        var files = new MemoryFileSystem(1);
        files.CreateDirectory(target);
        foreach (string path in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = $"{target}/{Path.GetRelativePath(source, path).Replace('\\', '/')}";
            string directory = Path.GetDirectoryName(copy)!;
            files.CreateDirectory(directory);
            using IFile file = files.Open(copy, FileOpen.CreateNew);
            file.Write(0, File.ReadAllBytes(path));
            file.Sync();
            files.SyncDirectory(directory);
        }

        return files;
    }

    /// <summary>
    /// With UPDATE_GOLDEN=1: keeps the data under that name unless something is kept there already. What a released
    /// version wrote is never written again.
    /// </summary>
    public void KeepNew(string name, IFileSystem files, string source, IEnumerable<string> expected)
    {
        string target = Path.Combine(_root, name);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") != "1" || File.Exists(target + ".txt")) return;
        Copy(files, source, target);
        File.WriteAllText(target + ".txt", string.Concat(expected.Select(line => line + "\n")));
    }

    private static void Copy(IFileSystem files, string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string name in files.List(source).Where(name => name != "LOCK"))
        {
            string path = $"{source}/{name}";
            if (files.DirectoryExists(path)) Copy(files, path, Path.Combine(target, name));
            else File.WriteAllBytes(Path.Combine(target, name), files.ReadAllBytes(path));
        }
    }

    private static string FindRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "NoriKV.slnx"))) directory = Path.GetDirectoryName(directory)!;
        return directory;
    }
}
