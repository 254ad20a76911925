using System.Diagnostics;
using NoriKV.TestKit.Histories;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Tests;

/// <summary>Histories that others recorded, with verdicts that others gave.</summary>
public sealed class RecordedHistoryTests
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "testdata", "histories");

    public static TheoryData<string, bool> Verdicts()
    {
        TheoryData<string, bool> rows = [];
        foreach (string line in File.ReadLines(Path.Combine(Folder, "verdicts.tsv")))
        {
            string[] fields = line.Split('\t');
            rows.Add(fields[0], fields[1] == "linearizable");
        }

        foreach (string file in Directory.GetFiles(Folder, "kv-*.txt").Order(StringComparer.Ordinal))
            rows.Add(Path.GetFileName(file), file.EndsWith("-ok.txt", StringComparison.Ordinal));
        return rows;
    }

    [Theory]
    [MemberData(nameof(Verdicts))]
    public void The_verdict_is_the_recorded_one(string file, bool linearizable)
    {
        Verdict verdict = LinearizabilityChecker.Check(HistoryReader.ReadFile(Path.Combine(Folder, file)));
        Assert.Equal(linearizable, verdict.IsLinearizable);
        if (verdict.Contradiction is not { } contradiction) return;
        string picture = ContradictionPicture.ToText(contradiction);
        Assert.Contains(contradiction.Culprit.ToString(), picture, StringComparison.Ordinal);
    }

    [Fact]
    public void All_fifty_four_are_here() => Assert.Equal(54, Verdicts().Count);
}
