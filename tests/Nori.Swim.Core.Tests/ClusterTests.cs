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

    internal static SimCluster New(int count, ulong seed, SwimConfig? config = null, bool introduce = true)
    {
        SimCluster cluster = new(count, seed, config ?? new SwimConfig { ClusterName = "test" });
        if (introduce) cluster.Introduce();
        return cluster;
    }
}
