using Nori.Core;
using NoriKV.TestKit.Simulation.Network;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation;

/// <summary>What a run is like, drawn from its seed: sizes, rates, how bad the network is. Spans in ticks.</summary>
internal sealed record SimulationProfile
{
    // Of the runs on bad links, those on the worst.
    private const double WorstChance = 0.25;

    public required long Safety { get; init; }

    public required int Clients { get; init; }

    public required double OperationsPerSecond { get; init; }

    public required double FaultsPerSecond { get; init; }

    public required int Keys { get; init; }

    public required int ValueBytesMax { get; init; }

    public required int LogSegmentBytes { get; init; }

    public required int MemtableBytes { get; init; }

    /// <summary>
    /// Monotonic clocks run this much fast or slow at most: two of them a tenth apart, which is what leases hold for (docs/raft.md).
    /// </summary>
    public required double DriftMax { get; init; }

    /// <summary>
    /// True: wall clocks are kept right while monotonic ones drift, as a time service does. Else they drift as much, and whoever is
    /// half a second off leads nothing any more: no lease of his is put to the test.
    /// </summary>
    public required bool HasTimeService { get; init; }

    /// <summary>Wall clocks jump this far at most.</summary>
    public required long JumpMax { get; init; }

    public required LinkQuality Links { get; init; }

    public static SimulationProfile Draw(SimulationOptions options, Prng random)
    {
        // Long runs are quiet: groups fall asleep, retention passes, clocks drift apart.
        bool isLong = random.Chance(0.08);
        long safety = isLong
            ? (5 + random.NextLong(25)) * 60 * Ticks.Second
            : (8 * Ticks.Second) + random.NextLong(20 * Ticks.Second);
        double rate = isLong ? 0.2 + random.NextDouble() : 8 + (random.NextDouble() * 30);
        double faults = isLong ? 0.02 + (random.NextDouble() * 0.1) : 0.2 + (random.NextDouble() * 1.2);
        int clients = random.NextInt(2, 9);
        bool harsh = random.Chance(0.5);
        var profile = new SimulationProfile
        {
            // A scenario goes on behind the faults: they are to meet most of it.
            Safety = options.Safety?.Ticks ?? (options.Scenario == SimulationScenario.None ? safety : 2 * safety),
            Clients = options.Clients ?? clients,
            OperationsPerSecond = options.OperationsPerSecond ?? rate,
            FaultsPerSecond = faults,
            Keys = random.NextInt(3, 25),
            ValueBytesMax = 1 << random.NextInt(4, 13),
            LogSegmentBytes = 1 << random.NextInt(15, 19),
            MemtableBytes = 1 << random.NextInt(15, 19),
            DriftMax = random.Chance(0.5) ? 0 : random.NextDouble() * 0.05,
            JumpMax = random.Chance(0.3) ? 4 * 60 * Ticks.Second : 2 * Ticks.Second,
            Links = new LinkQuality
            {
                DelayMin = 50 * Ticks.Microsecond,
                DelaySpread = random.NextLong(harsh ? 20 * Ticks.Millisecond : Ticks.Millisecond),
                TailChance = harsh ? random.NextDouble() * 0.02 : 0.001,
                TailMax = 2 * Ticks.Second,
                Loss = harsh ? random.NextDouble() * 0.1 : 0,
                Duplication = harsh ? random.NextDouble() * 0.1 : 0,
                Reordering = harsh ? random.NextDouble() * 0.2 : 0,
            },
            // A scenario lasts too long for clocks that nobody sets right. (Drawn behind the rest, which is what it was for a seed.)
            HasTimeService = options.Scenario != SimulationScenario.None || random.Chance(0.5),
        };
        // Drawn last, and the upper end of it: the seeds that are kept for what they found run as they did.
        return harsh && random.NextDouble() >= 1 - WorstChance ? profile with { Links = Worst(profile.Links, random) } : profile;
    }

    // As bad as the catalogue of faults asks for (docs/faults.md, N1–N3).
    private static LinkQuality Worst(LinkQuality links, Prng random) => links with
    {
        Loss = random.NextDouble() * 0.3,
        Duplication = random.NextDouble() * 0.5,
        Reordering = random.NextDouble() * 0.5,
    };
}
