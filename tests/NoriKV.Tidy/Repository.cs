using System.Diagnostics;
using System.Reflection;
using System.Xml.Linq;

namespace NoriKV.Tidy;

/// <summary>The checkout that these tests were built from, as files.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RepositoryRoot").Value!;

    /// <summary>Source projects by name.</summary>
    public static IReadOnlyList<Project> Projects { get; } = Directory
        .GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
        .Select(Project.Load)
        .OrderBy(p => p.Name, StringComparer.Ordinal)
        .ToArray();

    public static IReadOnlyList<Project> Packages { get; } =
        Projects.Where(p => p.Name.StartsWith("Nori.", StringComparison.Ordinal)
            || p.Name is "NoriKV.Client" or "NoriKV.Embedded" or "NoriKV.TestKit" or "NoriKV.Cli").ToArray();

    /// <summary>Files that belong to the repository (tracked, or new and not ignored), as relative paths with '/'.</summary>
    public static IReadOnlyList<string> Files { get; } = ListFiles();

    public static string Read(string relativePath) => File.ReadAllText(Path.Combine(Root, relativePath));

    private static string[] ListFiles()
    {
        using Process git = Process.Start(new ProcessStartInfo("git", "ls-files -co --exclude-standard")
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        })!;
        string output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(f => File.Exists(Path.Combine(Root, f)))
            .ToArray();
    }

    public sealed record Project(
        string Name, string Directory, IReadOnlyList<string> References, IReadOnlyList<string> PackageReferences)
    {
        public static Project Load(string path)
        {
            XDocument xml = XDocument.Load(path);
            return new Project(
                Path.GetFileNameWithoutExtension(path),
                Path.GetDirectoryName(path)!,
                Includes(xml, "ProjectReference").Select(Path.GetFileNameWithoutExtension).ToArray()!,
                Includes(xml, "PackageReference").ToArray());
        }

        private static IEnumerable<string> Includes(XDocument xml, string element) =>
            xml.Descendants(element).Select(e => e.Attribute("Include")?.Value).OfType<string>();
    }
}
