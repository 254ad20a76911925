using Nori.Raft.Tests.Harness;

namespace Nori.Raft.Tests;

/// <summary>
/// Whole groups of the production driver in virtual time. NORI_RAFT_DRIVER_SEEDS=FIRST+COUNT runs others; a failure names
/// its seed and prints its story.
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void Groups_keep_what_they_acknowledged_and_come_right_again()
    {
        (ulong first, int count) = Seeds();
        Dictionary<CommandStatus, int> outcomes = [];
        int reads = 0, leases = 0, installs = 0;
        for (ulong seed = first; seed < first + (ulong)count; seed++)
        {
            SimGroup group = Run(seed);
            foreach ((CommandStatus status, int n) in group.Checker.Outcomes)
                outcomes[status] = outcomes.GetValueOrDefault(status) + n;
            reads += group.ReadsDone;
            leases += group.LeaseReads;
            installs += group.Installs;
        }

        output.WriteLine($"{count} seeds: {string.Join(", ", outcomes.OrderBy(o => o.Key).Select(o => $"{o.Value} {o.Key}"))};"
            + $" {reads} reads, {leases} of them under a lease; {installs} snapshots installed");
        if (count < 20) return;
        Assert.All(
            new[] { CommandStatus.Applied, CommandStatus.NotLeader, CommandStatus.Unknown, CommandStatus.Lost },
            status => Assert.True(outcomes.GetValueOrDefault(status) > 0, $"no command came out as {status}"));
        Assert.True(leases > 0, "no read under a lease");
        Assert.True(reads > leases, "no read by index");
        Assert.True(installs > 0, "no snapshot was installed");
    }

    [Fact]
    public void One_seed_is_one_run()
    {
        Assert.Equal(Run(7).Trace, Run(7).Trace);
        Assert.NotEqual(Run(7).Trace, Run(8).Trace);
    }

    private static SimGroup Run(ulong seed)
    {
        SimGroup group = new(seed);
        try
        {
            group.Run(faultMilliseconds: 12_000, healMilliseconds: 5_000);
            return group;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: NORI_RAFT_DRIVER_SEEDS={seed}+1\n{group.Story}", e);
        }
    }

    private static (ulong First, int Count) Seeds()
    {
        string[]? given = Environment.GetEnvironmentVariable("NORI_RAFT_DRIVER_SEEDS")?.Split('+');
        return given is null ? (1, 20) : (ulong.Parse(given[0]), int.Parse(given[1]));
    }
}
