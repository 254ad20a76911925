using NoriKV.TestKit.Simulation.Scheduling;
using NoriKV.TestKit.Simulation.Workloads;

namespace NoriKV.TestKit.Simulation.Checks;

/// <summary>
/// Judges keys with expiry. Around the end of a value's time nothing is certain (protocol.md §5: half a second across leaders,
/// and whatever wall clocks were wrong by); before it the value is there, behind it it is gone.
/// </summary>
internal static class ExpiryCheck
{
    public static void Run(SimWorld world, KeySpace keys, IReadOnlyList<Call> calls)
    {
        // Not what clocks might have done: with the most that they may jump nothing would be judged in any run.
        double driftMax = world.Profile.HasTimeService ? 0 : world.Profile.DriftMax;
        long slack = (600 * Ticks.Millisecond) + (2 * world.JumpedMax) + (long)(2 * driftMax * world.Events.Now);
        foreach (string key in keys.Expiring)
        {
            Call[] ofKey = [.. calls.Where(c => c.Operation.Keys.Contains(key) && !c.WasNotDone)];
            Call[] puts = [.. ofKey.Where(c => c.Operation.IsWrite)];
            foreach (Call read in ofKey.Where(c => c.Operation.Call == ClientCall.Get && c.Succeeded))
            {
                string? value = read.Answer!.Items[0].Value;
                if (value is null && puts.Any(p => p.Succeeded && p.Returned < read.Called)) world.Probes.Hit("ttl.expired_seen");
                foreach (Call put in puts)
                {
                    if (value == put.Operation.Values[0]) CheckGone(world, put, read, slack);
                    else CheckThere(world, puts, put, read, slack);
                }
            }
        }
    }

    private static void CheckGone(SimWorld world, Call put, Call read, long slack)
    {
        if (put.Operation.Ttl is not { } ttl || !put.IsKnown) return;
        if (read.Called > put.Returned + ttl.Ticks + slack)
            world.Violate("expiry", $"{read} saw what had expired: {put}");
    }

    private static void CheckThere(SimWorld world, Call[] puts, Call put, Call read, long slack)
    {
        if (!put.Succeeded || put.Returned >= read.Called) return;
        if (put.Operation.Ttl is { } ttl && read.Returned >= put.Called + ttl.Ticks - slack) return;
        // Another write that overlaps the put or follows it may have replaced the value.
        if (puts.Any(p => p != put && p.Called < read.Returned && p.Returned > put.Called)) return;
        world.Violate("expiry", $"{read} did not see what had not expired: {put}");
    }
}
