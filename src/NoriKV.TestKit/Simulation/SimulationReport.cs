namespace NoriKV.TestKit.Simulation;

/// <summary>What a run did and found.</summary>
public sealed record SimulationReport
{
    /// <summary>What was asked for.</summary>
    public required SimulationOptions Options { get; init; }

    /// <summary>The promises that were broken; empty for a good run.</summary>
    public required IReadOnlyList<Violation> Violations { get; init; }

    /// <summary>
    /// Keys of which it was not found out within <see cref="SimulationOptions.StatesMax"/> whether one order explains their calls: of
    /// their linearizability the run proves nothing. Empty for nearly all runs.
    /// </summary>
    public required IReadOnlyList<string> UndecidedKeys { get; init; }

    /// <summary>What happened: time, place, words; bounded.</summary>
    public required IReadOnlyList<string> Story { get; init; }

    /// <summary>Everything that happened as one number: equal for equal runs.</summary>
    public required ulong TraceHash { get; init; }

    /// <summary>How long it was for the cluster.</summary>
    public required TimeSpan VirtualTime { get; init; }

    /// <summary>How much of it was the safety phase.</summary>
    public required TimeSpan SafetyPhase { get; init; }

    /// <summary>
    /// How long after everything was healed (of a scenario: after its cluster had come to rest) every key was read and written again,
    /// every shard led and all replicas held the same. Null where the run ended before, or it took longer than
    /// <see cref="SimulationOptions.LivenessLimit"/>.
    /// </summary>
    public required TimeSpan? HealedAfter { get; init; }

    /// <summary>The same, behind the last restart, of all nodes at once; keys are read.</summary>
    public required TimeSpan? RestartedAfter { get; init; }

    /// <summary>Clients.</summary>
    public required int Clients { get; init; }

    /// <summary>Events of the run: deliveries, steps, timers.</summary>
    public required long Events { get; init; }

    /// <summary>Calls of clients.</summary>
    public required int Operations { get; init; }

    /// <summary>Calls whose outcome is known.</summary>
    public required int OperationsKnown { get; init; }

    /// <summary>Calls that may or may not have been done.</summary>
    public required int OperationsUnknown { get; init; }

    /// <summary>Actions in the fault plan.</summary>
    public required int Faults { get; init; }

    /// <summary>Their numbers.</summary>
    public required IReadOnlyList<int> FaultNumbers { get; init; }

    /// <summary>Messages between places, those of clients included.</summary>
    public required long Messages { get; init; }

    /// <summary>What was reached, by name.</summary>
    public required IReadOnlyDictionary<string, long> Counts { get; init; }

    /// <summary>What each node did to its disk.</summary>
    public required IReadOnlyList<DiskUse> Disks { get; init; }

    /// <summary>True when no promise was broken, as far as that was found out: see <see cref="UndecidedKeys"/>.</summary>
    public bool IsGood => Violations.Count == 0;
}
