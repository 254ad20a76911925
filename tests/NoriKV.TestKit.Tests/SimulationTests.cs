using System.Diagnostics;
using NoriKV.TestKit.Simulation;

namespace NoriKV.TestKit.Tests;

public sealed class SimulationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
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

    [Fact]
    public async Task Another_process_gives_the_same_trace()
    {
        string here = $"{Run(11, 3).TraceHash:x16} {Run(13, 1).TraceHash:x16}";
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        string own = typeof(SimulationTests).Assembly.Location;
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(own);
        start.ArgumentList.Add("--filter-method");
        start.ArgumentList.Add("*" + nameof(Prints_two_hashes));
        start.ArgumentList.Add("--show-live-output");
        start.ArgumentList.Add("on");
        using Process process = Process.Start(start)!;
        string printed = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains($"hashes: {here}", printed, StringComparison.Ordinal);
    }

    [Fact]
    public void Prints_two_hashes()
    {
        SimulationReport first = Run(11, 3), second = Run(13, 1);
        output.WriteLine($"hashes: {first.TraceHash:x16} {second.TraceHash:x16}");
        Assert.NotEqual(first.TraceHash, second.TraceHash);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_kind_of_fault_is_reached(FaultKinds kind)
    {
        SimulationReport report = ClusterSimulation.Run(new SimulationOptions
        {
            Seed = 3,
            Nodes = 3,
            Faults = kind,
            Safety = TimeSpan.FromSeconds(30),
        });
        AssertGood(report);
        Assert.True(report.Counts.GetValueOrDefault($"fault.{kind}") > 0, "the fault was never done");
    }

    public static TheoryData<FaultKinds> Kinds() =>
        [.. Enum.GetValues<FaultKinds>().Where(k => System.Numerics.BitOperations.IsPow2((int)k))];

    /// <summary>Seeds that found something, kept: what each found is in its row.</summary>
    [Theory]
    [InlineData(1109, 3)] // A damaged replica of a group that slept was never healed: nobody spoke to it.
    [InlineData(5048, 3)] // A table that rotted fails every compaction: the node is given up, the others go on.
    [InlineData(20262, 3)] // Stopping a node without loops waited for a flush for ever: ticks and messages went on inside it.
    [InlineData(17954451890090, 3)] // A read that failed while engines opened (EIO) passed for rot, and a sound node lost its votes.
    [InlineData(17954451891078, 3)] // The same in a compaction.
    public void A_seed_that_once_failed_holds(ulong seed, int nodes) => AssertGood(Run(seed, nodes));

    // faults.md R1: all groups elect at once behind a restart of all nodes, and each must be led within 10 s.
    [Fact]
    [Trait("Category", "Slow")]
    public void A_thousand_groups_are_led_within_ten_seconds_of_a_restart_of_all_nodes()
    {
        SimulationReport report = ClusterSimulation.Run(new SimulationOptions
        {
            Seed = 1,
            Shards = 1024,
            Faults = FaultKinds.CrashAll,
            Safety = TimeSpan.FromSeconds(5),
        });
        AssertGood(report);
        Assert.InRange(report.RestartedAfter!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        output.WriteLine($"healed after {report.HealedAfter}, restarted after {report.RestartedAfter}");
    }

    // Else a run whose calls nobody could judge would be as good as one whose calls all are right.
    [Fact]
    public void A_key_that_was_not_decided_is_told()
    {
        var options = new SimulationOptions { Seed = 11, Safety = TimeSpan.FromSeconds(8), StatesMax = 1 };
        SimulationReport report = ClusterSimulation.Run(options);
        Assert.True(report.IsGood, string.Join("; ", report.Violations));
        Assert.False(report.Holds());
        Assert.NotEmpty(report.UndecidedKeys);
        Assert.All(report.UndecidedKeys, key => Assert.Contains(
            report.Story, line => line.Contains($"calls on key {key}, within 1 states", StringComparison.Ordinal)));
        var summary = new SimulationSummary();
        summary.Add(report, hundredth: false);
        Assert.Equal([11UL], summary.Undecided);
        Assert.Contains("| 0, and 1 undecided |", summary.Row("c", "3"), StringComparison.Ordinal);
        Assert.Empty(ClusterSimulation.Run(options with { StatesMax = 1000 }).UndecidedKeys);
        Assert.Contains("StatesMax must be at least 1", (options with { StatesMax = 0 }).Validate());
    }

    [Fact]
    public void A_run_leaves_nothing_behind()
    {
        List<WeakReference> nodes = RunAndWatch(count: 6);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.True(nodes.Count >= 2 * 6 * 3, "each run starts every node twice");
        Assert.Equal(0, nodes.Count(static n => n.IsAlive));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static List<WeakReference> RunAndWatch(ulong count)
    {
        var seen = new List<WeakReference>();
        for (ulong seed = 1; seed <= count; seed++)
        {
            SimulationReport report = ClusterSimulation.Run(new SimulationOptions
            {
                Seed = seed,
                Nodes = 3,
                Safety = TimeSpan.FromSeconds(4),
                WrapNode = node =>
                {
                    seen.Add(new WeakReference(node));
                    return node;
                },
            });
            Assert.True(report.IsGood, $"seed {seed}: {string.Join("; ", report.Violations)}");
        }

        return seen;
    }

    private void AssertGood(SimulationReport report)
    {
        if (report.Holds()) return;
        output.WriteLine(string.Join('\n', report.Story));
        Assert.Fail($"norikv sim --seed {report.Options.Seed} --nodes {report.Options.Nodes}: {report.Why()}");
    }

    private static SimulationReport Run(ulong seed, int nodes) =>
        ClusterSimulation.Run(new SimulationOptions { Seed = seed, Nodes = nodes });
}
