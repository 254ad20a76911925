using System.Text.Json.Nodes;

namespace NoriKV.Dashboard.Tests;

/// <summary>What is not known is shown as not known: silent nodes, lost connections, and what recordings lack.</summary>
public sealed partial class DashboardTests
{
    // A tape of three nodes and two shards, told as the feed tells it; `frame(t, rest)` adds a moment.
    private const string ThreeNodes = """
        const Tape = norikv.live.constructor, Scene = norikv.scene().constructor, tape = new Tape();
        const well = (...members) => ({ status: 'healthy', reasons: [], metrics: true, started: 1, members });
        const frame = (t, rest) => tape.take({ t, ...rest });
        const ids = ['n1', 'n2', 'n3'], all = ids.map(id => [id, 'alive', 1]);
        tape.take({ hello: true, process: 'p', node: 'n1', shards: 2, buckets_us: [] });
        frame(100_000, { nodes: ids.map((id, i) => ({ id, number: i + 1 })), leaders: btoa('\x01\x02'), replicas: btoa('\x07\x07'),
          names: [0, 'ops.put'], figures: [[1, 0, 500], [2, 0, 500], [3, 0, 500]], facts: ids.map((_, i) => [i + 1, well(...all)]) });
        const found = () => [...document.querySelectorAll('.finding b')].map(b => b.textContent).join('; ');
        const headline = () => document.querySelector('main .headline p').textContent;
        """;

    private static async Task<string> AskAsync(BrowserPage page, string body) =>
        (await page.EvaluateAsync("(() => {" + ThreeNodes + body + "})()"))!.GetValue<string>();

    [Fact]
    public async Task A_node_of_which_nothing_is_recorded_is_not_said_to_serve()
    {
        BrowserPage page = await OpenAsync();
        const string Untold = """
            const one = new Scene(tape, 100_000, false), facts = one.frame.facts.slice();
            facts[3] = { status: 'not recorded', reasons: [], members: [], metrics: true, silent: true };
            """;
        Assert.Equal("1 node of 3 not recorded, every shard has a leader", await AskAsync(page, Untold + """
            one.frame = { ...one.frame, facts };
            norikv.view.update(one);
            return headline();
            """));
        Assert.Equal("1 node of 3 not recorded, n3 held for dead, every shard has a leader | n3 does not answer probes; n3 is not recorded",
            await AskAsync(page, Untold + """
                facts[1] = { ...facts[1], members: [['n1', 'alive', 1], ['n3', 'failed', 1]] };
                one.frame = { ...one.frame, facts };
                norikv.view.update(one);
                return `${headline()} | ${found().split('; ').sort().join('; ')}`;
                """));
        Assert.Equal("all 3 nodes serve, every shard has a leader", await AskAsync(
            page, "norikv.view.update(new Scene(tape, 100_000, false)); return headline();"));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task What_a_lost_connection_did_not_tell_is_not_what_was_before_it()
    {
        BrowserPage page = await OpenAsync();
        const string Lost = "frame(160_000, { figures: [[1, 0, 60]] });";
        Assert.Equal("not recorded: this page had no connection, and the nodes have not told of it | "
            + "Not recorded: the connection was lost | 255",
            await AskAsync(page, Lost + """
                const one = new Scene(tape, 130_000, false);
                norikv.view.update(one);
                return `${headline()} | ${found()} | ${one.frame.leaders[0]}`;
                """));

        // Nobody knows what anybody led: that is not nothing.
        Assert.Equal("–, –, – | 1, 1 or more | n1 leads –", await AskAsync(page, Lost + """
            const leads = () => [...document.querySelectorAll('table.fold tbody tr')].map(r => r.cells[2].textContent).join(', ');
            norikv.view.update(new Scene(tape, 130_000, false));
            const gap = leads(), spoken = document.querySelector('main .unseen').textContent, half = new Scene(tape, 100_000, false);
            half.frame = { ...half.frame, leaders: Uint8Array.of(1, 255) };
            const led = new Scene(tape, 100_000, false).leads({ place: 1 });
            return `${gap} | ${led}, ${half.leads({ place: 1 })} | ${/n1 leads ./.exec(spoken)[0]}`;
            """));

        // Behind it all goes on, and what was counted meanwhile is spread over it.
        Assert.Equal("healthy 1 2", await AskAsync(page, Lost + """
            const one = new Scene(tape, 160_000, false);
            return `${one.facts('n3').status} ${one.rate('n1', 'ops.put')} ${one.frame.leaders[1]}`;
            """));

        // What the nodes recorded meanwhile fills it, whatever comes first, and once.
        Assert.Equal("101 110 120 130 140 150 160; n1 unhealthy", await AskAsync(page, Lost + """
            const sample = t => ({ t, f: [], l: [0, 1, 1], x: { ...well(), status: 'unhealthy' } });
            for (let twice = 0; twice < 2; twice++) {
              const hour = line => tape.take({ hour: line });
              for (const node of ids) hour({ node, names: [], samples: [150, 140, 130].map(s => sample(1000 * s)) });
              hour({ from: 125_000 });
              for (const node of ids) hour({ node, samples: [120, 110, 100].map(s => sample(1000 * s)) });
              hour({ done: true });
            }
            const one = new Scene(tape, 131_000, false);
            return `${tape.frames.slice(1).map(f => f.t / 1000).join(' ')}; n1 ${one.facts('n1').status}`;
            """));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_replica_of_a_node_that_does_not_answer_keeps_its_row()
    {
        BrowserPage page = await OpenAsync("shard/0");
        Assert.Equal(
            "n1 ● leader 9; n2 ○ follower 9; n3 ✕ silent 8 | n1 ● leader 9; n2 ○ follower 9; n3 ✕ silent –",
            await AskAsync(page, """
            const row = (place, role, last) => [0, place, role, 4, last, last, last, 1];
            const rows = () => [...document.querySelectorAll('table.tapes tbody tr')]
              .map(r => [0, 1, 4].map(i => r.cells[i].textContent).join(' ')).join('; ');
            frame(100_250, { standings: [row(1, 3, 8), row(2, 0, 8), row(3, 0, 8)] });
            frame(102_000, { standings: [row(1, 3, 9), row(2, 0, 9)], facts: [[3, null]] });
            norikv.view.update(new Scene(tape, 102_000, true));
            const remembered = rows();
            for (let t = 103_000; t < 170_000; t += 1000) frame(t, {});
            norikv.view.update(new Scene(tape, 169_000, true));
            return `${remembered} | ${rows()}`;
            """));
        Assert.Empty(page.Complaints);
    }

    // A recording of one healthy node tells of few shards, and of no other node.
    [Theory]
    [InlineData("n1", "255 255 255 255; 1 255 255 255; 255 255 255 255")]
    [InlineData("n2", "255 255 255 255; 1 255 255 255; 0 255 255 2")]
    public async Task A_recording_does_not_call_shards_leaderless_of_which_it_holds_nothing(string other, string led)
    {
        BrowserPage page = await OpenAsync();
        string told = (await page.EvaluateAsync($$"""
            import('/ui/recording.js').then(async ({ read }) => {
              const event = (second, node, kind, shard, term) => JSON.stringify({
                t: `2026-11-21T09:00:0${second}.000Z`, seq: second + 1,
                node, family: 'Raft', kind, shard, term });
              const lines = ['{"format":"norikv-events","version":1}',
                event(0, 'n1', 'StepDown', 3, 1), event(2, 'n1', 'LeaderElected', 0, 1), event(4, 'n1', 'StepDown', 0, 2)];
              if ('{{other}}' !== 'n1') lines.push(event(5, '{{other}}', 'LeaderElected', 3, 2));
              else lines.push('{"t":"2026-11-21T09:00:05.000Z","seq":9,"node":"n1","family":"Swim","kind":"Alive","member":"n2"}');
              const tape = await read(new File([lines.join('\n') + '\n'], 'r.jsonl')), Scene = norikv.scene().constructor;
              const at = s => [...new Scene(tape, Date.parse(`2026-11-21T09:00:0${s}.500Z`), false).frame.leaders].join(' ');
              globalThis.healthy = new Scene(tape, tape.to, false);
              norikv.view.update(healthy);
              return `${at(0)}; ${at(2)}; ${at(5)}`;
            })
            """))!.GetValue<string>();
        Assert.Equal(led, told);
        string shown = (await page.EvaluateAsync(
            "(norikv.view.update(healthy), document.querySelector('main').textContent)"))!.GetValue<string>();
        Assert.Equal(other != "n1", shown.Contains("1 shard without a leader", StringComparison.Ordinal));
        Assert.Equal(other == "n1", shown.Contains("n2 is not recorded", StringComparison.Ordinal));
    }

    // What did not come is said: where it is played back, in what is saved, and where that is opened.
    [Fact]
    public async Task Events_that_did_not_come_are_counted_in_playback_and_in_what_is_saved()
    {
        BrowserPage page = await OpenAsync("playback");
        const string Missing = "document.querySelector('main .word.warn:not([hidden])')?.textContent ?? ''";
        Assert.Equal("Events are missing: 7 came too fast for this page.", await AskAsync(page, $$"""
            tape.take({ elided: 7, events: [{
              t: new Date(100_500).toISOString(), seq: 3, node: 'n1', family: 'Raft', kind: 'LeaderElected', shard: 1, term: 2 }] });
            norikv.view.update(new Scene(tape, 100_500, false));
            globalThis.told = tape;
            return {{Missing}};
            """));
        Assert.Equal("7 Dropped 1; Events are missing: 7 came too fast to be recorded.; 7", (await page.EvaluateAsync($$"""
            import('/ui/recording.js').then(async ({ read, save }) => {
              const text = await save(told).text(), line = JSON.parse(text.split('\n')[1]), again = await read(new File([text], 's.jsonl'));
              const Scene = norikv.scene().constructor, twice = await read(new File([await save(again).text()], 't.jsonl'));
              norikv.view.update(new Scene(again, again.to, false));
              return `${line.dropped} ${line.kind} ${again.events.filter(e => e.family === 'Raft')
                .length}; ${ {{Missing}} }; ${twice.elided}`;
            })
            """))!.GetValue<string>());
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Events_that_did_not_come_are_counted_beside_those_that_did_and_the_meta_group_has_its_name()
    {
        BrowserPage page = await OpenAsync();
        Assert.Equal("234 more came too fast; n2 leads the meta group in term 3; ", await AskAsync(page, """
            frame(100_250, { elided: 234, events: [{ t: new Date(100_200).toISOString(), seq: 1, node: 'n2', family: 'Raft',
              kind: 'LeaderElected', shard: 2, group: 'meta', term: 3 }] });
            const panel = [...document.querySelectorAll('.panel')].find(p => p.getAttribute('aria-label') === 'Lately');
            norikv.view.update(new Scene(tape, 100_250, true));
            const told = `${norikv.view.log.note.textContent}; ${panel.querySelector('li .text').textContent}`;
            norikv.view.update(new Scene(tape, 100_250, false));
            return `${told}; ${norikv.view.log.note.textContent}`;
            """));
        Assert.Empty(page.Complaints);
    }

    // Four frames a second of the last minute, one in two seconds of the last hour, and none before that.
    [Fact]
    public async Task The_page_keeps_an_hour_of_what_it_saw()
    {
        BrowserPage page = await OpenAsync();
        JsonNode kept = JsonNode.Parse(await AskAsync(page, """
            for (let t = 100_250; t <= 4_300_000; t += 250) frame(t, {});
            const fine = tape.frames.filter(f => f.t > 4_240_000).length;
            return JSON.stringify({ from: tape.to - tape.from, fine, coarse: tape.frames.length - fine });
            """))!;
        Assert.InRange(kept["from"]!.GetValue<long>(), 3_590_000, 3_600_000);
        Assert.InRange(kept["fine"]!.GetValue<int>(), 238, 241);
        Assert.InRange(kept["coarse"]!.GetValue<int>(), 1760, 1780);
    }

    // A compaction that runs is drawn from frame to frame: its blocks travel. Who asked for less motion sees them stand still.
    [Theory]
    [InlineData("no-preference", true)]
    [InlineData("reduce", false)]
    public async Task Blocks_of_a_compaction_travel_unless_less_motion_is_asked_for(string motion, bool isMoving)
    {
        BrowserPage page = await OpenAsync("storage");
        await page.ThemeAsync("dark", ("prefers-reduced-motion", motion));
        Assert.Equal($"L0 → L1; {(isMoving ? "other" : "the same")} picture", await AskAsync(page, """
            norikv.redraw = () => {};
            norikv.open(tape), norikv.play(false);
            const start = { t: new Date(100_100).toISOString(), seq: 1, node: 'n1', family: 'Compaction', kind: 'Start', level: 0 };
            frame(100_250, { names: [1, 'lsm.tables.0', 'lsm.bytes.0'], figures: [[1, 1, 4, 2, 1e6]],
              events: [{ ...start, output_level: 1, in_bytes: 1e6 }] });
            norikv.view.arrive('n1');
            norikv.view.update(new Scene(tape, 100_250, false));
            const head = document.querySelector('.finding b').textContent, canvas = document.querySelector('main canvas[role=img]');
            const shots = [0, 400].map(ms => { norikv.view.animate(performance.now() + ms); return canvas.toDataURL(); });
            delete norikv.redraw, norikv.goLive();
            return `${head}; ${shots[0] === shots[1] ? 'the same' : 'other'} picture`;
            """));
        await page.ThemeAsync("dark");
        Assert.Empty(page.Complaints);
    }

    // Names of nodes have up to 64 characters.
    [Fact]
    public async Task Long_names_of_nodes_fit_a_phone_and_the_theme_that_was_chosen_stays()
    {
        BrowserPage page = await OpenAsync();
        List<string> broken = [];
        foreach (int width in (int[])[360, 1440])
        {
            await page.ResizeAsync(width, 800);
            foreach (string view in (string[])["cluster", "shard/0", "storage", "network", "playback"])
            {
                await ShowAsync(page, view);
                await page.WaitAsync("document.querySelector('main h1')");
                string wide = await AskAsync(page, """
                    const long = ids.map(id => id.padEnd(32, '-of-a-long-name').padEnd(64, 'x')), tape2 = new Tape();
                    tape2.take({ hello: true, process: 'p', node: long[0], shards: 2, buckets_us: [] });
                    tape2.take({ t: 100_000, nodes: long.map((id, i) => ({ id, number: i + 1, addr: '10.0.0.1:7000' })),
                      leaders: btoa('\x01\x02'), replicas: btoa('\x07\x07'),
                      names: [0, 'ops.put'], figures: [[1, 0, 500], [2, 0, 500], [3, 0, 500]],
                        facts: long.map((_, i) => [i + 1, well(...long.map(id => [id, i ? 'alive' : 'failed', 1]))]),
                      standings: [[0, 1, 3, 1, 9, 9, 9, 1], [0, 2, 0, 1, 9, 9, 9, 1]],
                      events: [{ t: new Date(99_000).toISOString(), seq: 1, node: long[0],
                        family: 'Swim', kind: 'Confirm', member: long[1] }] });
                    tape2.isLive = false;
                    norikv.open(tape2), norikv.play(false);
                    norikv.view.update(norikv.scene());
                    const main = document.querySelector('main'), bad = [];
                    if (main.scrollWidth > main.clientWidth) bad.push(`main ${main.scrollWidth}`);
                    for (const panel of main.querySelectorAll('.panel'))
                      for (const e of panel.querySelectorAll('td, th, b, button, .legend span')) {
                      if (e.closest('.wrap, canvas, [hidden]') || !e.offsetParent) continue;
                      if (e.getBoundingClientRect().right > panel.getBoundingClientRect().right + 1)
                        bad.push(`${panel.getAttribute('aria-label')}: ${e.tagName} ${e.textContent.slice(0, 12)}`);
                    }
                    for (const t of main.querySelectorAll('.ring .dot .id')) if (t.getBBox().width > 54) bad.push(`ring ${t.textContent}`);
                    return bad.slice(0, 4).join('; ');
                    """);
                await page.KeepAsync($"long-{view.Split('/')[0]}-{width}");
                if (wide.Length > 0) broken.Add($"{view} at {width}: {wide}");
            }
        }

        await page.EvaluateAsync("norikv.goLive()");
        Assert.Empty(broken);
        await page.ThemeAsync("dark");
        await page.EvaluateAsync("document.getElementById('theme').click()");
        await page.WaitAsync("document.documentElement.dataset.theme === 'light'");
        await page.CallAsync("Page.reload");
        await page.WaitAsync("norikv.feed.state === 'live' && document.documentElement.dataset.theme === 'light'");
        await page.EvaluateAsync("localStorage.removeItem('norikv-theme')");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task An_address_that_is_no_escaped_text_opens_its_view()
    {
        BrowserPage page = await OpenAsync("shard/100%");
        await page.WaitAsync("document.querySelector('main h1').textContent === 'Shard' && norikv.feed.state === 'live'");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_page_too_many_is_told_so_and_comes_in_when_another_leaves()
    {
        BrowserPage page = await OpenAsync();
        await page.EvaluateAsync(
            "globalThis.others = Array.from({ length: 16 }, () => new WebSocket(`ws://${location.host}/live`))");
        await page.WaitAsync("others.every(o => o.readyState !== WebSocket.CONNECTING)");
        BrowserPage late = await shared.Browser.NewPageAsync();
        _pages.Add(late);
        await late.GoAsync(shared.Url);
        await late.WaitAsync(
            "document.querySelector('#state span').textContent === 'Refused: 16 pages watch this node already. Trying again'");
        await late.KeepAsync("refused");
        await page.EvaluateAsync("others.forEach(o => o.close())");
        await late.WaitAsync("document.querySelector('#state span').textContent === 'Live'");
        Assert.Empty(late.Complaints);
    }
}
