using Nori.IO;
using NoriKV.Node;
using NoriKV.TestKit.Linearizability;

namespace NoriKV.TestKit.Simulation;

/// <summary>A run of a simulated cluster. What is not given is drawn from the seed.</summary>
public sealed record SimulationOptions
{
    /// <summary>Everything random in the run follows from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// How the cluster changes while it runs. A scenario has machines of its own (<see cref="Nodes"/> does not count), keeps rot and
    /// changes of membership by hand out of <see cref="Faults"/>, and is over when the cluster lies level again.
    /// </summary>
    /// <value>None: every shard has a replica on every node, and that stays so.</value>
    public SimulationScenario Scenario { get; init; }

    /// <summary>Nodes: 1, 3 or 5. <value>3</value></summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Shards, each with a replica on every node. <value>8</value></summary>
    public int Shards { get; init; } = 8;

    /// <summary>What may be done to the cluster. <value>Everything.</value></summary>
    public FaultKinds Faults { get; init; } = FaultKinds.All;

    /// <summary>How long that goes on, in virtual time.</summary>
    /// <value>Drawn from the seed: mostly 10 to 30 s, sometimes many minutes.</value>
    public TimeSpan? Safety { get; init; }

    /// <summary>
    /// Within which virtual time a healed cluster must serve every key, lead every shard and hold the same everywhere; and so again
    /// when all nodes restarted at once. <value>10 s</value>
    /// </summary>
    public TimeSpan LivenessLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Within which virtual time a healed cluster must have ended its scenario and lie level. <value>20 min</value></summary>
    public TimeSpan ScenarioLimit { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Clients. <value>Drawn from the seed: 2 to 8.</value></summary>
    public int? Clients { get; init; }

    /// <summary>Operations of all clients in a virtual second. <value>Drawn from the seed: about 20.</value></summary>
    public double? OperationsPerSecond { get; init; }

    /// <summary>Most operations of the clients. <value>No bound but time.</value></summary>
    public int OperationsMax { get; init; } = int.MaxValue;

    /// <summary>Most actions of the fault plan. <value>10,000</value></summary>
    public int FaultsMax { get; init; } = 10_000;

    /// <summary>Numbers of actions of the fault plan that are left out.</summary>
    public IReadOnlyCollection<int> WithoutFaults { get; init; } = [];

    /// <summary>
    /// How many states the checker of linearizability may look at for one key; one that it does not decide within them is one of
    /// <see cref="SimulationReport.UndecidedKeys"/>. <value>2,000,000</value>
    /// </summary>
    public long StatesMax { get; init; } = LinearizabilityChecker.DefaultStatesMax;

    /// <summary>Most lines of the story. <value>200</value></summary>
    public int StoryLinesMax { get; init; } = 200;

    /// <summary>
    /// Takes everything that happens as lines of a recording of events (docs/formats/events.md), without its first one. The run is the
    /// same with it and without. <value>None.</value>
    /// </summary>
    public Action<string>? Record { get; init; }

    // Doubles: how a test breaks a node on purpose, to see that the checkers notice.

    /// <summary>Puts a double between a node and its disk. <value>None.</value></summary>
    public Func<string, IFileSystem, IFileSystem>? WrapFileSystem { get; init; }

    /// <summary>Puts a double between clients and a node. <value>None.</value></summary>
    public Func<INoriNode, INoriNode>? WrapNode { get; init; }

    /// <summary>Every problem with these options, in words; empty when there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (!Enum.IsDefined(Scenario)) problems.Add("Scenario must be one of those there are");
        if (Scenario == SimulationScenario.None && Nodes is not (1 or 3 or 5)) problems.Add("Nodes must be 1, 3 or 5");
        if (Shards is < 1 or > 4096) problems.Add("Shards must lie between 1 and 4,096");
        if (Clients is < 1 or > 64) problems.Add("Clients must lie between 1 and 64");
        if (Safety <= TimeSpan.Zero) problems.Add("Safety must be positive");
        if (ScenarioLimit <= TimeSpan.Zero) problems.Add("ScenarioLimit must be positive");
        if (LivenessLimit <= TimeSpan.Zero) problems.Add("LivenessLimit must be positive");
        if (OperationsPerSecond is { } rate && !(rate > 0 && double.IsFinite(rate))) problems.Add("OperationsPerSecond must be positive");
        if (OperationsMax < 0) problems.Add("OperationsMax must not be negative");
        if (StatesMax < 1) problems.Add("StatesMax must be at least 1");
        if (StoryLinesMax < 0) problems.Add("StoryLinesMax must not be negative");
        return problems;
    }
}
