using NoriKV.Cli.Chaos.Load;

namespace NoriKV.Cli.Chaos;

/// <summary>What a run came to.</summary>
/// <remarks>Thread-safe but for what is set once at the end of a round.</remarks>
internal sealed class ChaosReport(TextWriter story, TimeProvider time)
{
    private readonly long _begun = time.GetTimestamp();

    // Guards what follows, and the story.
    private readonly Lock _gate = new();
    private readonly SortedDictionary<ChaosFaults, int> _faults = [];
    private readonly List<TimeSpan> _failovers = [];
    private readonly List<TimeSpan> _heals = [];
    private readonly List<string> _violations = [];

    public LoadCounts Counts { get; } = new();

    /// <summary>Rounds that were judged.</summary>
    public int Rounds { get; set; }

    /// <summary>Keys whose histories were judged.</summary>
    public int KeysJudged { get; set; }

    /// <summary>Rounds whose histories could not be judged in time.</summary>
    public int Undecided { get; set; }

    /// <summary>Nodes with a flipped bit that went on by themselves.</summary>
    public int Healed { get; set; }

    /// <summary>Nodes that named the damage and served nothing until it was mended.</summary>
    public int Refused { get; set; }

    /// <summary>What the host's load was, most.</summary>
    public double LoadMax { get; set; }

    public TimeSpan Took => time.GetElapsedTime(_begun);

    public IReadOnlyList<(ChaosFaults Kind, int Count)> Faults
    {
        get
        {
            lock (_gate) return [.. _faults.Select(static f => (f.Key, f.Value))];
        }
    }

    /// <summary>From the death of a leader, alone at that time, until every shard it led took writes again; sorted.</summary>
    public IReadOnlyList<TimeSpan> Failovers
    {
        get
        {
            lock (_gate) return [.. _failovers.Order()];
        }
    }

    /// <summary>From the last heal until every shard took writes; sorted.</summary>
    public IReadOnlyList<TimeSpan> Heals
    {
        get
        {
            lock (_gate) return [.. _heals.Order()];
        }
    }

    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_gate) return [.. _violations];
        }
    }

    public bool IsGood => Violations.Count == 0;

    /// <summary>Tells what happens.</summary>
    public void Tell(FormattableString line)
    {
        string text = FormattableString.Invariant($"{Took.TotalSeconds,9:0.000} s  ") + FormattableString.Invariant(line);
        lock (_gate) story.WriteLine(text);
    }

    public void Injected(ChaosFaults kind)
    {
        lock (_gate) _faults[kind] = _faults.GetValueOrDefault(kind) + 1;
    }

    public void FailedOver(TimeSpan took)
    {
        lock (_gate) _failovers.Add(took);
    }

    public void WasHealed(TimeSpan took)
    {
        lock (_gate) _heals.Add(took);
    }

    public void Violate(string checker, string what)
    {
        lock (_gate) _violations.Add($"{checker}: {what}");
        Tell($"VIOLATION of {checker}: {what}");
    }
}
