using System.Globalization;
using System.Reflection;
using System.Text;
using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>Writes the simulated figures of docs/swim.md and its plots. Minutes long: SWIM_FIGURES=1 runs it.</summary>
public sealed class FiguresTests
{
    private static readonly int[] Counts = [3, 10, 100, 1000];
    private static readonly double[] Losses = [0, 0.1, 0.3];

    [Fact]
    [Trait("Category", "Slow")]
    public void The_figures_of_the_docs_are_written()
    {
        if (Environment.GetEnvironmentVariable("SWIM_FIGURES") != "1")
            Assert.Skip("SWIM_FIGURES=1 measures for minutes and rewrites docs/swim.md and docs/swim-*.svg");
        StringBuilder text = new();
        foreach (Action<StringBuilder> part in new Action<StringBuilder>[] { Dissemination, Load, FalsePositives, Detection })
        {
            part(text);
            Save(text);
        }
    }

    private static void Save(StringBuilder text)
    {
        string file = Path.Combine(Docs, "swim.md");
        string[] parts = File.ReadAllText(file).Split("<!-- figures -->");
        Assert.Equal(3, parts.Length);
        File.WriteAllText(file, $"{parts[0]}<!-- figures -->\n{text}<!-- figures -->{parts[2]}");
    }

    private static string Docs => Path.Combine(
        typeof(FiguresTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepositoryRoot").Value!,
        "docs");

    private static void Dissemination(StringBuilder text)
    {
        text.Append("\n### News: periods until every member knows, median (worst of the runs)\n\n");
        text.Append("| members | log2 n | along with probes only (the paper) | with gossip rounds | the same at 30 % loss |\n");
        text.Append("|---|---|---|---|---|\n");
        List<(double, double)> alone = [], gossip = [];
        foreach (int n in Counts)
        {
            int runs = n >= 1000 ? 3 : 20;
            (double Median, double Worst) a = Experiments.Dissemination(n, gossip: false, loss: 0, runs);
            (double Median, double Worst) g = Experiments.Dissemination(n, gossip: true, loss: 0, runs);
            (double Median, double Worst) l = Experiments.Dissemination(n, gossip: true, loss: 0.3, runs);
            text.Append(Invariant($"| {n} | {Math.Log2(n):0.0} | {Pair(a)} | {Pair(g)} | {Pair(l)} |\n"));
            alone.Add((Math.Log10(n), a.Median));
            gossip.Add((Math.Log10(n), g.Median));
        }

        Plot.Write(
            Path.Combine(Docs, "swim-dissemination.svg"),
            "Periods until every member knows (median)",
            [("along with probes only", alone), ("with gossip rounds", gossip),
                ("log2 n", [.. Counts.Select(n => (Math.Log10(n), Math.Log2(n)))])]);
        static string Pair((double Median, double Worst) p) => Invariant($"{p.Median:0.0} ({p.Worst:0.0})");
    }

    private static void Load(StringBuilder text)
    {
        text.Append("\n### Load of a member when nothing happens\n\n");
        text.Append("| members | datagrams sent a second, mean | busiest member | bytes a second (before sealing) |\n|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            (double datagrams, double busiest, double bytes) = Experiments.Load(n, lifeguard: true);
            text.Append(Invariant($"| {n} | {datagrams:0.00} | {busiest:0.00} | {bytes:0} |\n"));
        }
    }

    private static void Detection(StringBuilder text)
    {
        text.Append("\n### A kill: seconds until the first member reports it (median); until all do, median / p95 / worst\n\n");
        text.Append("| members | loss | kills | with Lifeguard and ours | without |\n|---|---|---|---|---|\n");
        List<(string, List<(double, double)>)> curves = [];
        foreach (double loss in Losses)
        {
            List<(double, double)> with = [], without = [];
            foreach (int n in Counts)
            {
                int kills = n >= 1000 ? (loss > 0.2 ? 1 : 3) : n >= 100 ? 20 : 200;
                var on = Experiments.Detection(n, Experiments.Config(lifeguard: true), loss, kills);
                var off = Experiments.Detection(n, Experiments.Config(lifeguard: false), loss, kills);
                text.Append(Invariant($"| {n} | {loss:0 %} | {kills} | {Row(on)} | {Row(off)} |\n"));
                with.Add((Math.Log10(n), on.Median));
                without.Add((Math.Log10(n), off.Median));
            }

            curves.Add((Invariant($"with, {loss:0 %} loss"), with));
            curves.Add((Invariant($"without, {loss:0 %} loss"), without));
        }

        Plot.Write(
            Path.Combine(Docs, "swim-detection.svg"), "Seconds until every member reports a kill (median)", curves);
        static string Row((double First, double Median, double P95, double Worst) d) =>
            Invariant($"{d.First:0.0}; {d.Median:0.0} / {d.P95:0.0} / {d.Worst:0.0}");
    }

    private static void FalsePositives(StringBuilder text)
    {
        text.Append("\n### False alarms: suspicions, live members held dead, and by how many members\n\n");
        text.Append("| members | what ails them | virtual time | with Lifeguard and ours | without |\n|---|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            foreach (double loss in Losses) Row(n, Invariant($"{loss:0 %} loss"), loss, 0, 0);
            if (n >= 10) Row(n, "one in ten slow: each message waits up to 4 s there", 0, n / 10, 4 * SwimConfig.Second);
        }

        void Row(int n, string what, double loss, int slow, long slowTicks)
        {
            long seconds = n >= 1000 ? (loss > 0.2 ? 10 : 60) : n >= 100 ? 600 : 3600;
            var on = Experiments.FalsePositives(n, Experiments.Config(true), loss, slow, slowTicks, seconds, 5);
            var off = Experiments.FalsePositives(n, Experiments.Config(false), loss, slow, slowTicks, seconds, 5);
            text.Append(Invariant($"| {n} | {what} | {seconds} s | {Cell(on)} | {Cell(off)} |\n"));
        }

        static string Cell((long Suspicions, long FalseDeaths, long FalseViews) f) =>
            Invariant($"{f.Suspicions}; {f.FalseDeaths} dead by {f.FalseViews}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
