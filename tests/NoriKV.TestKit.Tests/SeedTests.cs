using System.Collections.Concurrent;
using System.Reflection;
using Nori.Core;
using NoriKV.TestKit.Simulation;

namespace NoriKV.TestKit.Tests;

/// <summary>Whole clusters, seed after seed. The fixed ones never change; the others are new with each commit.</summary>
public sealed class SeedTests(ITestOutputHelper output)
{
    private const int Jobs = 2;

    [Fact]
    public void A_few_seeds_hold_every_promise() => RunAll(Fixed(1, 12).Select(WithShape));

    [Fact]
    [Trait("Category", "Slow")]
    public void A_hundred_and_fifty_fixed_seeds_hold_every_promise() => RunAll(Fixed(1001, 150).Select(WithShape));

    [Fact]
    [Trait("Category", "Slow")]
    public void Fifty_seeds_that_follow_from_the_commit_hold_every_promise()
    {
        string commit = typeof(SeedTests).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        ulong first = XxHash64.Hash(System.Text.Encoding.UTF8.GetBytes(commit)) % 1_000_000_000 * 100;
        output.WriteLine($"{commit}: seeds {first} to {first + 49}");
        RunAll(Fixed(first, 50).Select(WithShape));
    }

    private static IEnumerable<ulong> Fixed(ulong first, int count) =>
        Enumerable.Range(0, count).Select(i => first + (ulong)i);

    // Three nodes; every fifth run has five.
    private static SimulationOptions WithShape(ulong seed) => new()
    {
        Seed = seed,
        Nodes = seed % 5 == 0 ? 5 : 3,
        StoryLinesMax = 0,
    };

    private void RunAll(IEnumerable<SimulationOptions> runs)
    {
        var summary = new SimulationSummary();
        var failed = new ConcurrentQueue<SimulationReport>();
        Parallel.ForEach(runs, new ParallelOptions { MaxDegreeOfParallelism = Jobs }, options =>
        {
            SimulationReport report = ClusterSimulation.Run(options);
            if (!report.Holds()) failed.Enqueue(report);
            lock (summary) summary.Add(report, hundredth: false);
        });
        output.WriteLine($"{summary.Runs} runs, {summary.VirtualTime.TotalHours:0.00} virtual hours, {summary.Operations} operations");
        foreach ((string path, long count) in summary.RarePaths) output.WriteLine($"{path}: {count}");
        Assert.True(
            failed.IsEmpty,
            string.Join('\n', failed.OrderBy(r => r.Options.Seed).Select(r =>
                $"norikv sim --seed {r.Options.Seed} --nodes {r.Options.Nodes}: {r.Why()}")));
        Assert.True(summary.Runs > 0, "nothing ran");
    }
}
