// Where the time of requests goes: the stages of all writes, and the slow ones one by one.

import { h, mark, panel, reconcile, say } from '../dom.js';
import { clock, count, plural, spanText } from '../format.js';
import { distribution, lines } from '../plots.js';

const minute = 60_000, kept = 24;
const meaning = {
  receive: 'arrived', route: 'found its leader', queue: 'its leader was busy', log_wait: 'the log was busy', append: 'written to the log', fsync: 'synced to disk', log: 'own log', send: 'on its way to a peer', peer: 'durable on a peer',
  replicate: 'disks and peers', commit: 'a majority has it', apply_wait: 'waits for the engine', apply: 'put into the engine', wake: 'a thread goes on', read_index: 'a majority confirms the leader', catch_up: 'the replica catches up',
  lease: 'the lease is looked at', stale: 'the age is looked at', lookup: 'read from the engine', forward: 'to another node', return: 'and back', pause: 'between two tries', retries: 'many tries, together', parts: 'parts beside each other', answer: 'answered',
};
// A stage has a hue by what is waited for: queues amber, disks green, peers blue, engine violet, the rest grey.
const hues = { queue: '--n2', log_wait: '--n2', apply_wait: '--n2', pause: '--n2', retries: '--n2', append: '--n3', fsync: '--n3', log: '--n3', send: '--n5', peer: '--n1', replicate: '--n1', commit: '--n5', read_index: '--n1', catch_up: '--n5', forward: '--n4', return: '--n4', apply: '--n8', lookup: '--n8', parts: '--n7' };
const hue = stage => `var(${hues[stage] ?? '--ink3'})`;

class Requests {
  id = 'requests';
  icon = 'requests';
  title = 'Requests';
  #slow = [];
  #last = null;
  #open = new Set();
  #timer = 0;
  #state = '';

  mount(main, app) {
    this.app = app;
    this.headline = h('p');
    this.path = h('div', { class: 'paths' });
    this.pathPanel = panel('The way of a write', 'w12', this.path, h('div', { class: 'legend stages' }));
    this.list = h('ol', { class: 'slow' });
    this.slowPanel = panel('Slow ones', 'w12', this.list);
    this.writes = h('canvas', { role: 'img', 'aria-label': 'Latency of writes' });
    this.reads = h('canvas', { role: 'img', 'aria-label': 'Latency of reads' });
    this.errors = h('canvas', { role: 'img', 'aria-label': 'Requests that failed, by reason' });
    this.errorLegend = h('div', { class: 'legend' });
    this.flight = h('canvas', { role: 'img', 'aria-label': 'Writes under way on each node' });
    const [w, r, e, f] = [panel('Writes', 'w6', this.writes), panel('Reads', 'w6', this.reads), panel('Failed', 'w6', this.errors, this.errorLegend), panel('Under way', 'w6', this.flight)];
    for (const p of [w, r]) say(p.note, 'brightness: how many; dashed p50, solid p99');
    say(e.note, 'requests a second, by reason');
    say(f.note, 'writes taken and not yet applied, by node');
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Requests'), this.headline), h('div', { class: 'cols' }, this.pathPanel, this.slowPanel, w, r, e, f));
    this.#ask();
    this.#timer = setInterval(() => { if (!document.hidden && app.isLive) this.#ask(); }, 3000);
  }

  leave() { clearInterval(this.#timer); }

  update(scene) {
    if (!scene.frame) return;
    const ms = scene.reach(5 * minute), to = scene.frame.t, from = to - ms;
    this.#stages(scene);
    this.#list(scene);
    for (const [canvas, name] of [[this.writes, 'write'], [this.reads, 'read']]) distribution(canvas, scene, name, { ms, format: spanText, quantiles: [[0.5, 'p50'], [0.99, 'p99']] });
    const names = scene.tape.names.filter(n => n.startsWith('error.'));
    const series = names.map((n, i) => ({ name: n.slice(6).replaceAll('_', ' '), hue: `--n${[6, 2, 1, 4, 8, 3, 7, 5][i % 8]}`, points: scene.series(n, ms, null, 150) })).filter(s => s.points.some(p => p[1] > 0));
    lines(this.errors, series, { from, to, height: 130 });
    reconcile(this.errorLegend, series.length ? series : [{ name: 'none failed', hue: '--ink3' }], s => s.name, s => h('span', {}, h('i', { class: 'swatch line', hue: `var(${s.hue})` }), s.name));
    lines(this.flight, scene.nodes.map(n => ({ name: n.id, hue: n.hue, points: scene.levels('node.in_flight', ms, n.id, 150) })), { from, to, height: 130 });
    const rate = scene.nodes.reduce((s, n) => s + scene.rate(n.id, 'write.count') + scene.rate(n.id, 'read.count'), 0), forwards = scene.nodes.reduce((s, n) => s + scene.rate(n.id, 'route.forwards'), 0);
    say(this.headline, `${count(rate)} a second; ${rate > 0 ? `${Math.round(100 * Math.min(1, forwards / rate))} % went on to another node` : 'none now'}`);
  }

  #stages(scene) {
    const ids = null, known = [...new Set(scene.tape.names.filter(n => /^stage\.\w+\.count$/.test(n)).map(n => n.split('.')[1]))];
    const order = Object.keys(meaning), stages = known.filter(s => s !== 'log').sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const rows = [['Typical write', 0.5], ['One in a hundred', 0.99]].map(([name, q]) => {
      const parts = stages.map(s => [s, scene.quantile(`stage.${s}`, q, 10, ids) ?? 0]);
      return { name, parts, total: parts.reduce((sum, p) => sum + p[1], 0) };
    });
    const most = Math.max(1, ...rows.map(r => r.total));
    reconcile(this.path, rows, r => r.name, r => h('div', { class: 'path' }, h('span', { class: 'who' }, r.name), h('div', { class: 'bar' }), h('b')), (e, r) => {
      reconcile(e.children[1], r.parts.filter(p => p[1] > 0), p => p[0], p => h('i', { hue: hue(p[0]) }), (i, p) => {
        i.style.width = `${(100 * p[1] / most).toFixed(2)}%`;
        mark(i, 'title', `${p[0]}: ${spanText(p[1])} (${meaning[p[0]] ?? ''})`);
      });
      say(e.children[2], r.total ? spanText(r.total) : '–');
    });
    mark(this.path, 'role', 'img');
    mark(this.path, 'aria-label', rows.map(r => `${r.name}: ${r.parts.map(p => `${p[0]} ${spanText(p[1])}`).join(', ')}`).join('; '));
    reconcile(this.pathPanel.querySelector('.legend'), stages, s => s, s => h('span', {}, h('i', { class: 'swatch', hue: hue(s) }), h('b', {}, s), meaning[s] ?? ''));
    say(this.pathPanel.note, scene.frame.isHour ? 'stages are not recorded: they are shown while one watches' : 'each stage by itself, last ten seconds, all nodes');
  }

  // Only those that are new, and of these no more than are shown.
  async #ask() {
    if (!this.app.live.hello) return setTimeout(() => this.#ask(), 500);
    if (!this.app.live.hello.routes?.includes('slow')) { this.#state = 'this server keeps none'; return; }
    try {
      const { operations, last, threshold_ms: threshold } = await this.#fetch(this.#last ?? 0);
      // A node that was started again counts from the beginning.
      if (last < this.#last) { this.#slow = []; this.#last = null; return; }
      this.#last = last;
      this.#slow = [...this.#slow, ...operations].slice(-kept);
      this.#state = '';
      this.threshold = threshold * 1000;
    } catch (e) {
      this.#state = e.message;
    }
    this.app.redraw();
  }

  async #fetch(since) {
    let answer;
    try { answer = await fetch(`slow?since=${since}&most=${kept}`, { cache: 'no-store' }); } catch { throw new Error('the node does not answer'); }
    if (!answer.ok) throw new Error(answer.status === 404 ? 'this node keeps none' : `the node answers ${answer.status}`);
    return answer.json();
  }

  #list(scene) {
    const shown = this.#slow.filter(s => Date.parse(s.at) <= scene.t + 2000).sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, kept);
    say(this.slowPanel.note, this.#state || `${plural(shown.length, 'request')} that took ${this.threshold ? `${spanText(this.threshold)} or longer` : 'long'}, as node ${scene.tape.hello?.node ?? ''} saw them; a row opens`);
    if (!shown.length) { this.list.replaceChildren(h('li', { class: 'empty' }, this.#state || 'No request was slow.')); return; }
    const most = Math.max(...shown.map(s => s.total_us));
    reconcile(this.list, shown, s => `${s.seq ?? ''} ${s.at} ${s.total_us}`, s => this.#row(s), (e, s) => {
      for (const bar of e.querySelectorAll('.bar')) bar.style.width = `${Math.max(4, 100 * s.total_us / most).toFixed(1)}%`;
    });
  }

  #row(s) {
    const key = `${s.seq ?? ''} ${s.at}`;
    const bars = (stages, thin) => h('div', { class: `bar ${thin ? 'thin' : ''}` }, stages.map(p => {
      const part = h('i', { hue: hue(p.stage), title: `${p.stage} ${spanText(p.us)}${p.detail ? ` (${p.detail})` : ''}` });
      part.style.left = `${(100 * p.start_us / s.total_us).toFixed(2)}%`;
      part.style.width = `${Math.max(0.2, 100 * p.us / s.total_us).toFixed(2)}%`;
      return part;
    }));
    const table = h('table', { class: 'rows' }, h('tbody', {}, [...s.stages, ...(s.beside ?? []).map(b => ({ ...b, beside: true }))].map(p => h('tr', {},
      h('td', {}, h('i', { class: 'swatch', hue: hue(p.stage) }), ' ', p.stage), h('td', { class: 'num' }, spanText(p.us)), h('td', {}, p.node ?? ''), h('td', { class: 'dim' }, [p.beside ? 'beside' : '', p.detail, meaning[p.stage]].filter(Boolean).join(', '))))));
    const details = h('details', { ontoggle: () => this.#open[details.open ? 'add' : 'delete'](key) },
      h('summary', {}, h('time', {}, clock(Date.parse(s.at))), h('b', {}, s.operation), h('span', { class: 'dim' }, [s.shard !== undefined ? `shard ${s.shard}` : '', s.served_by && s.served_by !== s.node ? `${s.node} → ${s.served_by}` : s.node, s.status !== 'ok' ? s.status : ''].filter(Boolean).join(' · ')), h('span', { class: 'num' }, spanText(s.total_us)), h('span', { class: 'track' }, bars(s.stages))), table);
    return h('li', {}, details);
  }
}

export const requests = new Requests();
