using System.Net;
using System.Text.Json.Nodes;
using NoriKV.Server;
using NoriKV.Server.Tests;
using NoriKV.TestKit.Simulation;
using NoriKV.Types;

namespace NoriKV.Dashboard.Tests;

/// <summary>The dashboard in a headless Chromium, on a cluster of three nodes under load.</summary>
[Trait("Category", "Slow")]
public sealed partial class DashboardTests(DashboardCluster shared) : IClassFixture<DashboardCluster>, IAsyncDisposable
{
    private readonly List<BrowserPage> _pages = [];

    // A node has so many watchers at most: pages of tests that are over are not among them.
    public async ValueTask DisposeAsync()
    {
        foreach (BrowserPage page in _pages) await page.CallAsync("Page.close");
    }

    private const string Rates = "norikv.scene().nodes.reduce((s, n) => s + norikv.scene().rate(n.id, 'ops.put'), 0)";

    [Fact]
    public async Task Every_view_renders_with_live_data_and_the_console_stays_empty()
    {
        BrowserPage page = await OpenAsync();
        await page.WaitAsync($"{Rates} > 5");
        await page.WaitAsync("document.querySelectorAll('table.fold tbody tr').length === 3");
        await page.WaitAsync("document.querySelector('.figure strong').textContent !== '0/s'");
        Assert.Contains("3 nodes", await page.TextAsync("#where"), StringComparison.Ordinal);
        Assert.Equal("Live", await page.TextAsync("#state span"));
        await page.WaitAsync(Inked("main canvas[role=application]"));
        await page.WaitAsync("norikv.scene().frame.leaders.every(p => p > 0)");
        await page.WaitAsync("norikv.live.hasHour");
        await page.KeepAsync("cluster");

        // What the nodes remember of the hour and what the feed told are one time line: each election once.
        const string Elections = "norikv.live.events.filter(e => e.kind === 'LeaderElected').map(e => `${e.node} ${e.shard} ${e.term}`)";
        Assert.True((await page.EvaluateAsync($"new Set({Elections}).size === {Elections}.length"))!.GetValue<bool>());

        await ShowAsync(page, "shard/7");
        await page.WaitAsync("document.querySelectorAll('table.tapes tbody tr').length === 3");
        const string Rows = "[...document.querySelectorAll('table.tapes tbody tr')]";
        await page.WaitAsync($"{Rows}.filter(r => r.textContent.includes('leader')).length === 1");
        await page.WaitAsync("Number(document.querySelector('table.tapes tbody tr').cells[4].textContent) > 0");
        await page.WaitAsync(Inked("td.tape canvas"));
        await page.KeepAsync("shard");

        await ShowAsync(page, "storage");
        await page.WaitAsync("norikv.scene().value('n1', 'lsm.memtable') > 0");
        await page.WaitAsync("document.querySelector('main canvas[role=img]').getAttribute('aria-label').includes('Memory')");
        await page.WaitAsync(Inked("main .panel canvas[role=img]"));
        await page.KeepAsync("storage");

        await ShowAsync(page, "network");
        await page.WaitAsync("document.querySelectorAll('.ring .dot').length === 3");
        await page.WaitAsync("[...document.querySelectorAll('.matrix .word')].filter(w => w.textContent === 'alive').length === 6");
        await page.WaitAsync("[...document.querySelectorAll('.ring .flow')].some(f => Number(f.getAttribute('stroke-width')) > 1.5)");
        await page.KeepAsync("network");

        await ShowAsync(page, "requests");
        await page.WaitAsync("document.querySelectorAll('.path .bar i').length > 2");
        await page.KeepAsync("requests");

        await ShowAsync(page, "playback");
        await page.WaitAsync("document.querySelectorAll('.log.tall li').length > 0");
        await page.KeepAsync("playback");

        await ShowAsync(page, "keys");
        await page.WaitAsync("document.querySelector('main h2').textContent.includes('off')");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task An_election_and_a_compaction_are_seen_as_they_happen_and_playback_shows_them_again()
    {
        BrowserPage page = await OpenAsync("shard/9");
        await page.WaitAsync("document.querySelectorAll('table.tapes tbody tr').length === 3");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        string before, target;
        KvResult<ShardView> moved;
        do
        {
            await Task.Delay(20, patience.Token);
            await page.WaitAsync(
                "(s => { globalThis.asked = s.frame.t; return globalThis.led = s.nodes[s.frame.leaders[9] - 1].id; })(norikv.scene())");
            before = (await page.EvaluateAsync("led"))!.GetValue<string>();
            target = new[] { "n1", "n2", "n3" }.First(n => n != before);

            // The leader moves, and the page sees it without being asked to look again.
            moved = await shared.Cluster[before[1] - '1'].Server.Node.TransferShardAsync(
                new ShardId(9), target, new NoriKV.Node.RequestContext(long.MaxValue, "", CancellationToken.None));
        }
        while (moved.Error?.Code is KvCode.NotLeader or KvCode.FailedPrecondition); // a young cluster levels its leaderships

        Assert.True(moved.Error is null, moved.Error?.Message);

        // An election of their own may overtake the transfer: what counts is who led first and who leads.
        const string Leader = "norikv.scene().nodes[norikv.scene().frame.leaders[9] - 1]?.id";
        const string LeadsAsSaid = "document.querySelector('main .headline p').textContent.includes(`led by ${" + Leader + "}`)";
        const string Elected = "e => e.family === 'Raft' && e.kind === 'LeaderElected' && e.shard === 9 && e.at > asked";
        await page.WaitAsync($"norikv.live.events.some({Elected})");
        target = (await page.EvaluateAsync($"norikv.live.events.find({Elected}).node"))!.GetValue<string>();
        await page.WaitAsync($"{Leader} && {LeadsAsSaid}");
        await page.WaitAsync($"[...document.querySelectorAll('main .log li')].some(l => l.textContent.includes('{target} leads shard 9'))");
        await page.KeepAsync("election");

        // Compactions go on all the time under this load: one is seen from its beginning to its end.
        await ShowAsync(page, "storage");
        const string Finish = "e => e.family === 'Compaction' && e.kind === 'Finish' && e.at > performance.timeOrigin";
        await page.WaitAsync($"norikv.live.events.some({Finish})");
        string node = (await page.EvaluateAsync($"norikv.live.events.find({Finish}).node"))!.GetValue<string>();
        await page.EvaluateAsync($"[...document.querySelectorAll('.seg button')].find(b => b.dataset.value === '{node}').click()");
        await page.WaitAsync("[...document.querySelectorAll('.finding b')].some(b => b.textContent.startsWith('into L'))");
        await page.KeepAsync("compaction");

        // The same again, from the past: before the move the old leader led, behind it the new one.
        const string At = $"norikv.live.events.find({Elected}).at";
        string led = $"norikv.live.frames.findLast(f => f.t <= {At} && f.nodes[f.leaders[9] - 1]?.id === '{before}').t";
        // What is pulled close to the end is live.
        await page.WaitAsync($"norikv.live.to - {led} > 1000");
        await page.EvaluateAsync($"norikv.seek({led})");
        await ShowAsync(page, "shard/9");
        Assert.Equal("Playback", await page.TextAsync("#state span"));
        await page.WaitAsync($"document.querySelector('main .headline p').textContent.includes('led by {before}')");
        await page.EvaluateAsync("norikv.speed = 1, norikv.play(true)");
        await page.WaitAsync($"norikv.shown > {At} && {Leader} && {LeadsAsSaid}");
        await page.WaitAsync($"[...document.querySelectorAll('main ol li')].some(l => l.textContent.startsWith('{target} from '))");
        await ShowAsync(page, "storage");
        await page.EvaluateAsync($"norikv.seek(norikv.live.events.findLast(e => e.kind === 'Finish' && e.node === '{node}').at + 50)");
        await page.WaitAsync(
            "[...document.querySelectorAll('.finding b')].some(b => b.textContent.startsWith('into L') || b.textContent.includes('→'))");
        await page.EvaluateAsync("norikv.goLive()");
        await page.WaitAsync("document.querySelector('#state span').textContent === 'Live'");
        Assert.Empty(page.Complaints);
    }

    // Whoever opens the page sees what was before: who led, how much was done, and how the nodes were.
    [Fact]
    public async Task What_was_before_the_page_was_opened_is_as_it_was()
    {
        var shard = new ShardId(11);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        int from;
        do
        {
            from = LeaderOf();
            await HourStepsAsync();
        }
        while (from < 0 || LeaderOf() != from); // a young cluster levels its leaderships

        string before = $"n{from + 1}", target = $"n{((from + 1) % 3) + 1}";
        KvResult<ShardView> moved = await shared.Cluster[from].Server.Node.TransferShardAsync(
            shard, target, new NoriKV.Node.RequestContext(long.MaxValue, "", CancellationToken.None));
        Assert.True(moved.Error is null, moved.Error?.Message);
        while (LeaderOf() == from || LeaderOf() < 0) await Task.Delay(20, patience.Token);
        await HourStepsAsync();

        BrowserPage page = await OpenAsync("shard/11");
        await page.WaitAsync("norikv.live.hasHour");
        string elected = $"norikv.live.events.findLast(e => e.kind === 'LeaderElected' && e.shard === 11 && e.node === '{target}')";
        string at = $"{elected}.at";
        await page.WaitAsync($"{at} < norikv.live.frames.find(f => !f.isHour).t");

        // Until it stepped down the other one led, and from the moment of the election this one: by the events, not by the next sample.
        string left = $"norikv.live.events.findLast(e => e.kind === 'StepDown' && e.shard === 11 && e.at <= {at})?.at ?? {at} - 1000";
        await page.EvaluateAsync($"norikv.seek(({left}) - 20)");
        await page.WaitAsync($"document.querySelector('main .headline p').textContent.includes('led by {before}')");
        await page.EvaluateAsync($"norikv.seek({at} + 1)");
        await page.WaitAsync($"document.querySelector('main .headline p').textContent.includes('led by {target}')");
        const string Bars = "[...document.querySelectorAll('main ol li')].map(l => l.textContent)";
        await page.WaitAsync($"{Bars}.some(l => l.startsWith('{target} from ') && l.includes(new Date({at}).toTimeString().slice(0, 8)))");

        // Nothing is missing in what three nodes recorded, and rates neither jump nor fall below nothing.
        string last = $"norikv.live.frames.filter(f => f.isHour && f.t > {at} - 1500)";
        await page.WaitAsync($"{last}.length > 2 && {last}.every(f => f.leaders.every(p => p >= 1 && p <= 3))");
        await page.WaitAsync($"{last}.every(f => f.nodes.every(n => f.facts[n.place].members.length === 3 && !f.facts[n.place].silent))");
        double most = (await page.EvaluateAsync(
            "Math.max(...norikv.scene().series('ops.put', 60000).map(p => p[1]))"))!.GetValue<double>();
        Assert.InRange(most, 1, 100_000);
        await page.KeepAsync("hour");
        Assert.Empty(page.Complaints);

        int LeaderOf()
        {
            ShardReplicaView? leader = shared.Cluster[0].Server.Node.View.Shards[11].Replicas.FirstOrDefault(static r => r.IsLeader);
            return leader is null ? -1 : leader.NodeId[1] - '1';
        }

        Task HourStepsAsync() => Task.Delay(TimeSpan.FromSeconds(3), patience.Token);
    }

    // Nodes take samples at moments of their own: one taken after an election, beside one taken before it, says nothing of before.
    [Theory]
    [InlineData(21_400, "n1 1")]
    [InlineData(21_600, "- 2")]
    [InlineData(22_100, "n2 2")]
    [InlineData(30_100, "n2 2")]
    public async Task Who_led_in_the_hour_before_changes_with_the_election_and_not_with_a_sample(int at, string led)
    {
        BrowserPage page = await OpenAsync();
        await page.WaitAsync("norikv.live.hasHour");
        string told = (await page.EvaluateAsync($$"""
            (() => {
              const Tape = norikv.live.constructor, Scene = norikv.scene().constructor;
              const tape = new Tape();
              const event = (at, node, kind, term) => ({ t: new Date(at).toISOString(), node, family: 'Raft', kind, shard: 0, term });
              tape.take({ hello: true, process: 'p', shards: 1, buckets_us: [] });
              tape.take({ t: 90000, nodes: [{ id: 'n1', number: 1 }, { id: 'n2', number: 2 }], leaders: btoa('') });
              const hour = line => tape.take({ hour: line });
              hour({ node: 'n1', names: [], samples: [{ t: 30000, f: [], l: [0, 2, 2] }, { t: 20000, f: [], l: [0, 1, 1] }] });
              const others = [{ t: 34000, f: [], l: [0, 2, 2] }, { t: 24000, f: [] }, { t: 14000, f: [], l: [0, 1, 1] }];
              hour({ node: 'n2', names: [], samples: others });
              hour({ events: [event(21500, 'n1', 'StepDown', 2), event(22000, 'n2', 'LeaderElected', 2)] });
              hour({ done: true });
              const scene = new Scene(tape, {{at}}, false), { leaders, terms } = scene.frame;
              return `${scene.nodes[leaders[0] - 1]?.id ?? '-'} ${terms.get(0)}`;
            })()
            """))!.GetValue<string>();
        Assert.Equal(led, told);
    }

    [Fact]
    public async Task A_recording_is_played_back_and_a_broken_one_is_refused_with_its_line()
    {
        BrowserPage page = await OpenAsync("playback");
        const string Events = """
            {"format":"norikv-events","version":1}
            {"seq":1,"t":"2026-11-21T09:30:00.000Z","node":"n1","family":"Raft","kind":"LeaderElected","shard":3,"term":1}
            {"seq":2,"t":"2026-11-21T09:30:04.000Z","node":"n2","family":"Swim","kind":"Suspect","member":"n1","incarnation":1}
            {"seq":3,"t":"2026-11-21T09:30:08.000Z","node":"n2","family":"Raft","kind":"LeaderElected","shard":3,"term":2}
            """;
        await LoadAsync(page, "incident.jsonl", Events + "\n{\"seq\":4,\"t\":\"2026-11");
        await page.WaitAsync("norikv.source.name === 'incident.jsonl'");
        await page.EvaluateAsync("norikv.play(false), norikv.seek(Date.parse('2026-11-21T09:30:05Z'))");
        await ShowAsync(page, "shard/3");
        await page.WaitAsync("document.querySelector('main .headline p').textContent.includes('led by n1 in term 1')");
        await page.EvaluateAsync("norikv.seek(Date.parse('2026-11-21T09:30:08.5Z'))");
        await page.WaitAsync("document.querySelector('main .headline p').textContent.includes('led by n2 in term 2')");
        await ShowAsync(page, "network");
        await page.WaitAsync("document.querySelector('main .headline p').textContent.includes('n1 suspected')");

        // Suspicions are findings; and at its end Play begins again.
        await ShowAsync(page, "cluster");
        await page.WaitAsync("[...document.querySelectorAll('.finding')].some(f => f.textContent.includes('n1 does not answer probes'))");
        await page.EvaluateAsync("norikv.speed = 0.25, norikv.seek(norikv.source.to), norikv.play(true)");
        await page.WaitAsync("norikv.isPlaying && norikv.shown > norikv.source.from && norikv.shown < norikv.source.to");
        await page.EvaluateAsync("norikv.speed = 1, norikv.goLive()");

        await ShowAsync(page, "playback");
        await LoadAsync(page, "broken.jsonl", Events.Replace("\"seq\":2", "\"seq\":", StringComparison.Ordinal));
        await page.WaitAsync("document.querySelector('[role=alert]').textContent === 'line 3 of broken.jsonl is not JSON'");
        await LoadAsync(page, "newer.jsonl", """{"format":"norikv-events","version":2}""");
        await page.WaitAsync("document.querySelector('[role=alert]').textContent.includes('reads version 1')");
        Assert.Empty(page.Complaints);
    }

    // The same lines as of norikv sim --record: a whole cluster in virtual time, with an election and a compaction.
    [Fact]
    public async Task A_simulated_run_is_played_back_with_its_elections_compactions_and_crashes()
    {
        (List<string> lines, JsonNode[] events) = Enumerable.Range(1, 20).Select(static seed => RunSimulation((ulong)seed))
            .First(static run => run.Events.Any(Merged) && run.Events.Any(Crashed));
        JsonNode elected = events.Last(static e => Is(e, "Raft", "LeaderElected"));
        JsonNode merged = events.First(Merged);
        JsonNode crashed = events.First(Crashed);

        BrowserPage page = await OpenAsync("playback");
        await LoadAsync(page, "run.jsonl", string.Join('\n', lines) + "\n");
        await page.WaitAsync("norikv.source.name === 'run.jsonl' && document.querySelector('#state span').textContent === 'Recording'");
        await page.EvaluateAsync("norikv.play(false)");
        await page.WaitAsync("norikv.source.events.length === " + $"{events.Length}");
        await page.WaitAsync("document.querySelector('main canvas').getAttribute('aria-label').includes('Faults:')");

        await SeekAsync(elected, 60);
        await ShowAsync(page, $"shard/{elected["shard"]}");
        string led = $"led by {elected["node"]} in term {elected["term"]}";
        await page.WaitAsync($"document.querySelector('main .headline p').textContent.includes('{led}')");
        await ShowAsync(page, "playback");
        await SeekAsync(merged, 60);
        await page.WaitAsync("[...document.querySelectorAll('.log.tall li')].some(l => /compacted|moved/.test(l.textContent))");
        await page.KeepAsync("simulation");
        await ShowAsync(page, "cluster");
        await SeekAsync(crashed, 60);
        await page.WaitAsync($"[...document.querySelectorAll('.finding b')].some(b => b.textContent === '{crashed["node"]} is silent')");
        await page.EvaluateAsync("norikv.goLive()");
        Assert.Empty(page.Complaints);

        static bool Merged(JsonNode e) => Is(e, "Compaction", "Finish");

        static bool Crashed(JsonNode e) => Is(e, "Sim", "Crashed");

        static bool Is(JsonNode e, string family, string kind) => $"{e["family"]}" == family && $"{e["kind"]}" == kind;

        Task SeekAsync(JsonNode e, int later) => page.EvaluateAsync($"norikv.seek(Date.parse('{e["t"]}') + {later})");
    }

    // Which seed compacts and crashes changes with the code: the first that does will do.
    private static (List<string> Lines, JsonNode[] Events) RunSimulation(ulong seed)
    {
        var lines = new List<string> { """{"format":"norikv-events","version":1}""" };
        SimulationReport report = ClusterSimulation.Run(new SimulationOptions
        {
            Seed = seed,
            Faults = FaultKinds.Crash,
            Safety = TimeSpan.FromSeconds(20),
            OperationsPerSecond = 100,
            Record = lines.Add,
        });
        string replay = $"norikv sim --seed {seed} --faults Crash --safety 20s --rate 100";
        Assert.True(report.IsGood, $"{replay}: {string.Join("; ", report.Violations)}");
        return (lines, [.. lines.Skip(1).Select(static l => JsonNode.Parse(l)!)]);
    }

    [Fact]
    public async Task A_slow_request_opens_its_stages_which_sum_to_it()
    {
        NoriKV.Node.Tracing.SlowLog slow = shared.Cluster[1].Server.Node.SlowOperations!;
        TimeSpan before = slow.Threshold;
        slow.Threshold = TimeSpan.FromTicks(1);
        BrowserPage page;
        try
        {
            page = await OpenAsync("requests");
            await page.WaitAsync("[...document.querySelectorAll('.slow details')].some(d => d.textContent.includes('put'))");
        }
        finally
        {
            slow.Threshold = before;
        }

        const string Row = "[...document.querySelectorAll('.slow details')].find(d => d.querySelector('summary b').textContent === 'put')";
        await page.EvaluateAsync($"globalThis.slowRow = {Row}, slowRow.querySelector('summary').click()");
        await page.WaitAsync("slowRow.open && slowRow.querySelectorAll('table tbody tr').length > 2");
        Assert.Matches("route", (await page.EvaluateAsync("slowRow.querySelector('table').textContent"))!.GetValue<string>());
        // Drawn one behind the other, from the left edge to the right.
        double drawn = (await page.EvaluateAsync(
            "[...slowRow.querySelectorAll('.bar i')].reduce((s, i) => s + parseFloat(i.style.width), 0)"))!.GetValue<double>();
        Assert.InRange(drawn, 95, 110);
        await page.KeepAsync("slow");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_lost_connection_is_shown_and_events_go_on_where_they_were()
    {
        BrowserPage page = await OpenAsync();
        await page.WaitAsync("norikv.live.through > 0");
        await page.WaitAsync("norikv.live.frames.length > 5");
        shared.Proxy.IsCut = true;
        try
        {
            await page.WaitAsync("document.querySelector('#state').className.includes('bad')");
            await page.WaitAsync("document.querySelector('#state span').textContent.startsWith('Connection lost')");
            await page.KeepAsync("lost");
            await page.WaitAsync("Date.now() - norikv.feed.heardAt > 8000");
        }
        finally
        {
            shared.Proxy.IsCut = false;
        }

        await page.WaitAsync("document.querySelector('#state span').textContent === 'Live'");
        string again = page.Sockets.Last();
        Assert.Contains("process=", again, StringComparison.Ordinal);
        Assert.Matches("since=[1-9]", again);
        await page.WaitAsync("norikv.live.last.t > Date.now() - 5000");

        // Nothing twice, and figures went on from where they were instead of from zero.
        const string Keys = "norikv.live.events.map(e => `${e.node} ${e.t} ${e.seq} ${e.kind} ${e.shard}`)";
        Assert.True((await page.EvaluateAsync($"new Set({Keys}).size === norikv.live.events.length"))!.GetValue<bool>());
        await page.WaitAsync($"{Rates} > 1");
        Assert.True((await page.EvaluateAsync(Rates))!.GetValue<double>() < 1e6);

        // What was missed is a gap, until the nodes tell what they recorded of it.
        await page.WaitAsync("norikv.live.hasHour");
        await page.EvaluateAsync("globalThis.gap = norikv.live.frames.findIndex(f => f.isGap)");
        await page.WaitAsync("gap > 0 && norikv.live.frames.slice(gap + 1).filter(f => f.isHour).length >= 4");
        await page.WaitAsync("norikv.live.frames[gap + 3].nodes.every(n => "
            + "norikv.live.frames[gap + 3].facts[n.place].status === 'healthy')");
        await page.EvaluateAsync("norikv.seek(norikv.live.frames[gap].t + 1)");
        await page.WaitAsync(
            "document.querySelector('main .headline p').textContent.startsWith('not recorded: this page had no connection')");
        await page.KeepAsync("gap");

        // The browser itself complains of the connections that were refused; nothing else does.
        Assert.All(page.Complaints, static c => Assert.True(
            c.Contains("/live", StringComparison.Ordinal) || c.Contains("\"source\":\"network\"", StringComparison.Ordinal), c));
    }

    // Whatever it asks for besides, too: slow requests come in answers of their own.
    [Theory]
    [InlineData("shard/1")]
    [InlineData("requests")]
    public async Task A_client_gets_at_most_20_messages_and_150_kbit_a_second(string view)
    {
        NoriKV.Node.Tracing.SlowLog slow = shared.Cluster[1].Server.Node.SlowOperations!;
        TimeSpan before = slow.Threshold;
        if (view == "requests") slow.Threshold = TimeSpan.FromTicks(1);
        try
        {
            BrowserPage page = await OpenAsync(view);
            await page.WaitAsync("norikv.live.frames.length > 8 && norikv.live.hasHour");
            if (view == "requests") await page.WaitAsync("document.querySelectorAll('.slow details').length === 24");
            (long bytes, int messages, long began) = (page.Received, page.Messages, TimeProvider.System.GetTimestamp());
            await Task.Delay(TimeSpan.FromSeconds(6));
            await page.WaitAsync("norikv.live.frames.length > 16");
            double seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
            double kilobits = (page.Received - bytes) * 8 / 1000.0 / seconds;
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{kilobits:0.0} kbit/s, {(page.Messages - messages) / seconds:0.0} messages/s");
            Assert.InRange(kilobits, 1, 150);
            Assert.InRange((page.Messages - messages) / seconds, 0.1, 20);
        }
        finally
        {
            slow.Threshold = before;
        }

        // What is asked for every few seconds is no more than what is shown, and compressed.
        if (view != "requests") return;
        using var ask = new HttpRequestMessage(HttpMethod.Get, "/slow?since=0&most=24");
        ask.Headers.AcceptEncoding.ParseAdd("gzip");
        using HttpResponseMessage answer = await shared.Cluster[1].Http.SendAsync(ask);
        Assert.Equal("gzip", Assert.Single(answer.Content.Headers.ContentEncoding));
        using var plain = new System.IO.Compression.GZipStream(
            await answer.Content.ReadAsStreamAsync(), System.IO.Compression.CompressionMode.Decompress);
        JsonNode told = (await JsonNode.ParseAsync(plain))!;
        Assert.Equal(24, told["operations"]!.AsArray().Count);
        Assert.Equal(told["last"]!.GetValue<long>(), told["operations"]![23]!["seq"]!.GetValue<long>());
    }

    [Fact]
    public async Task All_of_it_can_be_reached_by_keyboard()
    {
        BrowserPage page = await OpenAsync();
        await page.WaitAsync("norikv.scene().frame?.leaders.length === 64");
        await page.PressAsync("Tab");
        await page.WaitAsync("document.activeElement.className === 'skip'");
        await page.PressAsync("3", "3");
        await page.WaitAsync("location.hash === '#/storage' && document.activeElement.id === 'main'");
        await page.PressAsync("1", "1");
        await page.WaitAsync("norikv.view.map.canvas.isConnected && norikv.view.map.isDrawn");
        await page.EvaluateAsync("document.querySelector('[role=application]').focus()");
        await page.PressAsync("ArrowRight");
        await page.PressAsync("ArrowRight");
        await page.WaitAsync("document.querySelector('#say').textContent.startsWith('Shard 1,')");
        await page.PressAsync("Enter");
        await page.WaitAsync("location.hash === '#/shard/1'");

        // The time line: back into the past, and live again.
        await page.WaitAsync("norikv.live.to - norikv.live.from > 4000");
        await page.EvaluateAsync("document.querySelector('[role=slider]').focus()");
        await page.PressAsync("ArrowLeft");
        await page.PressAsync("ArrowLeft");
        await page.WaitAsync("document.querySelector('#state span').textContent === 'Playback'");
        await page.WaitAsync("document.querySelector('[role=slider]').getAttribute('aria-valuetext').includes('before the end')");
        await page.PressAsync("Home");
        await page.WaitAsync("norikv.shown <= norikv.source.from + 1");
        await page.EvaluateAsync("globalThis.seeks = [], globalThis.seek = norikv.seek, "
            + "norikv.seek = t => seeks.push(Math.round((t - norikv.shown) / 1000))");
        foreach (string key in (string[])["PageUp", "PageDown", "ArrowUp", "ArrowDown", "ArrowRight"]) await page.PressAsync(key);
        await page.WaitAsync("seeks.join() === '60,-60,10,-10,1'");
        await page.EvaluateAsync("norikv.seek = seek, norikv.play(false)");
        await page.PressAsync("End");
        await page.WaitAsync("document.querySelector('#state span').textContent === 'Live'");
        await page.PressAsync("?", "?");
        await page.WaitAsync("document.querySelector('dialog[open]')");
        await page.PressAsync("Enter", "\r");
        await page.WaitAsync("!document.querySelector('dialog[open]')");

        // What has no words has a name.
        Assert.Equal(0, (await page.EvaluateAsync(
            "[...document.querySelectorAll('button, a, input, [tabindex]')].filter(e => e.id !== 'main' && e.offsetParent"
            + " && !(e.textContent.trim() || e.getAttribute('aria-label') || e.title)).length"))!.GetValue<int>());
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task The_key_browser_is_off_until_switched_on_and_asks_before_it_writes()
    {
        BrowserPage page = await OpenAsync("keys");
        await page.WaitAsync("document.querySelector('main .button.main')");
        Assert.Equal(0, (await page.EvaluateAsync("document.querySelectorAll('main input').length"))!.GetValue<int>());
        await page.EvaluateAsync("document.querySelector('main .button.main').click()");
        await page.WaitAsync("document.querySelectorAll('main tbody tr').length === 50");
        await page.EvaluateAsync("document.querySelector('[aria-label=Key]').focus()");
        await page.TypeAsync("<img src=x onerror=alert(1)>");
        await page.EvaluateAsync("document.querySelector('[aria-label=Value]').focus()");
        await page.TypeAsync("<b>bold</b>");
        await page.EvaluateAsync("[...document.querySelectorAll('main button')].find(b => b.textContent === 'Put…').click()");
        await page.WaitAsync("document.querySelector('dialog[open]')");
        string key = Uri.EscapeDataString("<img src=x onerror=alert(1)>");
        Assert.Equal(HttpStatusCode.NotFound, (await shared.Cluster[1].Http.GetAsync($"/kv/{key}")).StatusCode);
        await page.EvaluateAsync("document.querySelector('dialog .button.main').click()");
        await page.WaitAsync("[...document.querySelectorAll('[role=status]')].some(s => s.textContent.startsWith('written'))");
        Assert.Equal("<b>bold</b>", await shared.Cluster[1].Http.GetStringAsync($"/kv/{key}"));

        // Shown as text, whatever it says; and a list that was asked for before it does not come in its place.
        await page.EvaluateAsync("""
            (() => {
              const ask = fetch;
              globalThis.fetch = async (...what) => {
                const answer = await ask(...what);
                await new Promise(done => {
                  globalThis.letItCome = () => { done(); setTimeout(() => { globalThis.hasCome = true; }, 100); }; });
                return answer;
              };
              document.querySelector('[aria-label^=Prefix]').value = 'load-';
              document.querySelector('main form.ask button').click();
              globalThis.fetch = ask;
            })()
            """);
        await page.WaitAsync("globalThis.letItCome");
        await page.EvaluateAsync(
            "document.querySelector('[aria-label^=Prefix]').value = '<img', document.querySelector('main form.ask button').click()");
        await page.WaitAsync("document.querySelectorAll('main tbody tr').length === 1");
        await page.EvaluateAsync("letItCome()");
        await page.WaitAsync("globalThis.hasCome");
        Assert.Equal(0, (await page.EvaluateAsync("document.querySelectorAll('main img, main b b').length"))!.GetValue<int>());
        uint shard = shared.Cluster[1].Server.Node.ShardOf("<img src=x onerror=alert(1)>"u8).Value;
        Assert.Equal($"{shard}", await page.TextAsync("main tbody tr a"));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task It_fits_a_phone_and_both_themes()
    {
        BrowserPage page = await OpenAsync();
        await page.WaitAsync("norikv.scene().frame?.nodes.length === 3");
        await page.ResizeAsync(360, 740);
        foreach (string view in (string[])["cluster", "shard/1", "storage", "network", "requests", "playback", "keys"])
        {
            await ShowAsync(page, view);
            await page.WaitAsync("document.querySelector('main h1')");
            await page.WaitAsync(
                "document.documentElement.scrollWidth <= 360 && document.querySelector('main').scrollWidth <= 360");
            await page.KeepAsync($"phone-{view.Replace('/', '-')}");
        }

        foreach (string theme in (string[])["dark", "light"])
        {
            await page.ThemeAsync(theme, ("prefers-reduced-motion", "reduce"));

            // Words on their ground: WCAG's contrast of 4.5 for text.
            JsonNode? ratio = await page.EvaluateAsync(Contrast);
            Assert.True(ratio!.GetValue<double>() >= 4.5, $"{theme}: {ratio}");
        }

        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData("hello", 309)]
    [InlineData("user:123", 928)]
    [InlineData("", 332)]
    [InlineData("a", 894)]
    public async Task The_page_finds_the_shard_of_a_key(string key, int shard)
    {
        BrowserPage page = await OpenAsync();
        string ask = $"import('/ui/hash.js').then(m => m.shardOf(new TextEncoder().encode({BrowserPage.Quoted(key)}), 1024))";
        Assert.Equal(shard, (await page.EvaluateAsync(ask))!.GetValue<int>());
    }

    private const string Contrast = """
        (() => {
          const css = n => getComputedStyle(document.documentElement).getPropertyValue(n).trim();
          const light = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
          const ratio = (a, b) => { const [x, y] = [light(css(a)), light(css(b))].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
          return Math.min(...['--ink', '--ink2'].flatMap(t => ['--panel', '--paper', '--grid'].map(g => ratio(t, g))),
            ratio('--nori', '--nori-soft'), ratio('--warn', '--warn-soft'), ratio('--bad', '--bad-soft'),
            ratio('--bad', '--panel'), ratio('--warn', '--panel'));
        })()
        """;

    private async Task<BrowserPage> OpenAsync(string view = "cluster")
    {
        BrowserPage page = await shared.Browser.NewPageAsync();
        _pages.Add(page);
        await page.GoAsync($"{shared.Url}#/{view}");
        await page.WaitAsync("norikv.feed.state === 'live' && norikv.live.frames.length > 1");
        return page;
    }

    private static async Task ShowAsync(BrowserPage page, string view)
    {
        await page.EvaluateAsync($"location.hash = '#/{view}'");
        await page.WaitAsync($"document.querySelector('nav a[aria-current]').getAttribute('href') === '#/{view.Split('/')[0]}'");
    }

    private static Task LoadAsync(BrowserPage page, string name, string text) => page.EvaluateAsync(
        "(() => { const data = new DataTransfer(); data.items.add(new File([" + BrowserPage.Quoted(text) + "], '" + name + "'));"
        + " dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })()");

    /// <summary>True when something is drawn on a canvas.</summary>
    private static string Inked(string selector) =>
        $"(() => {{ const c = document.querySelector('{selector}'); return c.width > 0"
        + " && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v); })()";
}
