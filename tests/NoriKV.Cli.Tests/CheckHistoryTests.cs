using System.Text;
using System.Text.Json;

namespace NoriKV.Cli.Tests;

public sealed class CheckHistoryTests : IDisposable
{
    private static readonly string[] Good = [.. Line(1, "write", "a"), .. Line(2, "read", "a")];
    private static readonly string[] Stale = [.. Line(1, "write", "a"), .. Line(1, "write", "b"), .. Line(2, "read", "a")];

    private readonly CliRunner _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_linearizable_history_ends_with_0()
    {
        Assert.Equal(0, await _cli.RunAsync(["check-history", Write("good.jsonl", Good)]));
        Assert.Matches(@"good\.jsonl: linearizable \(2 calls, 1 key; \d+\.\d{3} s\)\n$", _cli.Output);
        Assert.Equal(0, await _cli.RunAsync(["check-history", _cli.File("good.jsonl"), "--max-states", "9223372036854775807"]));
    }

    [Fact]
    public async Task A_stale_read_ends_with_1_and_is_drawn()
    {
        Assert.Equal(1, await _cli.RunAsync(["check-history", Write("good.jsonl", Good), Write("stale.jsonl", Stale)]));
        Assert.Contains("stale.jsonl: NOT linearizable (3 calls, 1 key; ", _cli.Output);
        Assert.Contains("key k: no order explains these calls", _cli.Output);
        Assert.Contains("* client   2", _cli.Output);
        Assert.Equal(1, await _cli.RunAsync(["check-history", "--quiet", _cli.File("stale.jsonl")]));
        Assert.DoesNotContain("client", _cli.Output);
    }

    [Fact]
    public async Task One_that_cannot_be_read_ends_with_2_and_says_where()
    {
        string bad = Write("bad.log", ["INFO  jepsen.util - 0\t:invoke\t:read\tnil", "INFO  jepsen.util - 0\t:ok\t:peek\tnil"]);
        Assert.Equal(2, await _cli.RunAsync(["check-history", bad, Write("good.jsonl", Good)]));
        Assert.Contains("bad.log: line 2, column 27: unknown operation :peek", _cli.Error);
        Assert.Contains("good.jsonl: linearizable", _cli.Output);
        Assert.Equal(2, await _cli.RunAsync(["check-history", _cli.File("missing")]));
        Assert.Contains("missing", _cli.Error);
        Assert.Equal(2, await _cli.RunAsync(["check-history", _cli.Folder]));
        Assert.Contains("this is a directory", _cli.Error);
        Assert.Equal(2, await _cli.RunAsync(["check-history"]));
    }

    // Else a script that goes by the code takes a broken promise for a broken file.
    [Fact]
    public async Task One_that_is_not_linearizable_ends_with_1_whatever_came_of_the_others()
    {
        string bad = Write("bad.log", ["INFO  jepsen.util - 0\t:ok\t:read\tnil"]), stale = Write("stale.jsonl", Stale);
        Assert.Equal(1, await _cli.RunAsync(["check-history", bad, stale]));
        Assert.Contains("bad.log: line 1, column 1", _cli.Error);
        Assert.Contains("stale.jsonl: NOT linearizable", _cli.Output);
        Assert.Equal(1, await _cli.RunAsync(["check-history", stale, Write("empty.jsonl", [])]));
    }

    [Fact]
    public async Task One_without_calls_that_could_be_judged_ends_with_2()
    {
        string[] files =
        [
            Write("empty.jsonl", []),
            Write("lines.log", ["INFO  jepsen.core - Running test", ""]),
            Write("failed.jsonl", [.. Line(1, "write", "a").Select(static l => l.Replace(":\"ok", ":\"fail", StringComparison.Ordinal))]),
            Write("open.jsonl", [Line(1, "read", "a")[0]]),
        ];
        foreach (string file in files)
        {
            Assert.Equal(2, await _cli.RunAsync(["check-history", file]));
            Assert.Contains($"{file}: it holds no calls that could be judged", _cli.Error);
            Assert.Empty(_cli.Output);
        }

        Assert.Equal(2, await _cli.RunAsync(["check-history", Write("good.jsonl", Good), files[0], "--html", _cli.File("page.html")]));
        Assert.Contains("1 of 2 histories cannot be judged", await File.ReadAllTextAsync(_cli.File("page.html")));
    }

    // Two values of bytes that are no text would become one and the same, and a stale read a good one.
    [Fact]
    public async Task Bytes_that_are_no_text_are_not_taken_for_equal_values()
    {
        byte[] history = Encoding.Latin1.GetBytes(string.Join('\n', [.. Line(1, "write", "\u00fe"), .. Line(2, "read", "\u00ff")]));
        Assert.Equal(2, await _cli.RunAsync(["check-history", "-"], history));
        Assert.Contains("-: there are bytes in it that are no UTF-8", _cli.Error);
    }

    [Fact]
    public async Task One_that_cannot_be_decided_ends_with_2_and_says_what_to_do()
    {
        // Writes in any order, and a read of what is written only later: what no order explains is known when all were tried.
        List<string> lines = [.. Enumerable.Range(1, 10).Select(i => Line(i, "write", $"{i}")[0])];
        lines.AddRange(Enumerable.Range(1, 10).Select(i => Line(i, "write", $"{i}")[1]));
        lines.AddRange([.. Line(1, "read", "b"), Line(2, "write", "b")[0], Line(3, "write", "b")[0]]);
        string hard = Write("hard.jsonl", [.. lines]);
        Assert.Equal(2, await _cli.RunAsync(["check-history", hard, "--max-states", "100", "--html", _cli.File("page.html")]));
        Assert.Contains("hard.jsonl: key k cannot be decided within 100 states: allow more with --max-states", _cli.Error);
        Assert.Empty(_cli.Output);
        Assert.Contains("undecided", await File.ReadAllTextAsync(_cli.File("page.html")));
        Assert.Equal(2, await _cli.RunAsync(["check-history", hard, "--max-states", "100", "--json"]));
        JsonElement line = JsonDocument.Parse(_cli.Output).RootElement;
        Assert.False(line.TryGetProperty("linearizable", out _));
        Assert.Equal(1, line.GetProperty("keys_undecided").GetInt32());
        Assert.Equal(1, await _cli.RunAsync(["check-history", hard]));
        Assert.Equal(2, await _cli.RunAsync(["check-history", hard, "--max-states", "0"]));
    }

    [Fact]
    public async Task Programs_get_an_object_for_each_history()
    {
        string bad = Write("bad.log", ["INFO  jepsen.util - 0\t:ok\t:read\tnil"]);
        Assert.Equal(1, await _cli.RunAsync(["check-history", "--json", Write("stale.jsonl", Stale), bad]));
        JsonElement[] lines = [.. _cli.Output.TrimEnd('\n').Split('\n').Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.False(lines[0].GetProperty("linearizable").GetBoolean());
        Assert.InRange(lines[0].GetProperty("seconds").GetDouble(), 0, 3600);
        JsonElement contradiction = lines[0].GetProperty("contradiction");
        JsonElement culprit = contradiction.GetProperty("calls").EnumerateArray().Single(c => c.TryGetProperty("culprit", out _));
        Assert.Equal(("read -> a", 5), (culprit.GetProperty("call").GetString(), culprit.GetProperty("called").GetInt32()));
        Assert.Equal("line 1, column 1: process 0 returns without a call", lines[1].GetProperty("problem").GetString());
    }

    [Fact]
    public async Task A_page_has_the_verdicts_and_a_drawing_and_needs_no_other_file()
    {
        string page = _cli.File("page.html");
        Assert.Equal(1, await _cli.RunAsync(["check-history", "--html", page, Write("<stale>.jsonl", Stale), Write("good.jsonl", Good)]));
        string html = await File.ReadAllTextAsync(page);
        Assert.Contains("1 of 2 histories are not linearizable", html);
        Assert.Contains("&lt;stale&gt;.jsonl", html);
        Assert.Contains("class='culprit'", html);
        Assert.DoesNotContain("<stale>", html);
        Assert.DoesNotContain("http", html);
    }

    [Fact]
    public async Task Standard_input_is_a_history_too()
    {
        byte[] input = Encoding.UTF8.GetBytes(string.Join('\n', Stale));
        Assert.Equal(1, await _cli.RunAsync(["check-history", "-"], input));
        Assert.Equal(2, await _cli.RunAsync(["check-history", "-", "-"], input));
        Assert.Contains("standard input can be read once", _cli.Error);
    }

    private string Write(string name, string[] lines)
    {
        File.WriteAllLines(_cli.File(name), lines);
        return _cli.File(name);
    }

    private static string[] Line(int process, string f, string value) =>
    [
        $$"""{"process":{{process}},"type":"invoke","f":"{{f}}","key":"k","value":"{{(f == "read" ? "" : value)}}"}""",
        $$"""{"process":{{process}},"type":"ok","f":"{{f}}","key":"k","value":"{{value}}"}""",
    ];
}
