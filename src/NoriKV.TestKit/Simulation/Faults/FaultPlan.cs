using Nori.Core;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Simulation.Faults;

/// <summary>Draws what will be done to a cluster, before the run begins: so that parts can be left out of a replay.</summary>
internal static class FaultPlan
{
    private static readonly FaultKinds[] NeedsPeers =
    [
        FaultKinds.CrashAll, FaultKinds.Partition, FaultKinds.OneWay, FaultKinds.PartialPartition,
        FaultKinds.SwizzleClog, FaultKinds.Flapping, FaultKinds.BitRot, FaultKinds.Transfer, FaultKinds.Membership,
    ];

    /// <summary>The plan of a run.</summary>
    public static IReadOnlyList<FaultAction> Draw(SimulationOptions options, SimulationProfile profile, Prng random)
    {
        FaultKinds[] kinds =
        [
            .. Enum.GetValues<FaultKinds>().Where(k =>
                System.Numerics.BitOperations.IsPow2((int)k)
                && options.Faults.HasFlag(k)
                && (options.Nodes > 1 || !NeedsPeers.Contains(k))),
        ];
        // A majority of the voters must stay whole: not fewer voters and rot in one run.
        FaultKinds without = random.Chance(0.5) ? FaultKinds.BitRot : FaultKinds.Membership;
        if (kinds.Contains(FaultKinds.BitRot) && kinds.Contains(FaultKinds.Membership)) kinds = [.. kinds.Where(k => k != without)];
        // A run of a few kinds meets combinations that a run of all kinds drowns in noise.
        random.Shuffle<FaultKinds>(kinds);
        int keep = random.Chance(0.3) ? kinds.Length : random.NextInt(1, Math.Max(2, kinds.Length));
        kinds = kinds[..Math.Min(keep, kinds.Length)];
        var plan = new List<FaultAction>();
        if (kinds.Length == 0) return plan;
        long at = Ticks.Second / 2;
        long until = profile.Safety;
        while (plan.Count < options.FaultsMax)
        {
            at += (long)(-Math.Log(1 - random.NextDouble()) * Ticks.Second / profile.FaultsPerSecond);
            if (at >= until) break;
            FaultKinds kind = kinds[random.NextInt(kinds.Length)];
            plan.Add(new FaultAction(plan.Count, kind, at, DurationOf(random), random.NextUInt64()));
        }

        return [.. plan.Where(a => !options.WithoutFaults.Contains(a.Number))];
    }

    // Mostly around an election timeout, sometimes far beyond.
    private static long DurationOf(Prng random) => random.NextInt(10) switch
    {
        < 3 => random.NextLong(300 * Ticks.Millisecond),
        < 8 => (300 * Ticks.Millisecond) + random.NextLong(3 * Ticks.Second),
        _ => (2 * Ticks.Second) + random.NextLong(8 * Ticks.Second),
    };
}
