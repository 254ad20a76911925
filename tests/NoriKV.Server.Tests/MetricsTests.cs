using System.Text;
using System.Text.RegularExpressions;
using NoriKV.Interop;

namespace NoriKV.Server.Tests;

/// <summary>/metrics of a cluster under load: named, documented, and what the contract and the alerts count on.</summary>
public sealed partial class MetricsTests
{
    private const string Begin = "<!-- begin: written by MetricsTests with UPDATE_GOLDEN=1 -->\n";
    private const string End = "<!-- end -->\n";

    // docs/wire.md, Metrics.
    private static readonly string[] Contract =
    [
        "kv_requests_total", "kv_request_duration_seconds", "lsm_compaction_duration_seconds", "lsm_memtable_bytes", "lsm_tables",
        "lsm_block_cache_hits_total", "lsm_block_cache_misses_total", "lsm_compaction_debt_bytes", "wal_records_total",
        "wal_fsync_duration_seconds", "wal_segments", "raft_leader_changes_total", "raft_elections_total",
        "raft_commit_duration_seconds", "raft_apply_duration_seconds", "raft_read_index_duration_seconds", "raft_groups",
        "swim_members", "swim_probes_total", "swim_rtt_seconds", "swim_failed_members_total", "swim_flaps_total",
    ];

    private static readonly string Doc = Path.Combine(InteropTools.RepositoryRoot, "docs", "metrics.md");

    [Fact]
    public async Task Every_metric_of_a_loaded_cluster_is_on_record_and_promtool_has_nothing_to_say()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3, static o => o with
        {
            SwimEnabled = true,
            OtlpEnabled = true,
            OtlpEndpoint = "http://127.0.0.1:1",
        });
        await LoadAsync(cluster);
        string text = await cluster[0].Http.GetStringAsync("/metrics");

        Assert.All(Contract, name => Assert.Contains($"# TYPE norikv_{name} ", text, StringComparison.Ordinal));
        Assert.Contains("\nprocess_cpu_seconds_total ", text, StringComparison.Ordinal);
        Assert.Contains("\ndotnet_gc_pause_seconds_total ", text, StringComparison.Ordinal);
        Assert.DoesNotContain("shard_id=", text, StringComparison.Ordinal);
        // What was not dropped has no reason.
        const string Dropped = "norikv_swim_messages_dropped_total{reason=";
        Assert.Contains(Dropped + "\"malformed\"}", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Dropped + "\"ok\"}", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Dropped + "\"none\"}", text, StringComparison.Ordinal);
        Assert.InRange(text.Count(static c => c == '\n'), 100, 3000);
        CheckDocumentation(text);
        if (PromTool.IsThere) Assert.Equal(string.Empty, await PromTool.RunAsync(text, "check", "metrics"));
        else PromTool.Skip();
    }

    [Fact]
    public async Task The_alert_rules_hold_and_fire_in_their_tests()
    {
        if (!PromTool.IsThere) PromTool.Skip();
        string folder = Path.Combine(InteropTools.RepositoryRoot, "deploy", "prometheus");
        foreach ((string verb, string what, string file) in ((string, string, string)[])
            [("check", "rules", "norikv.rules.yml"), ("test", "rules", "norikv.rules.test.yml"), ("check", "config", "prometheus.yml")])
        {
            string said = await PromTool.RunAsync("", verb, what, Path.Combine(folder, file));
            Assert.Contains("SUCCESS", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Rules_and_the_dashboard_ask_only_for_metrics_that_exist()
    {
        string known = await File.ReadAllTextAsync(Doc);
        string deploy = Path.Combine(InteropTools.RepositoryRoot, "deploy");
        string asked = await File.ReadAllTextAsync(Path.Combine(deploy, "prometheus", "norikv.rules.yml"))
            + await File.ReadAllTextAsync(Path.Combine(deploy, "grafana", "norikv.json"));
        string[] names = [.. Name().Matches(asked).Select(static m => Family(m.Value)).Distinct()];
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains($"| `{name}` |", known, StringComparison.Ordinal));
        using var dashboard = System.Text.Json.JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(deploy, "grafana", "norikv.json")));
        Assert.True(dashboard.RootElement.GetProperty("panels").GetArrayLength() > 10);
    }

    // The panel and the alert say the same, as of NorikvQuorumLost: a node whose disk stands still knows no leaders although others lead.
    [Fact]
    public async Task The_dashboards_shards_without_a_leader_are_those_of_the_cluster_not_of_one_node()
    {
        if (!PromTool.IsThere) PromTool.Skip();
        string file = Path.Combine(InteropTools.RepositoryRoot, "deploy", "grafana", "norikv.json");
        using var dashboard = System.Text.Json.JsonDocument.Parse(await File.ReadAllTextAsync(file));
        string asked = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Single(static p => p.GetProperty("title").GetString() == "Shards without a leader")
            .GetProperty("targets")[0].GetProperty("expr").GetString()!
            .Replace("$job", "norikv", StringComparison.Ordinal).Replace("$cluster", ".*", StringComparison.Ordinal);
        // At minute 1 n2 knows no leader of 30 that n1 leads; from minute 2 on nobody leads them.
        string test = $$"""
            evaluation_interval: 1m
            tests:
              - interval: 1m
                input_series:
                  - {series: 'norikv_cluster_shards{job="norikv", instance="n1"}', values: '64x9'}
                  - {series: 'norikv_raft_groups{job="norikv", instance="n1", role="leader"}', values: '30x1 0x7'}
                  - {series: 'norikv_raft_groups{job="norikv", instance="n2", role="leader"}', values: '34x8'}
                  - {series: 'norikv_raft_groups_without_leader{job="norikv", instance="n2"}', values: '0 30x8'}
                promql_expr_test:
                  - {expr: '{{asked}}', eval_time: 1m, exp_samples: [{labels: '{}', value: 0}]}
                  - {expr: '{{asked}}', eval_time: 3m, exp_samples: [{labels: '{}', value: 30}]}
            """;
        string script = Path.Combine(Path.GetTempPath(), $"norikv-panel-{Guid.NewGuid():N}.yml");
        try
        {
            await File.WriteAllTextAsync(script, test);
            Assert.Contains("SUCCESS", await PromTool.RunAsync("", "test", "rules", script), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(script);
        }
    }

    private static async Task LoadAsync(TestCluster cluster)
    {
        string[] keys = [.. Enumerable.Range(0, 60).Select(static i => $"key-{i}")];
        foreach (string key in keys)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            // Which node leads a key's shard is nobody's business here: one of the three takes it.
            while (!await TryEachAsync(cluster, key)) await Task.Delay(20, limit.Token);
        }
    }

    private static async Task<bool> TryEachAsync(TestCluster cluster, string key)
    {
        bool taken = false;
        foreach (TestServer server in cluster.Servers)
        {
            taken |= (await server.Http.PutAsync($"/kv/{key}", new StringContent(new string('x', 500)))).IsSuccessStatusCode;
            (await server.Http.GetAsync($"/kv/{key}")).Dispose();
        }

        return taken;
    }

    private static void CheckDocumentation(string scraped)
    {
        string doc = File.Exists(Doc) ? File.ReadAllText(Doc) : Begin + End;
        int begin = doc.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = doc.IndexOf(End, StringComparison.Ordinal);
        string table = TableOf(scraped);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(Doc, doc[..begin] + table + doc[end..]);
            return;
        }

        string[] was = doc[begin..end].Split('\n'), now = table.Split('\n');
        Assert.True(
            doc[begin..end] == table,
            "docs/metrics.md differs; run this test with UPDATE_GOLDEN=1 and read what changed:\n"
            + string.Join('\n', was.Except(now).Select(static l => "- " + l).Concat(now.Except(was).Select(static l => "+ " + l))));
    }

    private static string TableOf(string scraped)
    {
        var table = new StringBuilder("| metric | type | labels | |\n|---|---|---|---|\n");
        foreach (Match help in Help().Matches(scraped))
        {
            string name = help.Groups[1].Value;
            string type = Regex.Match(scraped, $"^# TYPE {name} (\\w+)$", RegexOptions.Multiline).Groups[1].Value;
            string[] labels = [.. Regex
                .Matches(scraped, $"^{name}(?:_bucket|_sum|_count)?{{(.*)}} ", RegexOptions.Multiline)
                .SelectMany(static m => LabelName().Matches(m.Groups[1].Value).Select(static l => l.Groups[1].Value))
                .Where(static l => l != "le")
                .Distinct()
                .Order()];
            table.Append($"| `{name}` | {type} | {string.Join(", ", labels)} | {help.Groups[2].Value} |\n");
        }

        return table.ToString();
    }

    private static string Family(string name) =>
        Regex.Replace(name, "_(bucket|sum|count)$", "", RegexOptions.None, TimeSpan.FromSeconds(1));

    [GeneratedRegex("^# HELP (\\S+) (.*)$", RegexOptions.Multiline)]
    private static partial Regex Help();

    [GeneratedRegex("(\\w+)=\"")]
    private static partial Regex LabelName();

    [GeneratedRegex("\\b(?:norikv|dotnet|process)_[a-z0-9_]+")]
    private static partial Regex Name();
}
