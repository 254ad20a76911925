using System.Reflection;
using System.Text.RegularExpressions;
using NoriKV.Interop;

namespace NoriKV.Server.Tests;

/// <summary>docs/wire-conformance.md names tests that exist, and a place for every sentence.</summary>
public sealed partial class ConformanceTests
{
    private static readonly string Text =
        File.ReadAllText(Path.Combine(InteropTools.RepositoryRoot, "docs", "wire-conformance.md"));

    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        HashSet<string> tests = [.. typeof(ConformanceTests).Assembly.GetTypes()
            .SelectMany(static t => t.GetMethods().Select(m => $"{t.Name}.{m.Name}"))];
        string[] named = [.. TestName().Matches(Text).Select(static m => m.Groups[1].Value)];
        Assert.True(named.Length > 60);
        Assert.Empty(named.Except(tests));
    }

    [Fact]
    public void Every_row_has_a_test_or_an_issue()
    {
        IEnumerable<string> rows = Text.Split('\n')
            .Where(static l => l.StartsWith("| ", StringComparison.Ordinal));
        Assert.All(
            rows.Where(static l => !l.EndsWith("| test |", StringComparison.Ordinal)),
            static l => Assert.Matches(@"Tests\.[A-Z]|issue \d", l));
    }

    [GeneratedRegex(@"`([A-Za-z0-9]+Tests\.[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();
}
