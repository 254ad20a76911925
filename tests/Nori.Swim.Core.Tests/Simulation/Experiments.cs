using Nori.Core;

namespace Nori.Swim.Core.Tests.Simulation;

/// <summary>What docs/swim.md reports: each experiment gives one row.</summary>
internal static class Experiments
{
    private const long Second = SwimConfig.Second;

    public static SwimConfig Config(bool lifeguard, SwimConfig? config = null)
    {
        config ??= new SwimConfig { ClusterName = "figures" };
        return lifeguard ? config : config.WithoutLifeguard();
    }

    /// <summary>Periods until a change at one member is known to all: median and worst of the runs.</summary>
    public static (double Median, double Worst) Dissemination(int count, bool gossip, double loss, int runs)
    {
        SwimConfig config = new() { ClusterName = "figures" };
        if (!gossip) config = config.WithoutLifeguard() with { GossipFanout = 0, RetransmitFactor = 8 };
        List<double> periods = [];
        for (int run = 1; run <= runs; run++)
        {
            SimCluster cluster = new(count, (ulong)run, config) { Loss = loss };
            cluster.Introduce();
            cluster.RunFor(3 * Second);
            SimNode one = cluster.Nodes[run % count];
            long start = cluster.Now;
            one.Core.UpdateMetadata(start, [1]);
            ulong incarnation = one.Core.Self.Incarnation;
            MemberId id = new(one.Id);
            bool all = cluster.RunUntil(
                () => cluster.Nodes.TrueForAll(n => n.Core.Find(id)!.Incarnation >= incarnation), 60 * Second);
            periods.Add(all ? (cluster.Now - start) / (double)Second : double.PositiveInfinity);
        }

        periods.Sort();
        return (periods[periods.Count / 2], periods[^1]);
    }

    /// <summary>Datagrams and bytes that a member sends in a second when nothing happens: mean and busiest.</summary>
    public static (double Datagrams, double Busiest, double Bytes) Load(int count, bool lifeguard)
    {
        SimCluster cluster = new(count, 7, Config(lifeguard));
        cluster.Introduce();
        cluster.RunFor(2 * Second);
        long before = cluster.Datagrams, bytes = cluster.Bytes;
        long[] each = cluster.Nodes.Select(n => n.SentDatagrams).ToArray();
        const int seconds = 20;
        cluster.RunFor(seconds * Second);
        double busiest = cluster.Nodes.Select((n, i) => n.SentDatagrams - each[i]).Max() / (double)seconds;
        double per = (double)count * seconds;
        return ((cluster.Datagrams - before) / per, busiest, (cluster.Bytes - bytes) / per);
    }

    /// <summary>
    /// Seconds from a kill to the first suspicion (mean), to the first member that reports it and to the last. Each
    /// kill is in a cluster of its own, or all in one, one after the other, where making a cluster is what costs.
    /// </summary>
    public static DetectionTimes Detection(int count, SwimConfig config, double loss, int kills, bool inOne = false)
    {
        DetectionTimes times = new();
        SimCluster cluster = New(1);
        for (int run = 1; run <= kills; run++)
        {
            if (run > 1 && !inOne) cluster = New((ulong)run);
            cluster.RunFor((5 * Second) + (run * 137_000));
            KillOne(cluster, cluster.Nodes[run * (inOne ? count / (kills + 1) : 1) % count], times);
        }

        return times;

        SimCluster New(ulong seed)
        {
            SimCluster made = new(count, seed, config) { Loss = loss };
            made.Introduce();
            return made;
        }
    }

    /// <summary>
    /// Live and healthy members that somebody held dead, and how many held so, over virtual seconds; each message in
    /// or out of the slow members waits up to <paramref name="slowTicks"/>.
    /// </summary>
    public static (long Suspicions, long FalseDeaths, long FalseViews) FalsePositives(
        int count, SwimConfig config, double loss, int slow, long slowTicks, long seconds, ulong seed)
    {
        SimCluster cluster = new(count, seed, config) { Loss = loss };
        cluster.Introduce();
        HashSet<string> slowIds = [];
        for (int i = 0; i < slow; i++)
        {
            SimNode node = cluster.Nodes[i * count / slow];
            node.SlowTicks = slowTicks;
            slowIds.Add(node.Id);
        }

        cluster.RunFor(seconds * Second);

        // A slow member held dead is no false alarm in the paper's sense: only the healthy accused count.
        List<(long At, SwimEvent Event)> events =
            [.. cluster.Nodes.SelectMany(n => n.Events).Where(e => !slowIds.Contains(e.Event.Member.Id.Value))];
        long suspicions = events.Count(e => e.Event.Kind == SwimEventKind.Suspect);
        (string Id, ulong Incarnation)[] failed = events
            .Where(e => e.Event.Kind == SwimEventKind.Failed)
            .Select(e => (e.Event.Member.Id.Value, e.Event.Member.Incarnation))
            .ToArray();
        return (suspicions, failed.Distinct().Count(), failed.Length);
    }

    private static void KillOne(SimCluster cluster, SimNode victim, DetectionTimes times)
    {
        long start = cluster.Now, firstAt = 0;
        SimCluster.Kill(victim);
        SimNode[] others = cluster.Nodes.Where(n => !n.IsDead).ToArray();
        bool done = cluster.RunUntil(
            () =>
            {
                if (firstAt == 0 && others.Any(n => n.Sees(victim) == MemberState.Failed)) firstAt = cluster.Now;
                return firstAt != 0 && Array.TrueForAll(others, n => n.Sees(victim) == MemberState.Failed);
            },
            120 * Second);
        long[] suspected = others
            .SelectMany(n => n.Events)
            .Where(e => e.At >= start && e.Event.Kind == SwimEventKind.Suspect && e.Event.Member.Id.Value == victim.Id)
            .Select(e => e.At - start)
            .ToArray();
        times.Add(
            suspected.Length > 0 ? suspected.Min() / (double)Second : 0,
            done ? (firstAt - start) / (double)Second : double.PositiveInfinity,
            done ? (cluster.Now - start) / (double)Second : double.PositiveInfinity);
    }
}
