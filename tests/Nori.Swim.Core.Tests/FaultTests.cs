using Nori.Core;
using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>The faults of docs/faults.md that concern membership, by their names there; docs/swim.md has the list.</summary>
public sealed class FaultTests
{
    private const long Second = SwimConfig.Second;

    [Fact]
    public void N4_a_slow_tail_kills_nobody()
    {
        SimCluster cluster = ClusterTests.New(10, seed: 21);
        (cluster.SlowTail, cluster.DelayMax) = (0.001, 50_000);
        cluster.RunFor(1800 * Second);
        AssertNobodyFailed(cluster);
    }

    // One alone against nine is a node all of whose links fail together.
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void N5_a_full_partition_heals_and_all_are_back_as_the_same_processes(int cut)
    {
        SimCluster cluster = ClusterTests.New(10, seed: 22);
        HashSet<SimNode> left = [.. cluster.Nodes.Take(cut)];
        cluster.Reaches = (a, b) => left.Contains(a) == left.Contains(b);
        cluster.RunFor(180 * Second);
        Assert.All(cluster.Nodes, n => Assert.Equal(left.Contains(n) ? cut : 10 - cut, n.Core.CountOf(MemberState.Alive)));
        cluster.Reaches = static (_, _) => true;
        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second), "not whole 60 s after it healed");
        Assert.All(cluster.Nodes, n => Assert.Equal(left.Contains(n) ? 10 - cut : cut, n.Core.Counts.Flaps));
    }

    [Fact]
    public void N6_one_that_can_receive_but_not_send_is_failed_and_takes_nobody_with_it()
    {
        SimCluster cluster = ClusterTests.New(6, seed: 23);
        SimNode mute = cluster.Nodes[4];
        cluster.Reaches = (a, _) => a != mute;
        Assert.True(cluster.RunUntil(
            () => cluster.Nodes.TrueForAll(n => n == mute || n.Sees(mute) == MemberState.Failed), 60 * Second));
        cluster.RunFor(120 * Second);
        foreach (SimNode node in cluster.Nodes.Where(n => n != mute))
        {
            Assert.Equal(5, node.Core.CountOf(MemberState.Alive));
            Assert.All(Failed(node), id => Assert.Equal(mute.Id, id));
        }

        cluster.Reaches = static (_, _) => true;
        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second));
    }

    // The shape of a switch that fails in part: A and B are cut off from each other, and all see the rest.
    [Fact]
    public void N7_two_that_are_cut_off_from_each_other_alone_stay_alive_through_the_others()
    {
        SimCluster cluster = ClusterTests.New(5, seed: 24);
        cluster.Reaches = (a, b) => !IsPair(a, b);
        cluster.RunFor(600 * Second);
        AssertNobodyFailed(cluster);

        static bool IsPair(SimNode a, SimNode b) => (a.Id, b.Id) is ("n0000", "n0001") or ("n0001", "n0000");
    }

    [Fact]
    public void N8_two_halves_joined_by_one_bridge_stay_whole()
    {
        SimCluster cluster = ClusterTests.New(5, seed: 25);
        cluster.Reaches = static (a, b) => Half(a) == Half(b) || Half(a) == 0 || Half(b) == 0;
        cluster.RunFor(600 * Second);
        AssertNobodyFailed(cluster);

        static int Half(SimNode node) => node.Id switch { "n0000" or "n0001" => 1, "n0002" => 0, _ => 2 };
    }

    [Theory]
    [InlineData(26)]
    [InlineData(27)]
    [InlineData(28)]
    public void N9_members_clogged_and_freed_one_by_one_in_any_order_converge(ulong seed)
    {
        SimCluster cluster = ClusterTests.New(7, seed);
        Prng prng = new(seed);
        HashSet<SimNode> clogged = [];
        cluster.Reaches = (a, b) => !clogged.Contains(a) && !clogged.Contains(b);
        SimNode[] order = [.. cluster.Nodes];
        prng.Shuffle<SimNode>(order);
        foreach (SimNode node in order.Take(5))
        {
            clogged.Add(node);
            cluster.RunFor(prng.NextLong(8 * Second));
        }

        SimNode[] freed = [.. clogged];
        prng.Shuffle<SimNode>(freed);
        foreach (SimNode node in freed)
        {
            clogged.Remove(node);
            cluster.RunFor(prng.NextLong(8 * Second));
        }

        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second), $"seed {seed}: not converged 60 s after the last was freed");
    }

    // About as long on as off as a suspicion takes: the worst for alarms.
    [Fact]
    public void N10_a_link_that_flaps_leaves_no_trace_once_it_holds()
    {
        SimCluster cluster = ClusterTests.New(5, seed: 29);
        SimNode flapping = cluster.Nodes[3];
        for (int i = 0; i < 40; i++)
        {
            bool isCut = i % 2 == 0;
            cluster.Reaches = (a, b) => !isCut || (a != flapping && b != flapping);
            cluster.RunFor(3 * Second);
        }

        cluster.Reaches = static (_, _) => true;
        Assert.True(cluster.RunUntil(cluster.IsConverged, 30 * Second));
        foreach (SimNode node in cluster.Nodes.Where(n => n != flapping))
            Assert.All(Failed(node), id => Assert.Equal(flapping.Id, id));
        cluster.RunFor(60 * Second);
        Assert.True(cluster.IsConverged());
    }

    // Its old address goes to somebody new, and a sleeper wakes with the old view: the member is where it said last.
    [Fact]
    public void N12_one_that_restarts_at_another_address_is_found_there_by_all()
    {
        SimCluster cluster = ClusterTests.New(5, seed: 30);
        SimNode old = cluster.Nodes[2], sleeper = cluster.Nodes[4];
        cluster.RunFor(2 * Second);
        cluster.Pause(sleeper, 40 * Second);
        SimCluster.Kill(old);
        SimNode again = cluster.Add(old.Id, "sim:elsewhere"), stranger = cluster.Add("stranger", old.Address);
        cluster.Join(again, cluster.Nodes[0]);
        cluster.Join(stranger, cluster.Nodes[1]);
        cluster.RunFor(100 * Second);
        foreach (SimNode node in cluster.Nodes.Where(n => !n.IsDead))
        {
            Assert.Equal("sim:elsewhere", node.Core.Find(new MemberId(old.Id))!.Address);
            Assert.Equal(MemberState.Alive, node.Sees(again));
            Assert.Equal(MemberState.Alive, node.Sees(stranger));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void N15_one_whose_datagrams_or_whose_streams_alone_are_blocked_stays_alive(bool datagrams)
    {
        SimCluster cluster = ClusterTests.New(5, seed: 31);
        SimNode blocked = cluster.Nodes[1];
        bool Passes(SimNode a, SimNode b) => a != blocked && b != blocked;
        if (datagrams) cluster.DatagramReaches = Passes;
        else cluster.StreamReaches = Passes;
        cluster.RunFor(600 * Second);
        AssertNobodyFailed(cluster);
    }

    [Fact]
    public void P5_one_in_a_crash_loop_is_back_for_all_once_it_stays()
    {
        SimCluster cluster = ClusterTests.New(5, seed: 32);
        SimNode looping = cluster.Nodes[3];
        for (int i = 0; i < 20; i++)
        {
            cluster.RunFor(i % 5 * Second);
            SimCluster.Kill(looping);
            looping = cluster.Add(looping.Id, looping.Address);
            cluster.Join(looping, cluster.Nodes[i % 3]);
        }

        Assert.True(cluster.RunUntil(
            () => cluster.Nodes.Where(n => !n.IsDead).All(n => n.Sees(looping) == MemberState.Alive
                && n.Core.Find(new MemberId(looping.Id))!.Instance == looping.Core.Self.Instance),
            30 * Second));
        AssertOnlyFailed(cluster, looping.Id);
    }

    // Everybody forgot everything, and some of those still about remember high incarnations of those that restarted.
    [Theory]
    [InlineData(33)]
    [InlineData(34)]
    public void P6_a_restart_of_all_one_by_one_leaves_nobody_held_gone(ulong seed)
    {
        SimCluster cluster = new(0, seed, new SwimConfig { ClusterName = "test" }) { Loss = 0.1 };
        Prng prng = new(seed);
        for (int i = 0; i < 20; i++) cluster.Add($"n{i:0000}", incarnation: (ulong)prng.NextInt(1_000));
        for (int i = 1; i < 20; i++) cluster.Join(cluster.Nodes[i], cluster.Nodes[0]);
        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second));
        SimNode[] firstLives = [.. cluster.Nodes];
        foreach (SimNode old in firstLives)
        {
            if (prng.Chance(0.3)) cluster.Leave(old);
            cluster.RunFor(prng.NextLong(2 * Second));
            SimCluster.Kill(old);
            cluster.RunFor(prng.NextLong(4 * Second));
            SimNode[] live = [.. cluster.Nodes.Where(n => !n.IsDead)];
            SimNode again = cluster.Add(old.Id, old.Address);
            foreach (SimNode seedNode in live.Take(2)) cluster.Join(again, seedNode);
        }

        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second), $"seed {seed}: somebody is still held gone after 60 s");
    }

    [Fact]
    public void T8_members_come_and_go_and_every_view_follows()
    {
        SimCluster cluster = ClusterTests.New(1, seed: 35);
        List<SimNode> live = [cluster.Nodes[0]];
        foreach (int size in (int[])[3, 5, 3, 1, 5])
        {
            for (int i = live.Count; i < size; i++)
            {
                live.Add(cluster.Add($"t{cluster.Nodes.Count}"));
                cluster.Join(live[^1], live[0]);
            }

            for (int i = live.Count; i > size; i--)
            {
                SimNode leaver = live[^1];
                live.Remove(leaver);
                cluster.Leave(leaver);
                cluster.RunUntil(() => leaver.Core.QueuedUpdates == 0, 3 * Second);
                SimCluster.Kill(leaver);
            }

            Assert.True(cluster.RunUntil(cluster.IsConverged, 20 * Second), $"not whole at {size}");
        }

        AssertNobodyFailed(cluster);
    }

    private static IEnumerable<string> Failed(SimNode node) =>
        node.Events.Where(e => e.Event.Kind == SwimEventKind.Failed).Select(e => e.Event.Member.Id.Value);

    private static void AssertNobodyFailed(SimCluster cluster) =>
        Assert.All(cluster.Nodes, n => Assert.Empty(Failed(n)));

    private static void AssertOnlyFailed(SimCluster cluster, string id) =>
        Assert.All(cluster.Nodes.SelectMany(Failed), failed => Assert.Equal(id, failed));
}
