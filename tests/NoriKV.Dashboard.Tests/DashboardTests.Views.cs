using System.Net;

namespace NoriKV.Dashboard.Tests;

/// <summary>The key browser, and what single views draw.</summary>
public sealed partial class DashboardTests
{
    // What is written back is what was read, or nothing: not what the page made of it to show it.
    [Fact]
    public async Task A_value_that_is_cut_or_no_text_cannot_be_written_back_and_nothing_unseen_is_written_over()
    {
        HttpClient http = shared.Cluster[1].Http;
        byte[] large = new byte[900_000], binary = [0, 1, 2, 0xff, 0xfe];
        Array.Fill(large, (byte)'x');
        await PutAsync("edit-large", large);
        await PutAsync("edit-binary", binary);
        await PutAsync("edit-lines", "a\r\nb"u8.ToArray());
        await PutAsync("edit-text", "\uFEFFgrün\nzwei"u8.ToArray());
        BrowserPage page = await OpenAsync("keys");
        await page.EvaluateAsync("document.querySelector('main .button.main').click()");

        const string Put = "[...document.querySelectorAll('main button')].find(b => b.textContent === 'Put…')";
        const string Value = "document.querySelector('[aria-label=Value]')";
        await GetAsync("edit-large", "first 64 KiB of 900,000 B");
        await GetAsync("edit-binary", "binary, as hex");
        Assert.Equal("000102fffe", (await page.EvaluateAsync($"{Value}.value"))!.GetValue<string>());
        await GetAsync("edit-lines", "line ends");
        await page.KeepAsync("keys-locked");

        // Another key is not given what was shown of that one.
        await TypeKeyAsync("edit-other");
        Assert.Equal("", (await page.EvaluateAsync($"{Value}.value"))!.GetValue<string>());
        Assert.Equal(binary, await http.GetByteArrayAsync("/kv/edit-binary"));
        Assert.Equal(large.Length, (await http.GetByteArrayAsync("/kv/edit-large")).Length);

        // Text goes there and back, byte for byte, as long as nobody changed it meanwhile.
        await GetAsync("edit-text", "");
        await WriteAsync("written");
        Assert.Equal("\uFEFFgrün\nzwei"u8.ToArray(), await http.GetByteArrayAsync("/kv/edit-text"));
        await PutAsync("edit-text", "newer"u8.ToArray());
        await WriteAsync("not written: it was changed");
        Assert.Equal("newer"u8.ToArray(), await http.GetByteArrayAsync("/kv/edit-text"));
        await TypeKeyAsync("edit-lines");
        await WriteAsync("not written: there is such a key");
        Assert.Equal("a\r\nb"u8.ToArray(), await http.GetByteArrayAsync("/kv/edit-lines"));

        async Task PutAsync(string key, byte[] value) =>
            Assert.Equal(HttpStatusCode.OK, (await http.PutAsync($"/kv/{key}", new ByteArrayContent(value))).StatusCode);

        Task TypeKeyAsync(string key) => page.EvaluateAsync(
            "(() => { const k = document.querySelector('[aria-label=Key]');"
            + $" k.value = '{key}'; k.dispatchEvent(new Event('input')); }})()");

        async Task GetAsync(string key, string locked)
        {
            await TypeKeyAsync(key);
            await page.EvaluateAsync("document.querySelector('main form.one').requestSubmit()");
            await page.WaitAsync("[...document.querySelectorAll('.panel [role=status]')].some(s => s.textContent.includes(', version '))"
                + (locked.Length == 0 ? $" && {Value}.value && !{Value}.readOnly && !{Put}.disabled"
                    : $" && {Value}.readOnly && {Put}.disabled"
                        + " && document.querySelector('form.one .word').textContent.includes('" + locked + "')"));
        }

        async Task WriteAsync(string told)
        {
            await page.EvaluateAsync($"{Put}.click()");
            await page.WaitAsync("document.querySelector('dialog[open]')");
            await page.EvaluateAsync("document.querySelector('dialog .button.main').click()");
            await page.WaitAsync($"[...document.querySelectorAll('[role=status]')].some(s => s.textContent.startsWith('{told}'))");
        }
    }

    // Bytes that are no text are shown as hex; the text that looks the same is another key.
    [Fact]
    public async Task A_typed_key_is_that_text_and_not_the_binary_key_that_is_shown_so()
    {
        HttpClient http = shared.Cluster[1].Http;
        string binary = "/kv?key_b64=" + Convert.ToBase64String([0, 1]).TrimEnd('=');
        await PutAsync(binary, "of bytes");
        await PutAsync("/kv/0x0001", "of text");
        BrowserPage page = await OpenAsync("keys");
        await page.EvaluateAsync("document.querySelector('main .button.main').click()");
        const string Value = "document.querySelector('[aria-label=Value]')", Key = "document.querySelector('[aria-label=Key]')";
        const string Row = "[...document.querySelectorAll('main tbody td:first-child')].find(c => c.textContent === '0x0001 hex')";
        await page.WaitAsync(Row);
        await page.EvaluateAsync($"{Row}.querySelector('button').click()");
        await page.WaitAsync($"{Value}.value === 'of bytes'");
        const string Named = "the key of 2 bytes that are no text, in hex 0x0001";
        await page.WaitAsync($"document.querySelector('form.one').textContent.includes('{Named}')");
        await page.KeepAsync("keys-binary");
        await AskedAsync("Delete…", Named);

        // What changed since it was shown is not deleted.
        await PutAsync(binary, "of newer bytes");
        await page.EvaluateAsync("document.querySelector('dialog .button.risk').click()");
        await page.WaitAsync(
            "[...document.querySelectorAll('[role=status]')].some(s => s.textContent.startsWith('not deleted: it was changed'))");
        Assert.Equal("of newer bytes", await http.GetStringAsync(binary));

        await page.EvaluateAsync($"(() => {{ const k = {Key}; "
            + $"for (const v of ['', '0x0001']) {{ k.value = v; k.dispatchEvent(new Event('input')); }} }})()");
        await page.EvaluateAsync("document.querySelector('main form.one').requestSubmit()");
        await page.WaitAsync($"{Value}.value === 'of text'");
        await AskedAsync("Delete…", "0x0001");
        await page.EvaluateAsync("document.querySelector('dialog .button.risk').click()");
        await page.WaitAsync("[...document.querySelectorAll('[role=status]')].some(s => s.textContent === 'deleted')");
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/kv/0x0001")).StatusCode);
        Assert.Equal("of newer bytes", await http.GetStringAsync(binary));
        Assert.Equal(HttpStatusCode.OK, (await http.DeleteAsync(binary)).StatusCode);

        async Task PutAsync(string path, string value) =>
            Assert.Equal(HttpStatusCode.OK, (await http.PutAsync(path, new StringContent(value))).StatusCode);

        async Task AskedAsync(string button, string name)
        {
            await page.EvaluateAsync($"[...document.querySelectorAll('main button')].find(b => b.textContent === '{button}').click()");
            await page.WaitAsync($"document.querySelector('dialog[open] p').textContent.startsWith('{name} and')");
        }
    }

    [Fact]
    public async Task The_map_draws_any_number_of_shards()
    {
        BrowserPage page = await OpenAsync();
        string blank = (await page.EvaluateAsync("""
            import('/ui/shardmap.js').then(m => {
              const wrong = [];
              for (let n = 1; n <= 1025; n++) for (const width of [300, 640, 1100]) {
                const { cols, size } = m.layout(n, width), rows = Math.ceil(n / cols);
                if (!(size >= 4) || cols * size > width + 0.01 || rows * size > 340.01) wrong.push(`${n}@${width}: ${cols}×${size}`);
              }
              for (const n of [1, 3, 7, 11, 97, 509, 511, 1021, 1024, 1025]) {
                const map = new m.ShardMap(() => {}), box = document.createElement('div');
                box.style.width = '640px';
                box.append(map.canvas);
                document.querySelector('main').append(box);
                const nodes = [{ id: 'n1', hue: 'var(--n1)' }];
                map.update({ frame: { t: 1, leaders: new Uint8Array(n).fill(1), nodes, terms: new Map() } });
                const c = map.canvas;
                const data = c.width && c.height ? c.getContext('2d').getImageData(0, 0, c.width, c.height).data : [];
                if (!data.some(v => v)) wrong.push(`${n} blank`);
                box.remove();
              }
              return wrong.slice(0, 20).join('; ');
            })
            """))!.GetValue<string>();
        Assert.Equal("", blank);
        Assert.Empty(page.Complaints);
    }

    // A recording says what is not in it, and a process's end ends what it had begun.
    [Fact]
    public async Task A_recording_tells_what_it_lacks_and_what_a_process_left_undone()
    {
        static string Event(int second, int seq, string node, string rest) =>
            $"{{\"seq\":{seq},\"t\":\"2026-11-21T09:00:{second:00}.000Z\",\"node\":\"{node}\",{rest}}}\n";

        string begun = "\"family\":\"Compaction\",\"kind\":\"Start\",\"level\":0,\"output_level\":1,\"in_bytes\":9";
        string elected = "\"family\":\"Raft\",\"kind\":\"LeaderElected\",\"shard\":0,\"term\":";
        string text = "{\"format\":\"norikv-events\",\"version\":1}\n"
            + Event(0, 41, "n1", elected + "1")
            + Event(1, 42, "n1", begun)
            + Event(20, 1, "n1", elected + "2")
            + Event(30, 2, "n1", "\"family\":\"Compaction\",\"kind\":\"Finish\",\"level\":1,\"in_bytes\":9,\"out_bytes\":9")
            + Event(31, 3, "n1", begun)
            + Event(35, 4, "n1", "\"family\":\"Compaction\",\"kind\":\"Finish\",\"level\":1,\"in_bytes\":9,\"out_bytes\":9")
            + Event(40, 5, "n1", "\"family\":\"Raft\",\"kind\":\"StepDown\",\"shard\":0,\"term\":2")
            + Event(40, 1, "n2", "\"family\":\"Swim\",\"kind\":\"Alive\",\"member\":\"n1\"");
        BrowserPage page = await OpenAsync("playback");
        await LoadAsync(page, "left.jsonl", text);
        await page.WaitAsync("norikv.source.name === 'left.jsonl'");
        await page.EvaluateAsync("norikv.play(false), norikv.seek(norikv.source.to)");
        // They are drawn with a frame of the page's.
        await page.EvaluateAsync("import('/ui/views/playback.js').then(m => { globalThis.playbackSeen = m.playback; return true; })");
        await page.WaitAsync("playbackSeen.bars.map(b => `${b[0]} ${new Date(b[1]).getSeconds()}-${new Date(b[2]).getSeconds()}`)"
            + ".sort().join() === 'n1 1-1,n1 30-30,n1 31-35'");

        await ShowAsync(page, "cluster");
        await page.WaitAsync("[...document.querySelectorAll('.finding b')].some(b => b.textContent === '1 shard without a leader')");
        await page.WaitAsync("[...document.querySelectorAll('.finding b')].some(b => b.textContent.includes('events only'))");
        string findings = (await page.EvaluateAsync(
            "[...document.querySelectorAll('.finding b')].map(b => b.textContent).join('; ')"))!.GetValue<string>();
        Assert.DoesNotContain("needs attention", findings, StringComparison.Ordinal);
        Assert.Equal("–––––", (await page.EvaluateAsync(
            "[...document.querySelector('table.fold tbody tr').cells].slice(5).map(c => c.textContent).join('')"))!.GetValue<string>());
        Assert.Equal("–", await page.TextAsync(".figure strong"));
        await page.KeepAsync("recording");
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_tape_keeps_events_in_order_and_counts_those_it_lets_go_of()
    {
        BrowserPage page = await OpenAsync();
        Assert.Equal("60000 11 10 true", (await page.EvaluateAsync("""
            import('/ui/tape.js').then(({ Tape }) => {
              const tape = new Tape(), at = n => new Date(1e12 + n).toISOString();
              for (let n = 1; n <= 60_010; n += 2) tape.addEvent({ t: at(n), seq: n, node: 'n1', kind: 'x' });
              for (let n = 60_010; n > 0; n -= 2) tape.addEvent({ t: at(n), seq: n, node: 'n1', kind: 'x' });
              const { events } = tape, sorted = events.every((e, i) => !i || events[i - 1].at < e.at);
              return `${events.length} ${events[0].seq} ${tape.lostTo - 1e12} ${sorted && tape.lost === 10}`;
            })
            """))!.GetValue<string>());
    }

    // WCAG's contrast of 4.5 for text, also where it has the colour of a node.
    [Fact]
    public async Task Words_in_the_colour_of_a_node_can_be_read_and_links_are_shown_whole()
    {
        BrowserPage page = await OpenAsync("network");
        await page.WaitAsync("document.querySelectorAll('.roll tbody tr').length === 6");
        Assert.True((await page.EvaluateAsync(
            "(() => { const r = document.querySelector('.roll'); return r.scrollHeight <= r.clientHeight + 1; })()"))!.GetValue<bool>());
        foreach (string theme in (string[])["light", "dark"])
        {
            await page.ThemeAsync(theme);
            await page.KeepAsync("network");
            await page.ThemeAsync(theme);
            string worst = (await page.EvaluateAsync(Legible))!.GetValue<string>();
            Assert.Equal("", worst);
        }
    }

    private const string Legible = """
        (() => {
          const list = document.createElement('ul'), bad = [];
          list.className = 'log panel';
          for (let i = 1; i <= 8; i++) {
            const li = document.createElement('li'), em = document.createElement('em');
            em.style.setProperty('--hue', `var(--n${i})`);
            li.append(em);
            list.append(li);
          }
          document.querySelector('main').append(list);
          const parts = c => c.match(/[\d.]+/g).slice(0, 3).map(v => c.startsWith('rgb') ? v / 255 : +v);
          const light = c => parts(c).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
          const check = (e, ground) => {
            const style = getComputedStyle(e), both = [style.color, getComputedStyle(ground).backgroundColor];
            const [x, y] = both.map(light).sort((a, b) => b - a), ratio = (x + 0.05) / (y + 0.05);
            if (ratio < 4.5 || style.opacity !== '1') bad.push(`${e.tagName} ${e.textContent} ${style.color} ${ratio.toFixed(2)}`);
          };
          for (const em of list.querySelectorAll('em')) check(em, list);
          const views = document.querySelector('.views');
          for (const key of views.querySelectorAll('kbd')) check(key, key.closest('[aria-current]') ?? views);
          list.remove();
          return bad.join('; ');
        })()
        """;
}
