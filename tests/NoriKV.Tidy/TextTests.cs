using System.Text.RegularExpressions;

namespace NoriKV.Tidy;

/// <summary>Rules about the files of the repository.</summary>
public sealed partial class TextTests
{
    private static readonly string[] TextExtensions =
    [
        ".cs", ".csproj", ".props", ".targets", ".slnx", ".md", ".json", ".yaml", ".yml", ".proto", ".sh", ".py", ".js",
        ".mjs", ".ts", ".html", ".css", ".txt", "",
    ];

    private static IEnumerable<string> TextFiles => Repository.Files
        .Where(f => TextExtensions.Contains(Path.GetExtension(f)) && !f.Contains("testdata/", StringComparison.Ordinal));

    [Fact]
    public void No_file_names_a_path_of_one_machine_or_a_registry()
    {
        Assert.Empty(Find(MachinePath()));
    }

    [Fact]
    public void Nothing_is_left_unfinished()
    {
        Assert.DoesNotContain(Find(Unfinished()), hit => hit.Contains(".cs:", StringComparison.Ordinal));
    }

    // The habit is 110; the test leaves room for a string that reads worse when cut.
    [Fact]
    public void Lines_stay_near_a_hundred_and_ten_columns()
    {
        IEnumerable<string> wide = Repository.Files
            .Where(f => f.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(f => Repository.Read(f).Split('\n')
                .Select((line, i) => (line, i))
                .Where(l => l.line.Length > 140 && !Uncut().IsMatch(l.line))
                .Select(l => $"{f}:{l.i + 1} has {l.line.Length} columns"));
        Assert.Empty(wide);
    }

    [Fact]
    public void No_source_file_grew_past_one_idea()
    {
        IEnumerable<string> long_ = Repository.Files
            .Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .Select(f => (File: f, Lines: Repository.Read(f).Count(c => c == '\n')))
            .Where(f => f.Lines > 500)
            .Select(f => $"{f.File} has {f.Lines} lines: which second idea moved in?");
        Assert.Empty(long_);
    }

    [Fact]
    public void Every_package_has_a_readme_and_a_changelog()
    {
        IEnumerable<string> missing = Repository.Packages
            .SelectMany(p => new[] { "README.md", "CHANGELOG.md" }.Select(f => Path.Combine(p.Directory, f)))
            .Where(f => !File.Exists(f))
            .Select(f => Path.GetRelativePath(Repository.Root, f));
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_relative_link_in_the_docs_leads_somewhere()
    {
        IEnumerable<string> broken = Repository.Files
            .Where(f => f.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(f => Link().Matches(WithoutCode(Repository.Read(f)))
                .Select(m => m.Groups[1].Value)
                .Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#'))
                .Select(target => target.Split('#')[0])
                .Where(target => target.Length > 0
                    && !Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(f)!, target)))
                .Select(target => $"{f} links to {target}"));
        Assert.Empty(broken);
    }

    // A page that no other page names is read by nobody. Records of decisions are found by their numbers.
    [Fact]
    public void Every_page_of_the_docs_is_named_by_another()
    {
        HashSet<string> named = Repository.Files
            .Where(f => f.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(f => Link().Matches(WithoutCode(Repository.Read(f)))
                .Select(m => m.Groups[1].Value.Split('#')[0])
                .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
                .Select(target => Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(f)!, target))))
            .ToHashSet(StringComparer.Ordinal);
        IEnumerable<string> pages = Repository.Files.Where(f => f.StartsWith("docs/", StringComparison.Ordinal)
            && f.EndsWith(".md", StringComparison.Ordinal)
            && (!f.StartsWith("docs/decisions/", StringComparison.Ordinal) || f.EndsWith("README.md", StringComparison.Ordinal)));
        Assert.Equal([], pages.Where(f => !named.Contains(Path.GetFullPath(Path.Combine(Repository.Root, f)))));
    }

    [Fact]
    public void Every_anchor_in_the_docs_names_a_heading()
    {
        Dictionary<string, HashSet<string>> headings = Repository.Files
            .Where(f => f.EndsWith(".md", StringComparison.Ordinal))
            .ToDictionary(f => Path.GetFullPath(Path.Combine(Repository.Root, f)), f => Headings(Repository.Read(f)));
        IEnumerable<string> broken = Repository.Files
            .Where(f => f.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(f => Link().Matches(WithoutCode(Repository.Read(f)))
                .Select(m => m.Groups[1].Value)
                .Where(target => !target.Contains("://", StringComparison.Ordinal) && target.Contains('#', StringComparison.Ordinal))
                .Where(target => !Leads(f, target))
                .Select(target => $"{f} links to {target}"));
        Assert.Empty(broken);

        bool Leads(string file, string target)
        {
            string[] parts = target.Split('#');
            string folder = Path.Combine(Repository.Root, Path.GetDirectoryName(file)!);
            string page = Path.GetFullPath(parts[0].Length == 0 ? Path.Combine(Repository.Root, file) : Path.Combine(folder, parts[0]));
            return headings.TryGetValue(page, out HashSet<string>? known) && known.Contains(parts[1]);
        }
    }

    // As GitHub makes them: of two equal headings the second gets -1.
    private static HashSet<string> Headings(string markdown)
    {
        HashSet<string> slugs = new(StringComparer.Ordinal);
        foreach (Match heading in Heading().Matches(Fence().Replace(markdown, string.Empty)))
        {
            string plain = LinkText().Replace(heading.Groups[1].Value, "$1").Replace("&lt;", "<", StringComparison.Ordinal);
            string slug = ApiReference.ReferencePage.Slug(plain);
            string unique = slug;
            for (int i = 1; !slugs.Add(unique); i++) unique = $"{slug}-{i}";
        }

        return slugs;
    }

    [Fact]
    public void Decision_records_are_numbered_once()
    {
        string[] names = Repository.Files
            .Where(f => f.StartsWith("docs/decisions/", StringComparison.Ordinal))
            .Select(f => Path.GetFileName(f)!)
            .Where(n => n != "README.md")
            .ToArray();
        Assert.All(names, n => Assert.Matches(@"^\d{4}-[a-z0-9-]+\.md$", n));
        Assert.Equal(names.Length, names.Select(n => n[..4]).Distinct().Count());
    }

    // A thread or timer outside a loop cannot be stepped by a simulation.
    [Fact]
    public void Only_loops_and_named_shells_create_threads_and_timers()
    {
        IEnumerable<string> wrong = Repository.Files
            .Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .Where(f => !MayOwnThreads(f))
            .SelectMany(f => ThreadOrTimer().Matches(Repository.Read(f)).Select(m => $"{f}: {m.Value}"));
        Assert.Empty(wrong);
    }

    // Loops own threads; the server, client and command line are shells outside the simulated node.
    private static bool MayOwnThreads(string file) =>
        file.EndsWith("Loop.cs", StringComparison.Ordinal)
        || file.StartsWith("src/NoriKV.Server/", StringComparison.Ordinal)
        || file.StartsWith("src/NoriKV.Client/", StringComparison.Ordinal)
        || file.StartsWith("src/NoriKV.Cli/", StringComparison.Ordinal)
        || file.StartsWith("src/Nori.Grpc", StringComparison.Ordinal)
        || file.StartsWith("src/NoriKV.Transport.", StringComparison.Ordinal);

    private static IEnumerable<string> Find(Regex pattern) => TextFiles
        .Where(f => !f.StartsWith("tests/NoriKV.Tidy/", StringComparison.Ordinal))
        .SelectMany(f => Repository.Read(f).Split('\n')
            .Select((line, i) => (Line: line, Number: i + 1))
            .Where(l => pattern.IsMatch(l.Line))
            .Select(l => $"{f}:{l.Number}: {l.Line.Trim()}"))
        .ToArray();

    private static string WithoutCode(string markdown) => CodeBlock().Replace(markdown, string.Empty);

    [GeneratedRegex("""(^|[^A-Za-z0-9_.])/(root|work)/[a-z.]|/tmp/w/|"resolved": *"http|nuget\.org/v3|registry\.npmjs""")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"https?://|GeneratedRegex\(|""""""\{")]
    private static partial Regex Uncut();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK)\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#{1,6} +(.*?) *$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex LinkText();

    [GeneratedRegex("^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(
        @"new Thread\(|new Timer\(|new PeriodicTimer\(|\bTask\.Run\(|\.CreateTimer\(|ThreadPool\.\w*QueueUserWorkItem")]
    private static partial Regex ThreadOrTimer();
}
