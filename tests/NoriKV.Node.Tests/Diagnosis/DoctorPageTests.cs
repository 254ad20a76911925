using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using NoriKV.Node.Diagnosis;

namespace NoriKV.Node.Tests.Diagnosis;

/// <summary>docs/doctor.md and the code name the same findings.</summary>
public sealed class DoctorPageTests
{
    [Fact]
    public void The_page_explains_every_finding_and_no_other()
    {
        string[] rows = [.. Regex.Matches(Page(), "^\\| `([a-z-]+)` \\|", RegexOptions.Multiline).Select(static m => m.Groups[1].Value)];
        Assert.Equal(FindingIds.All, rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_list_has_every_constant_once()
    {
        string[] constants =
        [
            .. typeof(FindingIds).GetFields().Where(static f => f.IsLiteral).Select(static f => (string)f.GetRawConstantValue()!),
        ];
        Assert.Equal(constants.Order(StringComparer.Ordinal), FindingIds.All);
    }

    private static string Page([CallerFilePath] string here = "") =>
        File.ReadAllText(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", "doctor.md")));
}
