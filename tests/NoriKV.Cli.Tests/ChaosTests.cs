using System.Diagnostics;
using System.Text.Json;
using NoriKV.Cli.Chaos;
using NoriKV.Cli.Commands;
using NoriKV.Cli.Console;
using NoriKV.Cli.Chaos.Network;
using NoriKV.Cli.Chaos.Nodes;
using NoriKV.Cli.Chaos.Checks;
using Nori.Core;

namespace NoriKV.Cli.Tests;

/// <summary>The parts of <c>norikv chaos</c> that need no cluster.</summary>
public sealed class ChaosTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    public void Equal_seeds_draw_equal_plans_and_the_first_round_has_every_kind()
    {
        var options = new ChaosOptions { Seed = 7, Round = TimeSpan.FromMinutes(1) };
        IReadOnlyList<ChaosAction> plan = ChaosPlan.Draw(options, 0);
        Assert.Equal(plan, ChaosPlan.Draw(options, 0));
        Assert.NotEqual(plan, ChaosPlan.Draw(options with { Seed = 8 }, 0));
        Assert.True(plan.Count > 18);
        Assert.Equal(ChaosFaults.All, plan.Aggregate(ChaosFaults.None, static (all, a) => all | a.Kind));
        Assert.Single(plan, static a => a.Kind == ChaosFaults.BitFlip);
        Assert.Single(plan, static a => a.Kind == ChaosFaults.Replace);
    }

    [Fact]
    public void A_plan_has_only_what_was_asked_for()
    {
        var options = new ChaosOptions { Seed = 3, Faults = ChaosFaults.Kill | ChaosFaults.Pause };
        ChaosAction[] all = [.. Enumerable.Range(0, 20).SelectMany(round => ChaosPlan.Draw(options, round))];
        Assert.NotEmpty(all);
        Assert.All(all, static a => Assert.True(a.Kind is ChaosFaults.Kill or ChaosFaults.Pause));
        Assert.All(all, a => Assert.InRange(a.At, TimeSpan.Zero, options.Round));
    }

    [Fact]
    public void A_run_with_a_history_that_could_not_be_judged_is_not_good_and_not_a_violation()
    {
        var report = new ChaosReport(TextWriter.Null, TimeProvider.System);
        Assert.Equal(ExitCode.Ok, ChaosCommand.Outcome(report));
        report.Undecided = 1;
        Assert.Equal(ExitCode.Usage, ChaosCommand.Outcome(report));
        report.Violate("linearizable", "");
        Assert.Equal(ExitCode.No, ChaosCommand.Outcome(report));
    }

    [Fact]
    public async Task A_link_that_two_faults_cut_opens_when_both_have_ended()
    {
        var link = new Link(TimeProvider.System);
        link.Cut();
        link.Cut();
        Task passing = link.PassAsync(0, default).AsTask();
        link.Mend();
        Assert.True(link.IsCut);
        Assert.False(passing.IsCompleted);
        link.Mend();
        await passing.WaitAsync(Bound, TestContext.Current.CancellationToken);
        link.Mend();
        link.Cut();
        Assert.True(link.IsCut);
        link.Heal();
        await link.PassAsync(0, default);
    }

    [Fact]
    public async Task A_narrow_link_holds_back_what_is_beyond_its_bandwidth_until_it_is_wide_again()
    {
        var link = new Link(TimeProvider.System) { BytesPerSecond = 1 };
        // A day's worth.
        Task first = link.PassAsync(86_400, default).AsTask(), second = link.PassAsync(1, default).AsTask();
        Assert.False(first.IsCompleted || second.IsCompleted, "streams share it");
        link.BytesPerSecond = 0;
        await Task.WhenAll(first, second).WaitAsync(Bound, TestContext.Current.CancellationToken);
        link.BytesPerSecond = long.MaxValue / 2;
        await link.PassAsync(1 << 20, default).AsTask().WaitAsync(Bound, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_flipped_bit_is_mended_where_it_still_is()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-flip-").FullName;
        try
        {
            string file = Path.Combine(folder, "000001.wal");
            byte[] before = [.. Enumerable.Range(0, 100).Select(static i => (byte)(i + 1)), .. new byte[50]];
            File.WriteAllBytes(file, before);
            FlippedBit flipped = FlippedBit.Flip(folder, new Prng(4))!;
            Assert.InRange(flipped.Offset, 0, 99);
            Assert.Single(File.ReadAllBytes(file).Zip(before), static p => p.First != p.Second);
            Assert.True(flipped.Mend());
            Assert.Equal(before, File.ReadAllBytes(file));
            Assert.False(flipped.Mend());
            File.Delete(file);
            Assert.False(flipped.Mend());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Orders_make_the_disk_fail_and_well_again_and_set_the_clock()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-orders-").FullName;
        try
        {
            var clock = new FaultyClock(TimeProvider.System);
            using var disk = new FaultyDisk(TimeProvider.System);
            var orders = new FaultOrders(disk, clock);
            string path = Path.Combine(folder, "f");
            using Nori.IO.IFile file = disk.Files.Open(path, Nori.IO.FileOpen.CreateNew);

            Assert.True(orders.Obey("disk full"));
            Assert.True(Assert.Throws<Nori.IO.StorageException>(() => file.Write(0, "x"u8)).IsDiskFull);
            Assert.True(orders.Obey("disk well"));
            file.Write(0, "x"u8);
            Assert.True(orders.Obey("disk fail sync"));
            Assert.Throws<Nori.IO.StorageException>(file.Sync);
            file.Sync();
            Assert.True(orders.Obey("clock 7200"));
            Assert.True(clock.GetUtcNow() > TimeProvider.System.GetUtcNow().AddHours(1));
            Assert.True(orders.Obey("clock 0"));
            Assert.True(clock.GetUtcNow() < TimeProvider.System.GetUtcNow().AddHours(1));
            Assert.False(orders.Obey("disk sing"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_clock_runs_as_fast_as_it_is_told_never_back_and_the_wall_clock_is_set_right_again()
    {
        var time = new SetTime();
        var clock = new FaultyClock(time);
        using var disk = new FaultyDisk(time);
        var orders = new FaultOrders(disk, clock);
        time.Now = TimeSpan.FromSeconds(100);
        long begun = clock.GetTimestamp();
        DateTimeOffset wall = clock.GetUtcNow();
        Assert.Equal(TimeSpan.FromSeconds(100).Ticks, begun);

        Assert.True(orders.Obey("clock rate 1.05"));
        time.Now += TimeSpan.FromSeconds(10);
        Assert.Equal(TimeSpan.FromSeconds(10.5), clock.GetElapsedTime(begun));
        Assert.Equal(wall.AddSeconds(10.5), clock.GetUtcNow());
        Assert.True(orders.Obey("clock rate 0.5"));
        Assert.Equal(TimeSpan.FromSeconds(10.5), clock.GetElapsedTime(begun));
        time.Now += TimeSpan.FromSeconds(10);
        Assert.Equal(TimeSpan.FromSeconds(15.5), clock.GetElapsedTime(begun));
        Assert.Equal(wall.AddSeconds(15.5), clock.GetUtcNow());

        Assert.True(orders.Obey("clock rate 1"));
        Assert.True(orders.Obey("clock 0"));
        Assert.Equal(TimeSpan.FromSeconds(15.5), clock.GetElapsedTime(begun));
        Assert.Equal(time.GetUtcNow(), clock.GetUtcNow());
        Assert.True(orders.Obey("clock rate 2 monotonic"));
        begun = clock.GetTimestamp();
        time.Now += TimeSpan.FromSeconds(1);
        Assert.Equal(TimeSpan.FromSeconds(2), clock.GetElapsedTime(begun));
        Assert.Equal(time.GetUtcNow(), clock.GetUtcNow());
        Assert.True(orders.Obey("clock -7"));
        Assert.Equal(time.GetUtcNow().AddSeconds(-7), clock.GetUtcNow());
        Assert.False(orders.Obey("clock rate 0"));
        Assert.False(orders.Obey("clock rate 2 backwards"));
    }

    [Fact]
    public void The_guard_kills_what_it_was_told_of_when_its_input_ends()
    {
        string folder = Directory.CreateTempSubdirectory("norikv-guard-").FullName;
        using Process left = Process.Start("sleep", "600")!;
        using Process gone = Process.Start("sleep", "600")!;
        var guard = new Guard(folder);
        guard.Add(left.Id);
        guard.Add(gone.Id);
        guard.Remove(gone.Id);
        Signals.Stop(left.Id);
        using Process shell = Process.GetProcessById(guard.Id);
        guard.Abandon();
        Assert.True(left.WaitForExit(Bound), "a stopped node outlived the guard");
        Assert.True(shell.WaitForExit(Bound));
        Assert.False(Directory.Exists(folder));
        Assert.False(gone.HasExited);
        gone.Kill();
    }

    [Fact]
    public void A_sealed_value_that_changed_is_found()
    {
        var values = new SealedValues();
        values.Add([new("a", "1"), new("b", null)]);
        Assert.Null(values.FindWrong(new Dictionary<string, string> { ["a"] = "1", ["c"] = "3" }));
        Assert.Contains("a is 2", values.FindWrong(new Dictionary<string, string> { ["a"] = "2" }));
        Assert.Contains("b is 9", values.FindWrong(new Dictionary<string, string> { ["a"] = "1", ["b"] = "9" }));
    }

    [Theory]
    [InlineData("chaos --nodes 10", "--nodes")]
    [InlineData("chaos --faults Sing", "Sing is not a list of Kill")]
    [InlineData("chaos --seconds nine", "not a duration")]
    [InlineData("chaos --clock-drift 100", "--clock-drift")]
    public async Task What_cannot_be_run_is_refused(string line, string words)
    {
        using var cli = new CliRunner();
        Assert.Equal(2, await cli.RunAsync(line));
        Assert.Contains(words, cli.Error);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_cluster_of_processes_survives_a_short_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "norikv chaos needs Linux");
        using var cli = new CliRunner();
        string folder = cli.File("chaos");
        string[] line =
        [
            "chaos", "--seed", "11", "--seconds", "12", "--shards", "8", "--rate", "100", "--heal-bound", "5m",
            "--faults", "Kill,Pause,Partition,OneWay,MoveLeader", "--json", "--data-dir", folder,
        ];
        int exit = await cli.RunAsync(line);
        string file = Path.Combine(folder, "story.txt");
        string story = File.Exists(file) ? await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken) : "";
        Assert.True(exit == 0, $"{cli.Error}\n{cli.Output}\n{story}");
        using JsonDocument report = JsonDocument.Parse(cli.Output);
        Assert.True(report.RootElement.GetProperty("good").GetBoolean());
        Assert.True(report.RootElement.GetProperty("acknowledged").GetInt64() > 0);
        Assert.True(report.RootElement.GetProperty("keys_judged").GetInt64() > 0);
    }

    private sealed class SetTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + Now;
    }
}
