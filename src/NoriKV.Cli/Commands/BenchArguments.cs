using System.CommandLine;
using NoriKV.Cli.Bench;
using NoriKV.Cli.Console;

namespace NoriKV.Cli.Commands;

/// <summary>The options of <c>norikv bench</c>.</summary>
internal sealed class BenchArguments
{
    private readonly Option<string> _mix = Text("--mix", "get=50,put=50", "Shares in per cent: get, put, delete");
    private readonly Option<long> _keys = new("--keys")
    {
        Description = "Different keys",
        DefaultValueFactory = static _ => 100_000,
    };

    private readonly Option<string> _keySize = Text("--key-size", "16", "Bytes of a key");
    private readonly Option<string> _valueSize = Text("--value-size", "100", "Bytes of a value: 100, 4k, or a range 100-4k");
    private readonly Option<KeyDistribution> _distribution = new("--distribution") { Description = "Which keys" };
    private readonly Option<int> _concurrency = new("--concurrency", "-c")
    {
        Description = "Operations at once",
        DefaultValueFactory = static _ => 64,
    };

    private readonly Option<double> _rate = new("--rate")
    {
        Description = "Operations a second, by a schedule that does not wait for answers; 0 for as many as possible",
    };

    private readonly Option<string> _duration = Text("--duration", "10s", "How long it measures");
    private readonly Option<string> _warmUp = Text("--warmup", "2s", "How long it runs before it measures");
    private readonly Option<bool> _load = new("--load") { Description = "Write every key once before" };
    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Seed of keys, values and mix",
        DefaultValueFactory = static _ => 1UL,
    };

    private readonly Option<string> _prefix = Text("--prefix", "b:", "Begins every key");
    private readonly Option<int> _streams = new("--streams")
    {
        Description = "Pipelined streams to one node",
        DefaultValueFactory = static _ => 1,
    };

    private readonly Option<string> _syncDirectory =
        Text("--sync-dir", ".", "Where to measure the disk's sync: the disk of the node's data, if it is this machine's");

    public static BenchArguments AddTo(Command command)
    {
        var a = new BenchArguments();
        foreach (Option option in (Option[])
            [
                a._mix, a._keys, a._keySize, a._valueSize, a._distribution, a._concurrency, a._rate, a._duration,
                a._warmUp, a._load, a._seed, a._prefix, a._streams, a._syncDirectory,
            ]) command.Options.Add(option);
        return a;
    }

    public string SyncDirectory(ParseResult parse) => parse.GetValue(_syncDirectory)!;

    public int Streams(ParseResult parse) => parse.GetValue(_streams);

    public BenchOptions Read(ParseResult parse)
    {
        (double reads, double deletes) = Mix(parse.GetValue(_mix)!);
        (int least, int most) = Range(parse.GetValue(_valueSize)!);
        var options = new BenchOptions
        {
            Reads = reads,
            Deletes = deletes,
            Keys = parse.GetValue(_keys),
            KeyBytes = Bytes(parse.GetValue(_keySize)!, "--key-size"),
            ValueBytesMin = least,
            ValueBytesMax = most,
            Distribution = parse.GetValue(_distribution),
            Concurrency = parse.GetValue(_concurrency),
            Rate = parse.GetValue(_rate),
            Duration = Span(parse.GetValue(_duration)!, "--duration"),
            WarmUp = Span(parse.GetValue(_warmUp)!, "--warmup"),
            Load = parse.GetValue(_load),
            Prefix = parse.GetValue(_prefix)!,
            Seed = parse.GetValue(_seed),
        };
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0 ? options : throw new UsageException(string.Join("; ", problems));
    }

    private static Option<string> Text(string name, string value, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    private static (double Reads, double Deletes) Mix(string text)
    {
        double reads = 0, deletes = 0, all = 0;
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] sides = part.Split('=');
            if (sides.Length != 2 || !int.TryParse(sides[1], out int share) || share < 0) throw Bad(text);
            all += share;
            if (sides[0] == "get") reads += share;
            else if (sides[0] == "delete") deletes += share;
            else if (sides[0] != "put") throw Bad(text);
        }

        return all == 100 ? (reads / 100, deletes / 100) : throw Bad(text);
    }

    private static UsageException Bad(string mix) =>
        new($"--mix {mix}: shares of get, put and delete that add up to 100, such as get=80,put=15,delete=5");

    private static (int Least, int Most) Range(string text)
    {
        string[] sides = text.Split('-');
        int least = Bytes(sides[0], "--value-size");
        return (least, sides.Length == 1 ? least : Bytes(sides[1], "--value-size"));
    }

    private static int Bytes(string text, string option) => Durations.TryParseBytes(text, out int bytes)
        ? bytes
        : throw new UsageException($"{option} {text} is no size: 100, 4k, 1m");

    private static TimeSpan Span(string text, string option) => Durations.TryParse(text, out TimeSpan span)
        ? span
        : throw new UsageException($"{option} {text} is no duration: 500ms, 10s, 5m");
}
