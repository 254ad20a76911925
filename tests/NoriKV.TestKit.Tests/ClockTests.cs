using Nori.Core;
using Nori.Raft.Core;
using NoriKV.TestKit.Simulation;
using NoriKV.TestKit.Simulation.Scheduling;

namespace NoriKV.TestKit.Tests;

public sealed class ClockTests
{
    // docs/raft.md, lease: two clocks a tenth apart, the leader's slow, the voters' fast, who count whole ticks from a tick's end on.
    [Fact]
    public void Clocks_drift_as_far_as_leases_hold_for()
    {
        var raft = new RaftOptions { Group = default, Replica = new(1), Seed = 1 };
        double[] drifts = [.. Profiles().Select(static p => p.DriftMax)];
        Assert.InRange(drifts.Max(), 0.0495, 0.05);
        Assert.InRange(drifts.Count(static d => d == 0), 400, 600);
        double lease = raft.LeaseNanoseconds / (1 - drifts.Max());
        double loyalty = (raft.ElectionTicksMin - 1) * raft.TickNanoseconds / (1 + drifts.Max());
        Assert.InRange(lease, 0.97 * loyalty, loyalty);
    }

    // Who is half a second off leads nothing: where wall clocks drift with the others, the leases of the slowest are soon none.
    [Fact]
    public void A_time_service_keeps_the_wall_clock_right_in_half_of_the_runs()
    {
        Assert.InRange(Profiles().Count(static p => p.HasTimeService), 400, 600);
        var events = new EventQueue(new Prng(1));
        SimClock Clock(double wallRate) => new(events, DateTimeOffset.UnixEpoch, 0.95, wallRate, bootOffset: 7);
        SimClock kept = Clock(1), drifting = Clock(0.95);
        events.TryRunNext(100 * Ticks.Second);
        Assert.Equal((95 * Ticks.Second) + 7, kept.GetTimestamp());
        Assert.Equal((95 * Ticks.Second) + 7, drifting.GetTimestamp());
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(100), kept.GetUtcNow());
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(95), drifting.GetUtcNow());
    }

    // What a look at the clock is followed by happens when the process goes on, by all its clocks and timers, and time never goes back.
    [Fact]
    public void A_process_may_stand_still_before_any_look_at_its_clock()
    {
        var events = new EventQueue(new Prng(1));
        var clock = new SimClock(events, DateTimeOffset.UnixEpoch, 1, 1, bootOffset: 0);
        long early = -1, late = -1, stood = -1;
        clock.CreateTimer(_ => early = events.Now, null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
        clock.StandStill(2, 3 * Ticks.Second, () => stood = events.Now);
        Assert.Equal((0, 0), (clock.GetTimestamp(), clock.StandsFor));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(3), clock.GetUtcNow());
        Assert.Equal((0, 3 * Ticks.Second), (stood, clock.StandsFor));
        clock.CreateTimer(_ => late = events.Now, null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
        events.TryRunNext(Ticks.Second);
        Assert.Equal((3 * Ticks.Second, 2 * Ticks.Second), (clock.GetTimestamp(), clock.StandsFor));
        while (events.TryRunNext(6 * Ticks.Second))
        {
        }

        Assert.Equal((3 * Ticks.Second, 5 * Ticks.Second), (early, late));
        Assert.Equal((6 * Ticks.Second, 0), (clock.GetTimestamp(), clock.StandsFor));
    }

    [Fact]
    public void Some_pauses_come_in_the_middle_of_a_step()
    {
        SimulationReport report = ClusterSimulation.Run(new SimulationOptions
        {
            Seed = 3, Faults = FaultKinds.Pause, Safety = TimeSpan.FromSeconds(30),
        });
        Assert.True(report.Holds(), report.Why());
        Assert.InRange(report.Counts.GetValueOrDefault("pause.inside"), 1, report.Counts["fault.Pause"] - 1);
    }

    private static SimulationProfile[] Profiles() =>
    [
        .. Enumerable.Range(1, 1000).Select(static seed =>
            SimulationProfile.Draw(new SimulationOptions { Seed = (ulong)seed }, new Prng((ulong)seed))),
    ];
}
