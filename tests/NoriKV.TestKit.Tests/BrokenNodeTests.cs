using System.Text;
using Nori.IO;
using NoriKV.Node;
using NoriKV.TestKit.Simulation;
using NoriKV.Types;

namespace NoriKV.TestKit.Tests;

/// <summary>Checkers that cannot fail prove nothing: doubles at the ports break promises, and each is caught.</summary>
public sealed class BrokenNodeTests(ITestOutputHelper output)
{
    private const FaultKinds Restarts = FaultKinds.Crash | FaultKinds.Kill | FaultKinds.ClientCut;

    [Fact]
    public void A_disk_that_lies_about_syncs_loses_what_was_acknowledged()
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            Faults = FaultKinds.Crash,
            WrapFileSystem = (_, files) => Lying(files),
        });
        Assert.Contains(violation.Checker, (string[])["linearizable", "no_crash", "versions_never_back", "files_intact"]);
    }

    [Fact]
    public void A_node_that_answers_reads_from_memory_of_its_own_is_stale()
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            Faults = FaultKinds.None,
            WrapNode = node => new RememberingNode(node),
        });
        Assert.Equal("linearizable", violation.Checker);
        Assert.Contains("no order explains these calls", violation.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_forgets_who_asks_does_a_repeated_write_twice()
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            Faults = Restarts | FaultKinds.Pause,
            WrapNode = node => new ForgetfulNode(node),
        });
        Assert.Contains(violation.Checker, (string[])["exactly_once", "linearizable"]);
    }

    // With all faults: most runs are like that, and whatever they might have done to clocks, most of them did not.
    [Theory]
    [InlineData(0.25)]
    [InlineData(6)]
    public void A_node_that_keeps_values_for_too_short_or_too_long_is_noticed(double factor)
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            WrapNode = node => new TimelessNode(node, factor),
        });
        Assert.Equal("expiry", violation.Checker);
    }

    [Fact]
    public void A_node_that_answers_on_a_thread_of_its_own_is_noticed()
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            Faults = FaultKinds.None,
            WrapNode = node => new StrayingNode(node),
        });
        Assert.Equal("one_thread", violation.Checker);
        Assert.Contains("ServeAsync", violation.What, StringComparison.Ordinal);
    }

    [Fact]
    public void What_ends_a_run_is_a_violation_of_its_seed()
    {
        Violation violation = FirstViolation(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            WrapNode = _ => throw new InvalidOperationException("a double that does not work"),
        });
        Assert.Contains(violation.Checker, (string[])["simulation", "no_crash"]);
        Assert.Contains("a double that does not work", violation.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failing_run_is_made_smaller_and_still_fails()
    {
        SimulationReport failed = FirstFailure(seed => new SimulationOptions
        {
            Seed = seed,
            Nodes = 1,
            Faults = FaultKinds.Crash | FaultKinds.Pause | FaultKinds.Snapshot,
            WrapFileSystem = (_, files) => Lying(files),
        });
        SimulationReport smallest = SimulationMinimizer.Minimize(failed);
        output.WriteLine($"{failed.Faults} faults, {failed.Operations} operations -> {smallest.Faults}, {smallest.Operations}");
        Assert.False(smallest.IsGood);
        Assert.Equal(failed.Violations[0].Checker, smallest.Violations[0].Checker);
        Assert.True(smallest.Faults < failed.Faults || smallest.Operations < failed.Operations, "it is not smaller");
        Assert.Equal(smallest.TraceHash, ClusterSimulation.Run(smallest.Options).TraceHash);
    }

    private Violation FirstViolation(Func<ulong, SimulationOptions> options)
    {
        Violation violation = FirstFailure(options).Violations[0];
        output.WriteLine($"{violation.Checker}: {violation.What}");
        return violation;
    }

    private SimulationReport FirstFailure(Func<ulong, SimulationOptions> options)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            SimulationReport report = ClusterSimulation.Run(options(seed));
            if (report.IsGood) continue;
            output.WriteLine($"caught at seed {seed}");
            return report;
        }

        Assert.Fail("20 seeds did not notice it");
        return null;
    }

    private static FaultInjectingFileSystem Lying(IFileSystem files)
    {
        var lying = new FaultInjectingFileSystem(files);
        lying.Add(new FaultRule
        {
            Operation = FileOperation.Sync,
            PathPattern = "*/log/*",
            Skip = true,
            Times = FaultRule.Forever,
        });
        return lying;
    }

    private sealed class RememberingNode(INoriNode inner) : DelegatingNode(inner)
    {
        private readonly Dictionary<string, KvResult<GetResult>> _remembered = [];

        public override async ValueTask<KvResult<GetResult>> GetAsync(
            ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context)
        {
            string name = Encoding.UTF8.GetString(key.Span);
            if (_remembered.Remove(name, out KvResult<GetResult> old)) return old;
            KvResult<GetResult> found = await base.GetAsync(key, options, context).ConfigureAwait(false);
            if (found.IsOk) _remembered[name] = found;
            return found;
        }
    }

    /// <summary>Each read is answered when the next one comes, by another thread, while the run's own stands still.</summary>
    private sealed class StrayingNode(INoriNode inner) : DelegatingNode(inner)
    {
        private Action? _answer;
        private Task? _found;

        public override ValueTask<KvResult<GetResult>> GetAsync(
            ReadOnlyMemory<byte> key, ReadOptions options, RequestContext context)
        {
            // Whoever waits goes on within SetResult, on the other thread.
            if (_answer is { } earlier && _found is { IsCompleted: true })
                Task.Factory.StartNew(earlier, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Wait();
            var answer = new TaskCompletionSource<KvResult<GetResult>>();
            Task<KvResult<GetResult>> found = base.GetAsync(key, options, context).AsTask();
            (_found, _answer) = (found, () => answer.SetResult(found.Result));
            return new ValueTask<KvResult<GetResult>>(answer.Task);
        }
    }

    private sealed class TimelessNode(INoriNode inner, double factor) : DelegatingNode(inner)
    {
        public override ValueTask<KvResult<PutResult>> PutAsync(
            ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context) =>
            base.PutAsync(key, value, options with { Ttl = options.Ttl * factor }, context);
    }

    private sealed class ForgetfulNode(INoriNode inner) : DelegatingNode(inner)
    {
        public override ValueTask<KvResult<PutResult>> PutAsync(
            ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, PutOptions options, RequestContext context) =>
            base.PutAsync(key, value, options with { IdempotencyKey = null }, context);
    }
}
