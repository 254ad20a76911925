using Nori.Core;
using NoriKV.TestKit.Simulation.Network;
using NoriKV.TestKit.Simulation.Reports;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation;

/// <summary>What all parts of a run share. One thread owns it.</summary>
internal sealed class SimWorld
{
    private readonly List<Violation> _violations = [];
    private readonly List<string> _undecidedKeys = [];

    public SimWorld(SimulationOptions options)
    {
        Options = options;
        Random = new Prng(options.Seed);
        Profile = SimulationProfile.Draw(options, Random.Fork());
        Events = new EventQueue(Random.Fork());
        Trace = new Trace(Events, options.StoryLinesMax);
        if (options.Record is { } take)
        {
            Lines = new EventLines(Events, take);
            Trace.Told = Lines.Tell;
        }

        // Nodes, clients, the one that looks at the end, and a scenario's operator.
        int others = options.Scenario == SimulationScenario.None ? 1 : 2;
        Network = new SimNetwork(Events, Random.Fork(), Profile.Links, Probes, options.Nodes + Profile.Clients + others);
    }

    public SimulationOptions Options { get; }

    public SimulationProfile Profile { get; }

    public Prng Random { get; }

    public EventQueue Events { get; }

    public Trace Trace { get; }

    /// <summary>The recording of the run; null where nobody wants one.</summary>
    public EventLines? Lines { get; }

    public Probes Probes { get; } = new();

    public SimMeter Meter => field ??= new SimMeter(Probes);

    public SimNetwork Network { get; }

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>Keys of which nobody knows whether an order explains their calls.</summary>
    public IReadOnlyList<string> UndecidedKeys => _undecidedKeys;

    /// <summary>The most that the wall clock of any node was wrong by after a jump, in ticks.</summary>
    public long JumpedMax { get; private set; }

    /// <summary>A wall clock is wrong by so much now.</summary>
    public void NoteJump(long offset) => JumpedMax = Math.Max(JumpedMax, Math.Abs(offset));

    /// <summary>Midnight of the run's first day: no clock of the machine is read.</summary>
    public static DateTimeOffset Epoch { get; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A promise is broken; the first few are kept.</summary>
    public void Violate(string checker, string what)
    {
        if (_violations.Count >= 20) return;
        _violations.Add(new Violation(checker, new TimeSpan(Events.Now), what));
        Trace.Tell("!!", $"{checker}: {what}");
    }

    /// <summary>Whether an order explains the calls on a key was not found out within the states that may be looked at.</summary>
    public void LeaveUndecided(string key)
    {
        _undecidedKeys.Add(key);
        Trace.Tell("??", $"undecided: whether an order explains the calls on key {key}, within {Options.StatesMax} states");
    }

    /// <summary>Everything runs on one thread; what strayed to another would make runs differ.</summary>
    public void AssertThread() => Events.AssertThread();
}
