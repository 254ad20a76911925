using System.Globalization;
using System.Text;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>Which rows there are, and how docs/swim.md and its plots show them.</summary>
internal sealed class Figures(FigureRows rows)
{
    public const string Slow4 = "one in ten slow: each message waits up to 4 s there";
    public const string Slow8 = "one in ten slow: up to 8 s";

    private static readonly int[] Counts = [3, 5, 10, 100, 1000];
    private static readonly double[] Losses = [0, 0.1, 0.3];
    private static readonly string[] Ails = ["0 % loss", "10 % loss", "30 % loss", Slow4, Slow8];

    /// <summary>Every row, cheap ones first.</summary>
    public static IEnumerable<(string Key, Func<double[]> Measure)> Plan()
    {
        foreach (int n in Counts)
        {
            yield return ($"load|{n}", () => Load(n));
            foreach (string way in (string[])["probes", "gossip", "gossip at 30 %"]) yield return ($"news|{n}|{way}", () => News(n, way));
            foreach (double loss in Losses)
            {
                foreach (bool on in (bool[])[true, false])
                    yield return ($"kill|{n}|{Percent(loss)}|{Word(on)}", () => Kill(n, loss, on));
            }

            foreach (string ail in Ails.Where(a => n >= 10 || a.EndsWith("loss", StringComparison.Ordinal)))
            {
                foreach (bool on in (bool[])[true, false])
                    yield return ($"alarm|{n}|{ail}|{Word(on)}", () => Alarm(n, ail, on));
            }
        }
    }

    /// <summary>The part of the page between its marks.</summary>
    public string Tables()
    {
        StringBuilder text = new();
        NewsTable(text);
        LoadTable(text);
        SuspicionTable(text);
        KillTable(text);
        AlarmTable(text);
        return text.ToString();
    }

    public void Plots(string folder)
    {
        Plot.Lines(
            Path.Combine(folder, "swim-dissemination.svg"),
            "Periods until every member knows (median)",
            [
                ("log2 n", [.. Counts.Select(n => (Math.Log10(n), Math.Log2(n)))]),
                ("along with probes only", Curve(n => $"news|{n}|probes", 0)),
                ("with gossip rounds", Curve(n => $"news|{n}|gossip", 0)),
            ]);
        Plot.Lines(
            Path.Combine(folder, "swim-detection.svg"),
            "Seconds until every member reports a kill (median; dashed: without Lifeguard and ours)",
            [.. Losses.SelectMany(loss => new[] { true, false }.Select(on => (
                $"{Word(on)}, {Percent(loss)} loss",
                Curve(n => $"kill|{n}|{Percent(loss)}|{Word(on)}", 2))))]);
        Plot.Bars(
            Path.Combine(folder, "swim-alarms.svg"),
            "Live members held dead, per 1,000 member-hours (logarithmic)",
            [.. Counts.SelectMany(n => Ails.Skip(1).Where(a => rows.Find($"alarm|{n}|{a}|without") is not null)
                .Select(a => ($"{n}: {Short(a)}", Rate(n, a, true), Rate(n, a, false))))]);
    }

    private static double[] Load(int n)
    {
        (double datagrams, double busiest, double bytes) = Experiments.Load(n, lifeguard: true);
        return [datagrams, busiest, bytes];
    }

    private static double[] News(int n, string way)
    {
        double loss = way.EndsWith('%') ? 0.3 : 0;
        (double median, double worst) = Experiments.Dissemination(n, way != "probes", loss, n >= 1000 ? 3 : 20);
        return [median, worst];
    }

    private static double[] Kill(int n, double loss, bool on)
    {
        int kills = n >= 1000 ? 5 : n >= 100 ? 40 : 200;
        DetectionTimes t = Experiments.Detection(n, Experiments.Config(on), loss, kills, inOne: n >= 1000);
        return [t.Suspected, t.First, t.Median, t.P95, t.Worst, kills];
    }

    private static double[] Alarm(int n, string ail, bool on)
    {
        long seconds = n >= 1000 ? 60 : n >= 100 ? 600 : 3600;
        bool slow = ail is Slow4 or Slow8;
        double loss = slow ? 0 : Losses[Array.IndexOf(Ails, ail)];
        (long suspicions, long deaths, long views) = Experiments.FalsePositives(
            n, Experiments.Config(on), loss, slow ? n / 10 : 0, (ail == Slow8 ? 8 : 4) * SwimConfig.Second, seconds, 5);
        return [suspicions, deaths, views, seconds];
    }

    private static string Percent(double share) => Invariant($"{share * 100:0} %");

    private static string Word(bool on) => on ? "with" : "without";

    private static string Short(string ail) => ail == Slow4 ? "slow 4 s" : ail == Slow8 ? "slow 8 s" : ail;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void NewsTable(StringBuilder text)
    {
        text.Append("\n### News: periods until every member knows, median (worst of the runs)\n\n");
        text.Append("| members | log2 n | along with probes only (the paper) | with gossip rounds | the same at 30 % loss |\n");
        text.Append("|---|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            text.Append(Invariant($"| {n} | {Math.Log2(n):0.0} | {Pair("probes")} | {Pair("gossip")} | {Pair("gossip at 30 %")} |\n"));
            string Pair(string way) =>
                rows.Find($"news|{n}|{way}") is { } r ? Invariant($"{r[0]:0.0} ({r[1]:0.0})") : "not run";
        }
    }

    private void LoadTable(StringBuilder text)
    {
        text.Append("\n### Load of a member when nothing happens\n\n");
        text.Append("| members | datagrams sent a second, mean | busiest member | bytes a second (before sealing) |\n|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            if (rows.Find($"load|{n}") is { } r)
                text.Append(Invariant($"| {n} | {r[0]:0.00} | {r[1]:0.00} | {r[2]:0} |\n"));
        }
    }

    private void SuspicionTable(StringBuilder text)
    {
        text.Append("\n### A kill without loss: periods until somebody suspects it, mean\n\n");
        text.Append("| members | with Lifeguard and ours | without | SWIM §3.1, for large groups |\n|---|---|---|---|\n");
        double paper = Math.E / (Math.E - 1);
        foreach (int n in Counts)
        {
            text.Append(Invariant($"| {n} | {Mean("with")} | {Mean("without")} | {paper:0.00} |\n"));
            string Mean(string word) =>
                rows.Find($"kill|{n}|0 %|{word}") is { } r ? Invariant($"{r[0]:0.00}") : "not run";
        }
    }

    private void KillTable(StringBuilder text)
    {
        text.Append("\n### A kill: seconds until the first member reports it (median); until all do, median / p95 / worst\n\n");
        text.Append("| members | loss | kills | with Lifeguard and ours | without |\n|---|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            foreach (string loss in Losses.Select(Percent))
            {
                double kills = rows.Find($"kill|{n}|{loss}|with")?[5] ?? 0;
                text.Append(Invariant($"| {n} | {loss} | {kills} | {Cell("with")} | {Cell("without")} |\n"));
                string Cell(string word) => rows.Find($"kill|{n}|{loss}|{word}") is { } r
                    ? Invariant($"{r[1]:0.0}; {r[2]:0.0} / {r[3]:0.0} / {r[4]:0.0}")
                    : "not run";
            }
        }
    }

    private void AlarmTable(StringBuilder text)
    {
        text.Append("\n### False alarms: suspicions; live members held dead, and by how many members\n\n");
        text.Append("| members | what ails them | virtual time | with Lifeguard and ours | without |\n|---|---|---|---|---|\n");
        foreach (int n in Counts)
        {
            foreach (string ail in Ails.Where(a => n >= 10 || a.EndsWith("loss", StringComparison.Ordinal)))
            {
                double seconds = rows.Find($"alarm|{n}|{ail}|with")?[3] ?? 0;
                text.Append(Invariant($"| {n} | {ail} | {seconds} s | {Cell("with")} | {Cell("without")} |\n"));
                string Cell(string word) => rows.Find($"alarm|{n}|{ail}|{word}") is { } r
                    ? Invariant($"{r[0]}; {r[1]} dead") + (r[1] > 0 ? Invariant($" by {r[2]}") : string.Empty)
                    : "not run";
            }
        }
    }

    private List<(double X, double Y)> Curve(Func<int, string> key, int value) =>
        [.. Counts.Where(n => rows.Find(key(n)) is not null).Select(n => (Math.Log10(n), rows.Find(key(n))![value]))];

    private double Rate(int n, string ail, bool on) => rows.Find($"alarm|{n}|{ail}|{Word(on)}") is { } r
        ? r[1] * 1000 * 3600 / (n * r[3])
        : 0;
}
