using System.CommandLine;
using NoriKV.Cli.Console;
using NoriKV.TestKit.Linearizability;
using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Sim;

/// <summary>The options of <c>norikv sim</c>.</summary>
internal sealed class SimArguments
{
    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "The seed; of several runs, the first (default: 1; of a soak, the clock's)",
    };

    private readonly Option<string?> _scenario = new("--scenario")
    {
        Description = "The cluster changes while it runs: " + string.Join(", ", Scenarios),
    };

    private readonly Option<int?> _nodes = new("--nodes")
    {
        Description = "1, 3 or 5 (default: 3; a scenario has its own)",
    };

    private readonly Option<int> _shards = new("--shards")
    {
        Description = "Shards, each on every node",
        DefaultValueFactory = _ => 8,
    };

    private readonly Option<string?> _safety = new("--safety")
    {
        Description = "Virtual time of the faulty phase, as 20s or 5m (default: drawn from the seed)",
    };

    private readonly Option<int?> _clients = new("--clients")
    {
        Description = "Clients (default: drawn from the seed)",
    };

    private readonly Option<double?> _rate = new("--rate")
    {
        Description = "Operations a virtual second (default: drawn from the seed)",
    };

    private readonly Option<int?> _operations = new("--operations")
    {
        Description = "Most operations of the clients",
    };

    private readonly Option<string?> _faults = new("--faults")
    {
        Description = "What may be done to the cluster: All, None, or of " + string.Join(", ", Kinds),
    };

    private readonly Option<string?> _without = new("--without")
    {
        Description = "Numbers of faults, as the story shows them, that are left out",
    };

    private readonly Option<long> _maxStates = new("--max-states")
    {
        Description = "States to look at for one key when its calls are judged; beyond, it is undecided",
        HelpName = "states",
        DefaultValueFactory = _ => LinearizabilityChecker.DefaultStatesMax,
    };

    private readonly Option<int> _lines = new("--lines")
    {
        Description = "Most lines of the story",
        DefaultValueFactory = _ => 200,
    };

    private static IEnumerable<string> Scenarios =>
        Enum.GetNames<SimulationScenario>().Where(static n => n is not "None").Select(static n => n.ToLowerInvariant());

    private static IEnumerable<string> Kinds => Enum.GetNames<FaultKinds>().Where(static n => n is not ("All" or "None"));

    public Option<int?> Count { get; } = new("--count") { Description = "Runs, with seeds from --seed on (default: 1)" };

    public Option<string?> Soak { get; } = new("--soak") { Description = "Run fresh seeds for this long, as 10m" };

    public Option<string?> Report { get; } = new("--report") { Description = "Append a row about all runs to the table in this file" };

    public Option<string?> Record { get; } = new("--record")
    {
        Description = "Write what happens to a new file, for norikv events --replay and the dashboard's playback; of one run",
        HelpName = "file",
    };

    public Option<int?> Jobs { get; } = new("--jobs") { Description = "Runs at once (default: as many as processors)" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[]
            {
                _seed, Count, _scenario, _nodes, _shards, _safety, _clients, _rate, _operations, _faults, _without, _maxStates, _lines,
                Soak, Report, Record, Jobs,
            })
        {
            command.Options.Add(option);
        }
    }

    public SimulationOptions Read(ParseResult parse, ulong freshSeed)
    {
        if (parse.GetValue(_nodes) is not null && parse.GetValue(_scenario) is not null)
            throw new UsageException("--scenario has nodes of its own: leave out --nodes");
        var options = new SimulationOptions
        {
            Seed = parse.GetValue(_seed) ?? (parse.GetValue(Soak) is null ? 1 : freshSeed),
            Scenario = ScenarioOf(parse.GetValue(_scenario)),
            Nodes = parse.GetValue(_nodes) ?? 3,
            Shards = parse.GetValue(_shards),
            Clients = parse.GetValue(_clients),
            OperationsPerSecond = parse.GetValue(_rate),
            OperationsMax = parse.GetValue(_operations) ?? int.MaxValue,
            StatesMax = parse.GetValue(_maxStates),
            StoryLinesMax = parse.GetValue(_lines),
            Safety = Span(parse, _safety),
            Faults = FaultsOf(parse.GetValue(_faults)),
            WithoutFaults = Numbers(parse.GetValue(_without)),
        };
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0 ? options : throw new UsageException(string.Join("; ", problems));
    }

    public static TimeSpan? Span(ParseResult parse, Option<string?> option)
    {
        string? text = parse.GetValue(option);
        if (text is null) return null;
        return Durations.TryParse(text, out TimeSpan span) && span > TimeSpan.Zero
            ? span
            : throw new UsageException($"{option.Name}: {text} is not a duration; write 500ms, 20s, 10m or 2h");
    }

    private static SimulationScenario ScenarioOf(string? text)
    {
        if (text is null) return SimulationScenario.None;
        return Scenarios.Contains(text, StringComparer.OrdinalIgnoreCase)
            ? Enum.Parse<SimulationScenario>(text, ignoreCase: true)
            : throw new UsageException($"--scenario: {text} is none of {string.Join(", ", Scenarios)}");
    }

    private static FaultKinds FaultsOf(string? text)
    {
        if (text is null) return FaultKinds.All;
        string[] words = text.Split(',', StringSplitOptions.TrimEntries);
        string[] alone = [nameof(FaultKinds.None), nameof(FaultKinds.All)];
        if (words.Length > 1 && words.Any(w => alone.Contains(w, StringComparer.OrdinalIgnoreCase)))
            throw new UsageException($"--faults: {text}: All and None stand alone");
        bool isNumber = words.Any(static w => w.Length > 0 && !char.IsAsciiLetter(w[0]));
        return !isNumber && Enum.TryParse(text, ignoreCase: true, out FaultKinds kinds) && (kinds & ~FaultKinds.All) == 0
            ? kinds
            : throw new UsageException($"--faults: {text} is not a list of {string.Join(", ", Kinds)}");
    }

    private static int[] Numbers(string? text)
    {
        if (string.IsNullOrEmpty(text)) return [];
        string[] parts = text.Split(',');
        int[] numbers = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], System.Globalization.NumberStyles.None, null, out numbers[i]))
                throw new UsageException($"--without: {parts[i]} is not a number");
        }

        return numbers;
    }
}
