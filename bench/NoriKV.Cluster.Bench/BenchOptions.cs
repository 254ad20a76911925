namespace NoriKV.Cluster.Bench;

/// <summary>What the command line asked for.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        usage: bench/run cluster [--quick] [--json FILE] [--only TEXT|…] [--repeat N] [--seconds S] [--dir DIRECTORY]
                                 [--no-etcd] [--server norikv.dll]

        Three nodes of etcd and three of NoriKV on loopback with fresh data directories, side by side: h2load with the same
        bodies against the leader of each, in turn; then NoriKV's C# client over pipelined streams. Ends everything it
        started and deletes its data, also on Ctrl-C.

          --quick        under three minutes: fewer, shorter runs
          --json FILE    the rows, the disk's figures and the commit as JSON
          --only TEXT    only rows whose name contains TEXT ("PUT, 256", "stream", "scan")
          --repeat N     runs of each row and side, in turn (default 3; 1 with --quick)
          --seconds S    how long a run lasts (default 4; 2 with --quick)
          --dir DIR      where the data lies (default: a new folder below artifacts/bench)
          --no-etcd      our side alone
          --server DLL   another build of the server
        """;

    public bool Quick { get; init; }

    public string? Json { get; init; }

    public IReadOnlyList<string> Only { get; init; } = [];

    public int? RepeatAsked { get; init; }

    public double? SecondsAsked { get; init; }

    public string Directory { get; init; } = Path.GetFullPath($"artifacts/bench/cluster-{Environment.ProcessId}");

    public bool WithEtcd { get; init; } = true;

    public string Server { get; init; } = "";

    public string Commit { get; init; } = "unknown";

    public int Repeat => RepeatAsked ?? (Quick ? 1 : 3);

    public TimeSpan RunTime => TimeSpan.FromSeconds(SecondsAsked ?? (Quick ? 2 : 4));

    public int Keys => Quick ? 20_000 : 100_000;

    public bool Wants(string row) => Only.Count == 0 || Only.Any(text => row.Contains(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>Null when the arguments are wrong, with the reason on <paramref name="error"/>.</summary>
    public static BenchOptions? Parse(string[] args, TextWriter error)
    {
        BenchOptions options = new();
        for (int i = 0; i < args.Length; i++)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            BenchOptions? next = (args[i], value) switch
            {
                ("--quick", _) => options with { Quick = true },
                ("--no-etcd", _) => options with { WithEtcd = false },
                ("--json", { } file) => options with { Json = file },
                ("--only", { } only) => options with { Only = only.Split('|') },
                ("--repeat", { } text) when int.TryParse(text, out int n) && n > 0 => options with { RepeatAsked = n },
                ("--seconds", { } text) when double.TryParse(text, out double s) && s > 0 => options with { SecondsAsked = s },
                ("--dir", { } folder) => options with { Directory = Path.GetFullPath(folder) },
                ("--server", { } dll) => options with { Server = Path.GetFullPath(dll) },
                ("--commit", { } commit) => options with { Commit = commit },
                _ => null,
            };
            if (next is null)
            {
                error.WriteLine($"{args[i]} is no option, or its value is missing or wrong\n{Usage}");
                return null;
            }

            if (args[i] is not ("--quick" or "--no-etcd")) i++;
            options = next;
        }

        return options;
    }
}
