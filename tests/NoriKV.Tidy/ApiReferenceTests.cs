using System.Reflection;
using System.Text;
using NoriKV.Tidy.ApiReference;

namespace NoriKV.Tidy;

/// <summary>
/// docs/api is written from the doc comments and the public surface of the packages. What is kept there is what these tests would
/// write; UPDATE_GOLDEN=1 writes it.
/// </summary>
public sealed class ApiReferenceTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs", "api");

    // What a program outside the repository compiles against: the packages, and the types that the client's surface is made of.
    private static IEnumerable<string> Names =>
        Repository.Packages.Select(p => p.Name).Where(n => n != "NoriKV.Cli").Append("NoriKV.Types").Order(StringComparer.Ordinal);

    [Fact]
    public void The_reference_is_what_the_doc_comments_say()
    {
        var comments = new DocComments(Names.Select(n => Beside(n, ".xml")));
        ReferencePage[] pages = [.. Names.Select(n => new ReferencePage(Assembly.LoadFrom(Beside(n, ".dll")), comments))];
        Dictionary<string, string> texts = pages.ToDictionary(p => p.Package + ".md", p => p.Write());
        texts["README.md"] = Index(pages);
        Directory.CreateDirectory(Folder);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            foreach (string old in Directory.GetFiles(Folder)) File.Delete(old);
            foreach ((string name, string text) in texts) File.WriteAllText(Path.Combine(Folder, name), text);
        }

        IEnumerable<string> kept = Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!);
        string[] wrong =
        [
            .. texts.Keys.Except(kept).Select(name => $"docs/api/{name} is missing"),
            .. kept.Except(texts.Keys).Select(name => $"docs/api/{name} is of nothing"),
            .. texts.Keys.Intersect(kept).SelectMany(name => Differences(name, texts[name])),
        ];
        Assert.True(
            wrong.Length == 0,
            "docs/api differs from the doc comments; run the tests of NoriKV.Tidy with UPDATE_GOLDEN=1:\n"
            + string.Join('\n', wrong.Take(40)));
    }

    [Fact]
    public void Every_public_member_has_a_word_about_it()
    {
        var comments = new DocComments(Names.Select(n => Beside(n, ".xml")));
        ReferencePage[] pages = [.. Names.Select(n => new ReferencePage(Assembly.LoadFrom(Beside(n, ".dll")), comments))];
        foreach (ReferencePage page in pages) page.Write();
        Assert.Equal([], pages.SelectMany(static p => p.Silent));
    }

    private static string Beside(string name, string extension) => Path.Combine(AppContext.BaseDirectory, name + extension);

    private static string Index(IEnumerable<ReferencePage> pages)
    {
        var text = new StringBuilder(
            """
            # API reference

            Written by a test from the doc comments of the source (`tests/NoriKV.Tidy/ApiReferenceTests.cs`), which fails when the two
            differ. Each package's README says what it is for and shows it at work.

            | package | types | begin with |
            |---|---|---|

            """);
        foreach (ReferencePage page in pages)
        {
            string readme = File.Exists(Path.Combine(Repository.Root, "src", page.Package, "README.md"))
                ? $"[README](../../src/{page.Package}/README.md)"
                : string.Empty;
            text.Append($"| [{page.Package}]({page.Package}.md) | {page.Types.Count} | {readme} |\n");
        }

        return text.ToString();
    }

    private static IEnumerable<string> Differences(string name, string now)
    {
        string was = File.ReadAllText(Path.Combine(Folder, name));
        if (was == now) return [];
        string[] a = was.Split('\n'), b = now.Split('\n');
        return [$"docs/api/{name}:", .. a.Except(b).Select(l => "- " + l), .. b.Except(a).Select(l => "+ " + l)];
    }
}
