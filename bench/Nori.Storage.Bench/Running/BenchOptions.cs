using System.Globalization;

namespace Nori.Storage.Bench.Running;

/// <summary>What is run and how much of it.</summary>
internal sealed record BenchOptions
{
    public const string Usage = """
        usage: bench/run storage [--quick|--short] [--json FILE] [--only TEXT,…] [--dir DIRECTORY] [--repeat N] [--no-db-bench]

          --quick        small data and one repetition; ends within three minutes
          --short        data of full size and one repetition, without db_bench; ends within ten minutes
          --soak MINUTES our side alone, reading and writing: memory and GC pauses, nothing else
          --cpu PERCENT  of all processors that the soak may use (60; at most 70)
          --json FILE    writes the rows and the disk's figures as JSON
          --only TEXT    only rows of which the name contains one of these
          --dir DIR      where the databases lie (they are deleted); the disk under it is what is measured
          --repeat N     repetitions of each row, of which the median counts (3; 1 with --quick and --short)
          --no-db-bench  leave the check against db_bench out

        A full run takes about 40 minutes, wants an otherwise idle machine and 4 GB of disk; it and a short one are kept in
        bench/results/ besides.
        """;

    public bool Quick { get; init; }

    /// <summary>Full size, once.</summary>
    public bool Short { get; init; }

    /// <summary>Not null: nothing but the soak, for so long.</summary>
    public TimeSpan? Soak { get; init; }

    /// <summary>Share of all processors that the soak uses at most.</summary>
    public double SoakCpu { get; init; } = 0.6;

    public string? Json { get; init; }

    public IReadOnlyList<string> Only { get; init; } = [];

    public string Directory { get; init; } = Path.Combine(Path.GetTempPath(), "nori-storage-bench");

    public bool WithDbBench { get; init; } = true;

    public string? Results { get; init; }

    public string Commit { get; init; } = "unknown";

    public int Repetitions { get; init; } = 3;

    /// <summary>Keys of the rows with 16-byte keys and 100-byte values.</summary>
    public int Keys => Quick ? 500_000 : 2_000_000;

    /// <summary>Keys of the rows with 1,024-byte values, YCSB's among them.</summary>
    public int LargeKeys => Quick ? 60_000 : 400_000;

    /// <summary>Smaller when quick, so that flush and compaction take part in so little data.</summary>
    public long WriteBufferBytes => Quick ? 16L << 20 : 64L << 20;

    /// <summary>User bytes of the rows over value sizes.</summary>
    public long SizeBytes => Quick ? 32L << 20 : Short ? 128L << 20 : 256L << 20;

    public TimeSpan ReadTime => TimeSpan.FromSeconds(Quick ? 1 : Short ? 3 : 5);

    public TimeSpan WarmTime => TimeSpan.FromSeconds(Quick ? 0.5 : Short ? 1 : 2);

    /// <summary>Keys of the long overwrite, and writes of each of its rounds.</summary>
    public int OverwriteKeys => Quick ? 200_000 : 1_000_000;

    /// <summary>Rounds after which it ends although it is not steady.</summary>
    public int OverwriteRoundsMax => Quick ? 3 : Short ? 6 : 12;

    /// <summary>How long pauses are counted.</summary>
    public TimeSpan PauseTime => TimeSpan.FromSeconds(Quick ? 3 : Short ? 15 : 60);

    public int SyncWrites => Quick ? 2_000 : 10_000;

    /// <summary>Null and a message when the arguments are not understood.</summary>
    public static BenchOptions? Parse(string[] args, TextWriter errors)
    {
        var options = new BenchOptions();
        int? repetitions = null;
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            switch (name)
            {
                case "--quick":
                    options = options with { Quick = true };
                    continue;
                case "--short":
                    options = options with { Short = true, WithDbBench = false };
                    continue;
                case "--no-db-bench":
                    options = options with { WithDbBench = false };
                    continue;
            }

            if (i + 1 == args.Length) return Refuse(name);
            string value = args[++i];
            switch (name)
            {
                case "--json":
                    options = options with { Json = value };
                    break;
                case "--only":
                    options = options with { Only = value.Split(',') };
                    break;
                case "--dir":
                    options = options with { Directory = value };
                    break;
                case "--results":
                    options = options with { Results = value };
                    break;
                case "--commit":
                    options = options with { Commit = value };
                    break;
                case "--soak" when double.TryParse(value, CultureInfo.InvariantCulture, out double minutes) && minutes > 0:
                    options = options with { Soak = TimeSpan.FromMinutes(minutes) };
                    break;
                case "--cpu" when int.TryParse(value, CultureInfo.InvariantCulture, out int percent) && percent is > 0 and <= 70:
                    options = options with { SoakCpu = percent / 100.0 };
                    break;
                case "--repeat" when int.TryParse(value, CultureInfo.InvariantCulture, out int n) && n > 0:
                    repetitions = n;
                    break;
                default:
                    return Refuse(name);
            }
        }

        return options with { Repetitions = repetitions ?? (options.Quick || options.Short ? 1 : 3) };

        BenchOptions? Refuse(string argument)
        {
            errors.WriteLine($"not understood: {argument}");
            errors.WriteLine(Usage);
            return null;
        }
    }

    public bool Wants(string workload) =>
        Only.Count == 0 || Only.Any(part => workload.Contains(part, StringComparison.OrdinalIgnoreCase));
}
