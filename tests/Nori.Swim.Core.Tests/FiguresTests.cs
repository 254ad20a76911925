using System.Reflection;
using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>The simulated figures of docs/swim.md: measured on request, checked always.</summary>
public sealed class FiguresTests
{
    private const string Mark = "<!-- figures -->";

    private static string Docs => Path.Combine(
        typeof(FiguresTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepositoryRoot").Value!,
        "docs");

    private static string RowsFile => Path.Combine(Docs, "swim-figures.tsv");

    private static string Page => Path.Combine(Docs, "swim.md");

    // SWIM_FIGURES=1 first measures every row that docs/swim-figures.tsv lacks, smallest clusters first, and writes page and
    // plots after each: it may be cut and started again. To measure anew delete that file.
    [Fact]
    public void The_tables_of_the_docs_are_the_measured_rows()
    {
        FigureRows rows = new(RowsFile);
        Figures figures = new(rows);
        if (Environment.GetEnvironmentVariable("SWIM_FIGURES") == "1")
        {
            foreach ((string key, Func<double[]> measure) in Figures.Plan())
            {
                if (rows.TryMeasure(key, measure)) Write(figures);
            }

            Write(figures);
        }

        string[] parts = File.ReadAllText(Page).Split(Mark);
        Assert.Equal(3, parts.Length);
        Assert.Equal("\n" + figures.Tables(), parts[1]);
        Assert.All(Figures.Plan(), row => Assert.NotNull(rows.Find(row.Key)));
    }

    // The simulations are seeded: figures that the code no longer gives are seen here.
    [Theory]
    [InlineData("load|10")]
    [InlineData("news|10|gossip")]
    [InlineData("kill|3|10 %|with")]
    [InlineData("kill|5|0 %|without")]
    public void A_row_measured_again_is_the_same(string key)
    {
        double[]? row = new FigureRows(RowsFile).Find(key);
        Func<double[]> measure = Figures.Plan().Single(r => r.Key == key).Measure;
        string message = $"{key}: docs/swim-figures.tsv is of other code: delete it and run with SWIM_FIGURES=1";
        Assert.True(row is not null && row.SequenceEqual(measure().Select(FigureRows.Rounded)), message);
    }

    private static void Write(Figures figures)
    {
        string[] parts = File.ReadAllText(Page).Split(Mark);
        Assert.Equal(3, parts.Length);
        File.WriteAllText(Page, $"{parts[0]}{Mark}\n{figures.Tables()}{Mark}{parts[2]}");
        figures.Plots(Docs);
    }
}
