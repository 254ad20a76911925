using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.TestKit.Simulation.Workloads;
using NoriKV.Types;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>Judges bounded reads: what was written more than the bound ago must have been seen.</summary>
internal static class StalenessCheck
{
    public static void Run(SimWorld world, IReadOnlyList<Call> calls)
    {
        ILookup<string, Call> writes = calls
            .Where(c => c.Operation.IsWrite && !c.WasNotDone)
            .SelectMany(c => c.Operation.Keys, (c, key) => (Key: key, Call: c))
            .ToLookup(pair => pair.Key, pair => pair.Call);
        foreach (Call read in calls)
        {
            if (read.Operation is not { Call: ClientCall.Get, Read: { Consistency: Consistency.Bounded, MaxStaleness: { } bound } }
                || !read.Succeeded)
            {
                continue;
            }

            // Durations are measured on clocks that drift.
            long drift = (long)(bound.Ticks * 2 * world.Profile.DriftMax) + Ticks.Millisecond;
            long horizon = read.Called - bound.Ticks - drift;
            string key = read.Operation.Keys[0];
            ClientItem item = read.Answer!.Items[0];
            Call? missed = writes[key]
                .Where(w => w.Succeeded && w.Returned < horizon && w.Version.CompareTo(item.Version) > 0)
                .MaxBy(w => w.Version);
            if (missed is null || (item.Value is null && MayBeGone(missed, writes[key]))) continue;
            world.Violate("bounded_staleness", $"{read} did not see {missed}");
        }
    }

    // A missing key has no version: any delete that may lie behind the write explains it.
    private static bool MayBeGone(Call write, IEnumerable<Call> others) => others.Any(o =>
        o.Operation.Values.ElementAtOrDefault(o.Operation.Keys.ToList().IndexOf(write.Operation.Keys[0])) is null
        && (!o.IsKnown || o.Version.CompareTo(write.Version) >= 0));
}
