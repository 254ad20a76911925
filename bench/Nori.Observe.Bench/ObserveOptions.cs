using System.Globalization;

namespace Nori.Observe.Bench;

/// <summary>What the command line asked for.</summary>
internal sealed record ObserveOptions
{
    public const string Usage = """
        usage: bench/run observe [--json FILE] [--pairs N] [--seconds S] [--only TEXT,…] [--dir DIRECTORY]

          --json FILE   the figures, the machine's load and the commit as JSON
          --pairs N     pairs of runs, on and off in turn (default 160)
          --seconds S   of each run (default 0.5)
          --only TEXT   only rows whose name contains TEXT (hot, put, get)
          --dir DIR     where the nodes' data lies (default: a new folder below artifacts/bench)
        """;

    public string? Json { get; init; }

    public int Pairs { get; init; } = 160;

    public double Seconds { get; init; } = 0.5;

    public IReadOnlyList<string> Only { get; init; } = [];

    public string Directory { get; init; } = Path.GetFullPath($"artifacts/bench/observe-{Environment.ProcessId}");

    public string Commit { get; init; } = "unknown";

    public bool Wants(string row) => Only.Count == 0 || Only.Any(row.Contains);

    /// <summary>Null when the arguments are wrong, with the reason on <paramref name="error"/>.</summary>
    public static ObserveOptions? Parse(string[] args, TextWriter error)
    {
        ObserveOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            string value = i + 1 < args.Length ? args[i + 1] : "";
            ObserveOptions? next = args[i] switch
            {
                "--json" when value.Length > 0 => options with { Json = value },
                "--pairs" when int.TryParse(value, out int pairs) && pairs > 0 => options with { Pairs = pairs },
                "--seconds" when double.TryParse(value, CultureInfo.InvariantCulture, out double s) && s > 0 =>
                    options with { Seconds = s },
                "--only" when value.Length > 0 => options with { Only = value.Split(',') },
                "--dir" when value.Length > 0 => options with { Directory = Path.GetFullPath(value) },
                "--commit" when value.Length > 0 => options with { Commit = value },
                _ => null,
            };
            if (next is null)
            {
                error.WriteLine($"{args[i]} is no option, or its value is missing or wrong\n{Usage}");
                return null;
            }

            options = next;
        }

        return options;
    }
}
