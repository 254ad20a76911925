using NoriKV.TestKit.Simulation;

namespace NoriKV.TestKit.Tests;

public sealed class SimulationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    public void The_same_seed_gives_the_same_trace(int nodes)
    {
        SimulationReport first = Run(11, nodes);
        SimulationReport second = Run(11, nodes);
        Assert.Equal(first.TraceHash, second.TraceHash);
        Assert.Equal(first.Story, second.Story);
        Assert.NotEqual(first.TraceHash, Run(12, nodes).TraceHash);
    }

    [Fact]
    public void A_few_seeds_of_one_node_are_good()
    {
        for (ulong seed = 1; seed <= 20; seed++) AssertGood(Run(seed, 1));
    }

    private void AssertGood(SimulationReport report)
    {
        if (report.IsGood) return;
        output.WriteLine(string.Join('\n', report.Story));
        Assert.Fail(
            $"norikv sim --seed {report.Options.Seed} --nodes {report.Options.Nodes}: {report.Violations[0].Checker}: "
            + report.Violations[0].What);
    }

    private static SimulationReport Run(ulong seed, int nodes) =>
        ClusterSimulation.Run(new SimulationOptions { Seed = seed, Nodes = nodes });
}
