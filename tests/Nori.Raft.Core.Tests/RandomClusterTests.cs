using Nori.Raft.Core.Tests.Harness;
using Xunit.Sdk;

namespace Nori.Raft.Core.Tests;

/// <summary>
/// Whole groups in virtual time. NORI_RAFT_SEEDS=FIRST+COUNT runs other seeds (one seed: FIRST), and prints
/// the story of one that fails.
/// </summary>
public sealed class RandomClusterTests(ITestOutputHelper output)
{
    private const int SeedsInSuite = 300;
    private const int Parts = 3;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Groups_stay_safe_under_faults_and_come_right_afterwards(int part)
    {
        (ulong first, int count) = Seeds();
        SortedDictionary<RaftEventKind, int> seen = [];
        long events = 0, reads = 0, leaseReads = 0;
        for (ulong seed = first; seed < first + (ulong)count; seed++)
        {
            if (seed % Parts != (ulong)part) continue;
            SimCluster cluster = Run(seed);
            events += cluster.Events;
            reads += cluster.Checker.ReadsAnswered;
            leaseReads += cluster.Checker.LeaseReads;
            foreach ((RaftEventKind kind, int times) in cluster.Seen) seen[kind] = seen.GetValueOrDefault(kind) + times;
        }

        output.WriteLine($"{events} events, {reads} reads, {leaseReads} lease reads");
        foreach ((RaftEventKind kind, int times) in seen) output.WriteLine($"{times,8} {kind}");
        if (count < SeedsInSuite) return;
        // A run that never gets to the rare paths proves nothing about them.
        Assert.All(Enum.GetValues<RaftEventKind>(), kind => Assert.True(seen.GetValueOrDefault(kind) > 0, $"never {kind}"));
        Assert.True(reads > 100 && leaseReads > 100, "too few reads");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        ulong[] traces = Enumerable.Range(0, 2).Select(_ => Run(42).Trace).ToArray();
        Assert.Equal(traces[0], traces[1]);
        Assert.NotEqual(traces[0], Run(43).Trace);
    }

    // 2934: what the leader commits by the new configuration alone, which it has left the joint one for, is told to one that has not.
    [Theory]
    [InlineData(2934)]
    public void A_seed_that_failed_once_is_kept(ulong seed) => Assert.NotEqual(default, Run(seed).Checker.Acknowledged);

    private static SimCluster Run(ulong seed)
    {
        SimCluster cluster = new(seed);
        try
        {
            cluster.Run(faultMilliseconds: 8000, healMilliseconds: 5000);
        }
        catch (Exception e)
        {
            string replay = $"NORI_RAFT_SEEDS={seed} dotnet test --project tests/Nori.Raft.Core.Tests "
                + $"--filter-class {typeof(RandomClusterTests).FullName}";
            bool tellsStory = Seeds().Count == 1;
            throw new XunitException($"seed {seed}: {e.Message}\nreplay: {replay}\n{(tellsStory ? cluster.Story : "")}", e);
        }

        return cluster;
    }

    private static (ulong First, int Count) Seeds()
    {
        string? text = Environment.GetEnvironmentVariable("NORI_RAFT_SEEDS");
        if (string.IsNullOrEmpty(text)) return (1, SeedsInSuite);
        string[] parts = text.Split('+');
        return (ulong.Parse(parts[0]), parts.Length > 1 ? int.Parse(parts[1]) : 1);
    }
}
