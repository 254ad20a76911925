using Nori.Swim.Core.Tests.Simulation;

namespace Nori.Swim.Core.Tests;

/// <summary>Small clusters in the simulator: join, fail, refute, leave, heal.</summary>
public sealed class ClusterTests
{
    private const long Second = SwimConfig.Second;

    [Fact]
    public void Members_that_know_one_seed_find_each_other()
    {
        SimCluster cluster = New(5, seed: 1, introduce: false);
        for (int i = 1; i < 5; i++) cluster.Join(cluster.Nodes[i], cluster.Nodes[0]);
        Assert.True(cluster.RunUntil(cluster.IsConverged, 5 * Second));
        Assert.All(cluster.Nodes.Skip(1), n => Assert.Contains(n.Joins, j => j.Succeeded));
        Assert.All(cluster.Nodes, n => Assert.Equal(4, n.Events.Count(e => e.Event.Kind == SwimEventKind.Joined)));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(10)]
    public void A_dead_member_is_failed_everywhere_within_five_seconds_in_nineteen_of_twenty_kills(int count)
    {
        List<double> seconds = [];
        for (ulong seed = 1; seed <= 40; seed++)
        {
            SimCluster cluster = New(count, seed);
            cluster.RunFor(10 * Second);
            SimNode victim = cluster.Nodes[(int)(seed % (ulong)count)];
            long killedAt = cluster.Now;
            SimCluster.Kill(victim);
            bool all = cluster.RunUntil(
                () => cluster.Nodes.All(n => n.IsDead || n.Sees(victim) == MemberState.Failed), 30 * Second);
            Assert.True(all, $"seed {seed}: not failed everywhere after 30 s");
            seconds.Add((cluster.Now - killedAt) / (double)Second);
        }

        seconds.Sort();
        string all40 = string.Join(' ', seconds.Select(s => s.ToString("0.0")));
        TestContext.Current.SendDiagnosticMessage($"{count} members: {all40}");
        Assert.True(seconds[37] < 5, all40);
    }

    // A seed decides losses, delays and orders; each failure names it.
    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void Nobody_is_held_dead_in_a_virtual_hour_at_ten_percent_loss(int members)
    {
        for (ulong seed = 1; seed <= 3; seed++)
        {
            (long suspicions, long deaths, long views) = Experiments.FalsePositives(
                members, Experiments.Config(lifeguard: true), loss: 0.1, slow: 0, slowTicks: 0, seconds: 3600, seed);
            Assert.True(suspicions > 0, $"seed {seed}: nothing was ever suspected, so nothing was tested");
            Assert.True(deaths == 0 && views == 0, $"seed {seed}: {deaths} live members were held dead by {views}");
        }
    }

    [Fact]
    public void A_slow_member_kills_nobody_with_lifeguard_and_many_without()
    {
        (long _, long with, long _) = Slow(lifeguard: true);
        (long _, long without, long _) = Slow(lifeguard: false);
        Assert.Equal(0, with);
        Assert.True(without > 10, $"without Lifeguard only {without}: the experiment does not bite");

        static (long Suspicions, long Deaths, long Views) Slow(bool lifeguard) => Experiments.FalsePositives(
            10, Experiments.Config(lifeguard), loss: 0, slow: 1, slowTicks: 4 * Second, seconds: 300, seed: 5);
    }

    // Lifeguard §IV-A alone: whoever hears answers late, by up to four seconds here, soon waits long enough for them.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_slow_member_suspects_few_with_local_health_alone_and_thousands_without(ulong seed)
    {
        SwimConfig none = Experiments.Config(lifeguard: false);
        (long with, long deaths, long _) = Slow(none with { LocalHealth = true });
        (long without, long _, long _) = Slow(none);
        Assert.Equal(0, deaths);
        Assert.True(with < 50, $"{with} suspicions");
        Assert.True(without > 1000, $"without local health only {without}: the experiment does not bite");

        (long Suspicions, long Deaths, long Views) Slow(SwimConfig config) => Experiments.FalsePositives(
            10, config, loss: 0, slow: 1, slowTicks: 2 * Second, seconds: 600, seed);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.2)]
    public void Two_halves_find_each_other_after_a_partition_heals(double loss)
    {
        SimCluster cluster = New(10, seed: 3);
        cluster.RunFor(3 * Second);
        HashSet<SimNode> left = [.. cluster.Nodes.Take(4)];
        cluster.Reaches = (a, b) => left.Contains(a) == left.Contains(b);
        Assert.True(cluster.RunUntil(
            () => cluster.Nodes.TrueForAll(n => n.Core.CountOf(MemberState.Alive) == (left.Contains(n) ? 4 : 6)),
            60 * Second));
        cluster.RunFor(120 * Second);
        cluster.Loss = loss;
        cluster.Reaches = static (_, _) => true;
        Assert.True(cluster.RunUntil(cluster.IsConverged, 60 * Second), "not whole 60 s after it healed");
    }

    [Fact]
    public void One_direction_cut_between_two_members_kills_nobody()
    {
        SimCluster cluster = New(6, seed: 4);
        cluster.Reaches = (a, b) => !(a.Id == "n0000" && b.Id == "n0001");
        cluster.RunFor(300 * Second);
        Assert.All(cluster.Nodes, n => Assert.DoesNotContain(n.Events, e => e.Event.Kind == SwimEventKind.Failed));
    }

    // One that hears nobody must not be kept alive by its own pings (docs/decisions/0066), nor take others down.
    [Fact]
    public void One_that_can_send_but_not_receive_is_failed_by_the_others_and_fails_nobody_for_them()
    {
        SimCluster cluster = New(6, seed: 5);
        SimNode deaf = cluster.Nodes[2];
        cluster.Reaches = (_, b) => b != deaf;
        Assert.True(cluster.RunUntil(
            () => cluster.Nodes.TrueForAll(n => n == deaf || n.Sees(deaf) == MemberState.Failed), 60 * Second));
        cluster.RunFor(60 * Second);
        foreach (SimNode node in cluster.Nodes.Where(n => n != deaf))
            Assert.Equal(5, node.Core.CountOf(MemberState.Alive));
    }

    [Fact]
    public void Old_gossip_revives_nobody()
    {
        SimCluster cluster = New(5, seed: 6);
        SimNode victim = cluster.Nodes[3], late = cluster.Nodes[1];
        cluster.RunFor(2 * Second);
        SimCluster.Kill(victim);

        // One sleeps through it all and comes back with its old view, again and again, an hour later too.
        for (int round = 0; round < 3; round++)
        {
            cluster.Pause(late, 40 * Second);
            cluster.RunFor(60 * Second);
        }

        cluster.RunFor(3600 * Second);
        SimNode newcomer = cluster.Add("newcomer");
        cluster.Join(newcomer, late);
        cluster.RunFor(20 * Second);
        foreach (SimNode node in cluster.Nodes.Where(n => !n.IsDead))
        {
            Assert.Equal(MemberState.Failed, node.Sees(victim));
            long failedAt = node.Events.FirstOrDefault(e => IsFailed(e.Event)).At;
            Assert.DoesNotContain(
                node.Events, e => e.At > failedAt && e.Event.Member.Id.Value == victim.Id && e.Event.Kind == SwimEventKind.Joined);
        }

        bool IsFailed(SwimEvent e) => e.Kind == SwimEventKind.Failed && e.Member.Id.Value == victim.Id;
    }

    [Fact]
    public void A_restarted_member_is_back_under_a_higher_incarnation_though_nobody_kept_its_own()
    {
        SimCluster cluster = New(5, seed: 7);
        SimNode old = cluster.Nodes[4];
        cluster.RunFor(2 * Second);
        SimCluster.Kill(old);
        SimNode again = cluster.Add(old.Id, old.Address);
        cluster.Join(again, cluster.Nodes[0]);
        SimNode[] others = cluster.Nodes.Where(n => n.Id != old.Id).ToArray();
        Assert.True(cluster.RunUntil(() => Array.TrueForAll(others, n => n.Core.Find(new MemberId(old.Id))!.Incarnation > 0), 10 * Second));
        Assert.All(others, n => Assert.Equal(MemberState.Alive, n.Sees(old)));
        Assert.All(others, n => Assert.Equal(again.Core.Self.Instance, n.Core.Find(new MemberId(old.Id))!.Instance));
        Assert.All(others, n => Assert.Equal(0, n.Core.Counts.Flaps));
    }

    [Fact]
    public void One_that_leaves_is_left_everywhere_and_accused_by_nobody()
    {
        SimCluster cluster = New(6, seed: 8);
        cluster.RunFor(2 * Second);
        SimNode leaver = cluster.Nodes[2];
        cluster.Leave(leaver);
        cluster.RunUntil(() => leaver.Core.QueuedUpdates == 0, 3 * Second);
        SimCluster.Kill(leaver);
        cluster.RunFor(20 * Second);
        foreach (SimNode node in cluster.Nodes.Where(n => n != leaver))
        {
            Assert.Equal(MemberState.Left, node.Sees(leaver));
            Assert.DoesNotContain(node.Events, e => e.Event.Kind is SwimEventKind.Failed or SwimEventKind.Suspect);
        }
    }

    [Fact]
    public void A_paused_member_accuses_nobody_when_it_goes_on_and_is_back_soon()
    {
        SimCluster cluster = New(6, seed: 9);
        cluster.TimersFirst = true;
        cluster.RunFor(2 * Second);
        SimNode paused = cluster.Nodes[1];
        cluster.Pause(paused, 30 * Second);
        cluster.RunFor(30 * Second);
        Assert.All(cluster.Nodes.Where(n => n != paused), n => Assert.Equal(MemberState.Failed, n.Sees(paused)));
        Assert.True(cluster.RunUntil(cluster.IsConverged, 10 * Second));
        Assert.DoesNotContain(paused.Events, e => e.Event.Kind == SwimEventKind.Failed);
        Assert.True(paused.Core.Counts.Pauses > 0);
        Assert.All(cluster.Nodes.Where(n => n != paused), n => Assert.Equal(1, n.Core.Counts.Flaps));
    }

    [Fact]
    public void Two_live_nodes_under_one_id_are_reported_by_both()
    {
        SimCluster cluster = New(4, seed: 10);
        cluster.RunFor(2 * Second);
        SimNode first = cluster.Nodes[3], twin = cluster.Add(cluster.Nodes[3].Id, "sim:twin");
        cluster.Join(twin, cluster.Nodes[0]);
        cluster.RunFor(10 * Second);
        Assert.Contains(first.Events, e => e.Event.Kind == SwimEventKind.IdClash && e.Event.Member.Address == "sim:twin");
        Assert.Contains(twin.Events, e => e.Event.Kind == SwimEventKind.IdClash && e.Event.Member.Address == first.Address);
    }

    [Fact]
    public void Doubled_late_and_corrupted_datagrams_do_no_harm()
    {
        SimCluster cluster = New(8, seed: 11);
        (cluster.Duplication, cluster.Corruption, cluster.DelayMax) = (0.5, 0.05, 100_000);
        cluster.RunFor(600 * Second);
        Assert.True(cluster.IsConverged());
        Assert.True(cluster.Nodes[0].Core.Counts.Dropped(Wire.MessageDrop.Malformed) > 0);
        Assert.All(cluster.Nodes, n => Assert.DoesNotContain(n.Events, e => e.Event.Kind == SwimEventKind.Failed));
    }

    [Fact]
    public void Equal_seeds_give_equal_traces()
    {
        Assert.Equal(Trace(), Trace());

        static string Trace()
        {
            List<string> lines = [];
            SimCluster cluster = New(7, seed: 12);
            (cluster.Loss, cluster.Trace) = (0.3, lines.Add);
            cluster.RunFor(60 * Second);
            SimCluster.Kill(cluster.Nodes[3]);
            cluster.RunFor(60 * Second);
            Assert.NotEmpty(lines);
            return string.Join('\n', lines) + cluster.Datagrams + cluster.Bytes;
        }
    }

    internal static SimCluster New(int count, ulong seed, SwimConfig? config = null, bool introduce = true)
    {
        SimCluster cluster = new(count, seed, config ?? new SwimConfig { ClusterName = "test" });
        if (introduce) cluster.Introduce();
        return cluster;
    }
}
