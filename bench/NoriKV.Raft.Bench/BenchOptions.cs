namespace NoriKV.Raft.Bench;

/// <summary>What the command line asked for.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        usage: bench/run raft [--quick] [--json FILE] [--only TEXT,…] [--dir DIRECTORY]

          --quick       a second a row instead of five
          --json FILE   the rows, the disk's figures and the commit as JSON
          --only TEXT   only rows whose name contains TEXT (propose, idle, restart)
          --dir DIR     where the nodes' data lies (default: a new folder below artifacts/bench)
        """;

    public bool Quick { get; init; }

    public string? Json { get; init; }

    public IReadOnlyList<string> Only { get; init; } = [];

    public string Directory { get; init; } = Path.GetFullPath($"artifacts/bench/raft-{Environment.ProcessId}");

    public string Commit { get; init; } = "unknown";

    public TimeSpan RowTime => TimeSpan.FromSeconds(Quick ? 1 : 5);

    public bool Wants(string row) => Only.Count == 0 || Only.Any(row.Contains);

    /// <summary>Null when the arguments are wrong, with the reason on <paramref name="error"/>.</summary>
    public static BenchOptions? Parse(string[] args, TextWriter error)
    {
        BenchOptions options = new();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--quick")
            {
                options = options with { Quick = true };
                continue;
            }

            if (i + 1 == args.Length || !args[i].StartsWith("--", StringComparison.Ordinal))
            {
                error.WriteLine($"{args[i]} is no option, or its value is missing\n{Usage}");
                return null;
            }

            string value = args[i + 1];
            switch (args[i++])
            {
                case "--json": options = options with { Json = value }; break;
                case "--only": options = options with { Only = value.Split(',') }; break;
                case "--dir": options = options with { Directory = Path.GetFullPath(value) }; break;
                case "--commit": options = options with { Commit = value }; break;
                default:
                    error.WriteLine($"unknown option {args[i - 1]}\n{Usage}");
                    return null;
            }
        }

        return options;
    }
}
