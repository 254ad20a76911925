using System.Text.Json;
using NoriKV.Cli.Sim;
using NoriKV.TestKit.Simulation;

namespace NoriKV.Cli.Tests;

public sealed class SimCommandTests
{
    [Fact]
    public async Task A_seed_tells_its_story_and_ends_with_its_hash_the_same_one_twice()
    {
        using var cli = new CliRunner();
        Assert.Equal(0, await cli.RunAsync("sim --seed 7 --nodes 1 --safety 4s"));
        string first = cli.Output;
        Assert.Matches("^trace hash: [0-9a-f]{16}$", first.TrimEnd('\n').Split('\n')[^1]);
        Assert.Contains("syncs", first, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("sim --seed 7 --nodes 1 --safety 4s"));
        Assert.Equal(first, cli.Output);
    }

    [Fact]
    public async Task A_recorded_run_is_the_same_run_and_can_be_replayed()
    {
        using var cli = new CliRunner();
        const string Run = "sim --seed 7 --safety 4s --faults Crash";
        Assert.Equal(0, await cli.RunAsync(Run));
        string story = cli.Output;
        string first = cli.File("first.jsonl"), second = cli.File("second.jsonl");
        Assert.Equal(0, await cli.RunAsync([.. Run.Split(' '), "--record", first]));
        Assert.Equal(story, cli.Output);
        Assert.Equal(0, await cli.RunAsync([.. Run.Split(' '), "--record", second]));
        Assert.Equal(await File.ReadAllTextAsync(first), await File.ReadAllTextAsync(second));

        Assert.Equal(0, await cli.RunAsync(["events", "--replay", first, "--speed", "0", "--json"]));
        JsonElement[] events = [.. cli.Output.TrimEnd('\n').Split('\n').Select(static l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal((await File.ReadAllLinesAsync(first)).Length - 1, events.Length);
        Assert.Contains(events, static e => Is(e, "Raft", "LeaderElected") && e.GetProperty("node").GetString()!.StartsWith('n'));
        Assert.Equal(["n1", "n2", "n3"], events.Where(static e => Is(e, "Sim", "Started"))
            .Select(static e => e.GetProperty("node").GetString()).Distinct().Order());
        Assert.All(events, static e => Assert.StartsWith("2026-01-01T00:", e.GetProperty("t").GetString(), StringComparison.Ordinal));
        Assert.Equal(events.Select(static e => e.GetProperty("t").GetString()).Order(StringComparer.Ordinal),
            events.Select(static e => e.GetProperty("t").GetString()));

        Assert.Equal(2, await cli.RunAsync(["sim", "--seed", "7", "--record", first]));
        Assert.Contains("exists", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync(["sim", "--seed", "7", "--count", "2", "--record", cli.File("third.jsonl")]));

        static bool Is(JsonElement e, string family, string kind) =>
            e.GetProperty("family").GetString() == family && e.GetProperty("kind").GetString() == kind;
    }

    [Fact]
    public async Task The_json_of_a_run_has_its_command()
    {
        using var cli = new CliRunner();
        Assert.Equal(0, await cli.RunAsync("sim --seed 8 --nodes 1 --safety 2s --operations 9 --json"));
        JsonElement run = JsonDocument.Parse(cli.Output).RootElement;
        Assert.True(run.GetProperty("good").GetBoolean());
        Assert.Equal(
            "norikv sim --seed 8 --nodes 1 --shards 8 --safety 2000ms --operations 9", run.GetProperty("command").GetString());
        Assert.True(run.GetProperty("disks")[0].GetProperty("syncs").GetInt64() > 0);
    }

    [Fact]
    public async Task Runs_with_keys_that_were_not_decided_end_with_2()
    {
        using var cli = new CliRunner();
        const string Run = "sim --seed 11 --safety 8s --max-states 1";
        Assert.Equal(2, await cli.RunAsync(Run));
        Assert.Contains("undecided within 1 states: ", cli.Output, StringComparison.Ordinal);
        Assert.Contains("undecided keys in seed 11: allow more with --max-states", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync(Run + " --json"));
        JsonElement run = JsonDocument.Parse(cli.Output).RootElement;
        Assert.True(run.GetProperty("good").GetBoolean());
        Assert.True(run.GetProperty("undecided_keys").GetArrayLength() > 0);
        Assert.EndsWith("--safety 8000ms --max-states 1", run.GetProperty("command").GetString(), StringComparison.Ordinal);

        Assert.Equal(2, await cli.RunAsync(Run + " --count 2"));
        Assert.Contains("2 with undecided keys", cli.Output, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync(Run + " --count 2 --json"));
        Assert.Equal(2, JsonDocument.Parse(cli.Output).RootElement.GetProperty("undecided_seeds").GetArrayLength());
    }

    [Fact]
    public async Task Many_runs_append_a_row_that_names_commit_seeds_and_hashes()
    {
        using var cli = new CliRunner();
        string file = cli.File("simulation.md");
        await File.WriteAllTextAsync(file, "# Simulation\n\nRuns:\n");
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(
                0, await cli.RunAsync(["sim", "--seed", "200", "--count", "3", "--nodes", "1", "--safety", "1s", "--report", file]));
        }

        string[] rows = [.. (await File.ReadAllLinesAsync(file)).Where(l => l.StartsWith('|'))];
        Assert.Equal(4, rows.Length);
        Assert.Equal(rows[2], rows[3]);
        Assert.Contains("| 1 --safety 1000ms | 200–202 | 3 |", rows[2], StringComparison.Ordinal);
        Assert.Matches("200: `[0-9a-f]{16}`", rows[2]);
    }

    [Fact]
    public async Task Runs_that_are_cut_short_leave_their_row()
    {
        using var cli = new CliRunner { Time = new BrokenClock(looks: 8) };
        string file = cli.File("simulation.md");
        Assert.NotEqual(
            0,
            await cli.RunAsync(
            ["sim", "--seed", "300", "--soak", "10m", "--jobs", "1", "--nodes", "1", "--safety", "1s", "--report", file]));
        string row = Assert.Single(await File.ReadAllLinesAsync(file), l => l.Contains("300–", StringComparison.Ordinal));
        Assert.Matches(@"\| 1 --safety 1000ms \| 300–30(\d) \| [2-9] \|", row);
    }

    [Fact]
    public async Task What_others_write_to_the_file_of_a_report_meanwhile_stays()
    {
        using var cli = new CliRunner();
        string file = cli.File("simulation.md");
        var runs = new SimulationSummary();
        var row = new ReportRow(file, "0123456789ab", "1");
        for (ulong seed = 1; seed <= 2; seed++)
        {
            var options = new SimulationOptions { Seed = seed, Nodes = 1, Safety = TimeSpan.FromSeconds(1) };
            runs.Add(ClusterSimulation.Run(options), hundredth: false);
            row.Write(runs);
            await File.AppendAllTextAsync(file, $"written behind run {seed}\n");
        }

        string[] lines = await File.ReadAllLinesAsync(file);
        string written = Assert.Single(lines, l => l.StartsWith("| 0123456789ab", StringComparison.Ordinal));
        Assert.Contains("| 1 | 1–2 | 2 |", written, StringComparison.Ordinal);
        Assert.Equal(["written behind run 1", "written behind run 2"], lines[^2..]);
    }

    // Else nothing says that the hashes of a row are not those of the command that the documentation names.
    [Fact]
    public async Task A_row_says_what_was_asked_for_otherwise()
    {
        using var cli = new CliRunner();
        string file = cli.File("simulation.md");
        Assert.Equal(0, await cli.RunAsync(
            ["sim", "--seed", "200", "--count", "2", "--safety", "1s", "--shards", "2", "--faults", "Crash,Kill", "--report", file]));
        Assert.Contains(
            "| 3 --shards 2 --safety 1000ms --faults Crash,Kill | 200–201 | 2 |", await File.ReadAllTextAsync(file),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sim --nodes 2", "Nodes must be 1, 3 or 5")]
    [InlineData("sim --faults Earthquake", "--faults: Earthquake is not a list of Crash")]
    [InlineData("sim --faults None,Crash", "--faults: None,Crash: All and None stand alone")]
    [InlineData("sim --faults 3", "--faults: 3 is not a list of Crash")]
    [InlineData("sim --rate nan", "OperationsPerSecond must be positive")]
    [InlineData("sim --operations -1", "OperationsMax must not be negative")]
    [InlineData("sim --count 2 --jobs 0", "--jobs must be at least 1")]
    [InlineData("sim --soak 10m --count 3", "--soak runs until the time is over: leave out --count")]
    [InlineData("sim --scenario grow --nodes 5", "--scenario has nodes of its own: leave out --nodes")]
    [InlineData("sim --scenario 3", "--scenario: 3 is none of grow")]
    [InlineData("sim --scenario none", "--scenario: none is none of grow")]
    [InlineData("sim --without 1,x", "--without: x is not a number")]
    [InlineData("sim --safety soon", "--safety: soon is not a duration")]
    public async Task What_cannot_be_asked_for_is_said(string line, string problem)
    {
        using var cli = new CliRunner();
        Assert.Equal(2, await cli.RunAsync(line));
        Assert.Contains(problem, cli.Error, StringComparison.Ordinal);
    }

    /// <summary>A clock that breaks after some looks: what ends a soak is not always its time.</summary>
    private sealed class BrokenClock(int looks) : TimeProvider
    {
        private int _left = looks;

        public override long GetTimestamp() =>
            _left-- > 0 ? base.GetTimestamp() : throw new InvalidOperationException("the clock broke");
    }
}
