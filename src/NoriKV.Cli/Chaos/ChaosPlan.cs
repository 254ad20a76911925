using System.Numerics;
using Nori.Core;

namespace NoriKV.Cli.Chaos;

/// <summary>
/// Draws what a round does, before it begins. A round of a few kinds meets combinations that a round of all kinds drowns in noise,
/// so both are drawn.
/// </summary>
internal static class ChaosPlan
{
    private static readonly TimeSpan Begin = TimeSpan.FromSeconds(1);

    /// <summary>The actions of a round, in the order of their time.</summary>
    public static IReadOnlyList<ChaosAction> Draw(ChaosOptions options, int round)
    {
        var random = new Prng(options.Seed + (ulong)round);
        ChaosFaults[] kinds = KindsOf(options);
        random.Shuffle<ChaosFaults>(kinds);
        // The first round of a run has every kind: a short run must show all that it can.
        int keep = round == 0 || random.Chance(0.3) ? kinds.Length : random.NextInt(1, kinds.Length + 1);
        double perSecond = 0.4 + (random.NextDouble() * 1.2);
        var plan = new List<ChaosAction>();
        TimeSpan at = Begin;
        bool flipped = false;
        bool replaced = false;
        while (kinds.Length > 0)
        {
            at += TimeSpan.FromSeconds(-Math.Log(1 - random.NextDouble()) / perSecond);
            if (at >= options.Round) break;
            ChaosFaults kind = kinds[plan.Count < keep ? plan.Count : random.NextInt(keep)];
            TimeSpan lasts = DurationOf(random);
            ulong seed = random.NextUInt64();
            // One copy of each entry may rot at a time: what is on a majority is lost for good.
            if (kind == ChaosFaults.BitFlip && flipped) continue;
            if (kind == ChaosFaults.Replace && replaced) continue;
            flipped |= kind == ChaosFaults.BitFlip;
            replaced |= kind == ChaosFaults.Replace;
            plan.Add(new ChaosAction(plan.Count, kind, at, lasts, seed));
        }

        return plan;
    }

    private static ChaosFaults[] KindsOf(ChaosOptions options) =>
    [
        .. Enum.GetValues<ChaosFaults>().Where(k =>
            k != ChaosFaults.None && BitOperations.IsPow2((int)k) && options.Faults.HasFlag(k)
            // With fewer than three nodes a rotten or lost copy is the only one.
            && (options.Nodes > 2 || k is not (ChaosFaults.BitFlip or ChaosFaults.Replace))),
    ];

    // Mostly around an election timeout, sometimes far beyond.
    private static TimeSpan DurationOf(Prng random) => TimeSpan.FromMilliseconds(random.NextInt(10) switch
    {
        < 3 => 50 + random.NextInt(400),
        < 8 => 400 + random.NextInt(3000),
        _ => 3000 + random.NextInt(6000),
    });
}
