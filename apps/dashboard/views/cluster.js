// The whole cluster at a glance.

import { choice, h, panel, reconcile, say, mark } from '../dom.js';
import { age, bytes, clock, count, eventMark, eventText, percent, plural, span, spanText } from '../format.js';
import { distribution, lines, spark } from '../plots.js';
import { unknown } from '../hour.js';
import { ShardMap } from '../shardmap.js';

const writes = ['ops.put', 'ops.delete', 'ops.batch'], reads = ['ops.get', 'ops.scan'];
const minute = 60_000;

class Cluster {
  id = 'cluster';
  icon = 'cluster';
  title = 'Cluster';
  #latency = 'write';
  #diagnosis = [];
  #timer = 0;

  mount(main, app) {
    this.app = app;
    this.headline = h('p');
    this.figures = Object.fromEntries([['writes', 'Writes', '--nori'], ['reads', 'Reads', '--n1'], ['write', 'Write latency, p99', '--nori'], ['read', 'Read latency, p99', '--n1'], ['errors', 'Failed', '--bad']].map(([key, title, hue]) => {
      const number = h('span'), unit = h('small'), note = h('p'), canvas = h('canvas', { 'aria-hidden': 'true' });
      return [key, { element: h('section', { class: 'figure', 'aria-label': title }, h('h2', {}, title), h('strong', {}, number, unit), note, canvas), number, unit, note, canvas, hue }];
    }));
    this.map = new ShardMap(shard => app.go(`shard/${shard}`));
    this.mapLegend = h('div', { class: 'legend' });
    const map = this.mapPanel = panel('Shards', 'w8', this.map.canvas, h('p', { class: 'unseen' }), this.mapLegend);
    this.mapLegend.style.marginTop = '10px';
    map.tools.append(choice('Colour of shards', [['leader', 'Leader'], ['heat', 'Writes'], ['size', 'Size']], this.map.mode, mode => { this.map.mode = mode; app.redraw(); }));
    this.findings = panel('Findings', '', h('div'));
    this.nodes = panel('Nodes', 'w12', h('div', { class: 'wrap' }, h('table', { class: 'rows fold' }, h('thead', {}, h('tr', {},
      ['Node', 'State', 'Leads', 'Requests', '', 'Sync p99', 'CPU', 'Memory', 'On disk', 'Up'].map((t, i) => h('th', { class: i > 4 ? 'num' : '', scope: 'col' }, t)))), h('tbody'))));
    this.throughput = h('canvas', { role: 'img' });
    this.operations = h('div', { class: 'legend' });
    this.throughputPanel = panel('Throughput', 'w6', this.throughput, this.operations);
    this.latency = h('canvas', { role: 'img' });
    this.latencyPanel = panel('Latency', 'w6', this.latency);
    this.latencyPanel.tools.append(choice('Latency of', [['write', 'Writes'], ['read', 'Reads']], this.#latency, v => { this.#latency = v; app.redraw(); }));
    this.log = panel('Lately', 'fill', h('ul', { class: 'log brief' }));
    this.#timer = setInterval(() => this.#examine(), 15_000);
    setTimeout(() => this.#examine(), 1500);
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Cluster'), this.headline), h('div', { class: 'figures' }, Object.values(this.figures).map(f => f.element)),
      h('div', { class: 'cols' }, map, h('div', { class: 'w4 column' }, this.findings, this.log), this.nodes, this.throughputPanel, this.latencyPanel));
  }

  leave() { clearInterval(this.#timer); }

  // What the cluster finds when it examines itself, where the server does that; not often, since all nodes are asked.
  async #examine() {
    if (document.hidden || !this.app.isLive || !this.app.live.hello?.routes?.includes('doctor')) return;
    try {
      const answer = await fetch('doctor', { cache: 'no-store' });
      this.#diagnosis = answer.ok ? (await answer.json()).findings : [];
    } catch {
      this.#diagnosis = [];
    }
    this.app.redraw();
  }

  update(scene) {
    if (!scene.frame) return;
    this.#headline(scene);
    this.#figures(scene);
    this.map.update(scene);
    this.#legend(scene);
    this.#findings(scene);
    this.#nodes(scene);
    this.#plots(scene);
    events(this.log.querySelector('ul'), scene.events(10 * minute, e => e.kind !== 'Progress').slice(0, 12), scene);
    say(this.log.note, scene.tape.elided && scene.isLive ? `${count(scene.tape.elided)} more came too fast` : '');
  }

  animate() { if (this.map.isMoving) this.map.draw(); }

  #headline(scene) {
    const n = scene.nodes.length, untold = scene.nodes.filter(x => scene.facts(x.id)?.status === 'not recorded'), silent = scene.nodes.filter(x => scene.isSilent(x.id)).length - untold.length, lost = scene.frame.leaders.reduce((c, p) => c + (p ? 0 : 1), 0), forgotten = scene.frame.leaders.includes(unknown);
    const ill = scene.nodes.filter(x => !scene.isSilent(x.id) && scene.facts(x.id).status !== 'healthy').length;
    const dead = untold.filter(x => scene.nodes.some(o => !scene.isSilent(o.id) && scene.facts(o.id).members?.some(([m, s]) => m === x.id && s === 'failed')));
    if (scene.frame.isGap) return say(this.headline, 'not recorded: this page had no connection, and the nodes have not told of it');
    const parts = [silent ? `${plural(silent, 'node')} of ${n} silent` : ill ? `${plural(ill, 'node')} of ${n} ${ill === 1 ? 'needs' : 'need'} attention` : untold.length ? '' : n === 1 ? 'the node serves' : `all ${n} nodes serve`,
      untold.length ? `${plural(untold.length, 'node')} of ${n} not recorded${dead.length ? `, ${dead.map(x => x.id).join(', ')} held for dead` : ''}` : '', lost ? `${plural(lost, 'shard')} without a leader` : forgotten ? 'who led is not remembered of all shards' : 'every shard has a leader'];
    say(this.headline, parts.filter(Boolean).join(', '));
  }

  #figures(scene) {
    const sum = names => scene.nodes.reduce((s, n) => s + names.reduce((t, name) => t + scene.rate(n.id, name), 0), 0);
    const set = (f, number, unit, note, points) => { say(f.number, number); say(f.unit, unit); say(f.note, note); spark(f.canvas, points, f.hue); };
    const { writes: w, reads: r, write, read, errors } = this.figures;
    if (!scene.nodes.some(n => scene.hasFigures(n.id))) {
      for (const f of [w, r, write, read, errors]) set(f, '–', '', scene.tape.isLive ? 'not told' : 'not in this recording', []);
      return;
    }
    set(w, count(sum(writes)), '/s', `${count(scene.nodes.reduce((s, n) => s + scene.rate(n.id, 'wal.bytes'), 0) / 1048576)} MiB/s to logs`, scene.series(writes, 2 * minute, null, 90));
    set(r, count(sum(reads)), '/s', `cache hits ${hits(scene)}`, scene.series(reads, 2 * minute, null, 90));
    for (const [f, name] of [[write, 'write'], [read, 'read']]) set(f, ...span(scene.quantile(name, 0.99)), `p50 ${spanText(scene.quantile(name, 0.5))}, last 10\u00a0s`, quantiles(scene, name));
    const failing = scene.tape.names.filter(n => n.startsWith('error.')), failed = sum(failing);
    const worst = failing.map(n => [n.slice(6), sum([n])]).sort((a, b) => b[1] - a[1])[0];
    set(errors, count(failed), '/s', failed > 0 ? worst[0].replaceAll('_', ' ') : 'nothing failed lately', scene.series(failing, 2 * minute, null, 90));
  }

  #legend(scene) {
    const { frame } = scene, led = new Map();
    for (const p of frame.leaders) led.set(p, (led.get(p) ?? 0) + 1);
    const mode = this.map.mode, items = mode === 'leader'
      ? [...frame.nodes.map(n => [n.hue, n.id, scene.leads(n)]), ...(led.get(0) ? [['var(--bad)', 'nobody', count(led.get(0))]] : []), ...(led.get(255) ? [['var(--ink3)', 'not remembered', count(led.get(255))]] : [])]
      : [['var(--heat1)', 'little', ''], ['var(--heat3)', mode === 'heat' ? 'much written' : 'large', '']];
    reconcile(this.mapLegend, items, i => i[1], i => h('span', {}, h('i', { class: 'swatch', hue: i[0] }), h('span'), h('b')), (e, i) => { say(e.children[1], i[1]); say(e.children[2], i[2]); });
    say(this.mapPanel.note, mode === 'leader' ? 'by leader; busy ones are stronger' : mode === 'heat' ? 'by writes a second, logarithmic' : frame.sizes?.some(v => v) ? 'by size on disk, estimated from tables, logarithmic' : 'by size on disk: nothing lies in tables yet');
    const spoken = `${frame.leaders.length} shards: ${frame.nodes.map(n => `${n.id} leads ${scene.leads(n)}`).join(', ')}${led.get(0) ? `, ${led.get(0)} without a leader` : ''}`;
    say(this.mapPanel.querySelector('.unseen'), spoken);
  }

  #findings(scene) {
    const list = [];
    if (scene.frame.isGap) list.push({ level: 'warn', what: 'Not recorded: the connection was lost', more: 'This page was not told what happened then. What nodes recorded of it comes with the connection.' });
    else for (const n of scene.nodes) {
      const facts = scene.facts(n.id);
      if (facts?.status === 'not recorded') list.push({ level: 'note', what: `${n.id} is not recorded`, more: scene.tape.isLive ? 'It tells nothing of this moment: its process began later, or it does not answer now.' : 'The recording holds no events of it.' });
      else if (scene.isSilent(n.id)) list.push({ level: 'bad', what: `${n.id} is silent`, more: 'It has not answered for two seconds: it is down, or cannot be reached.' });
      else for (const reason of facts.reasons ?? []) list.push({ level: facts.status === 'unhealthy' ? 'bad' : 'warn', what: n.id, more: reason });
      if (facts && !facts.silent && !facts.metrics) list.push({ level: 'warn', what: n.id, more: 'telemetry.prometheus.enabled is false: it tells no figures' });
    }
    const suspicions = new Map();
    for (const n of scene.nodes) for (const [member, state] of scene.facts(n.id)?.members ?? []) if (!scene.isSilent(n.id) && (state === 'suspect' || state === 'failed')) suspicions.set(member, [...suspicions.get(member) ?? [], `${n.id} ${state === 'suspect' ? 'suspects it' : 'holds it for dead'}`]);
    for (const [member, words] of suspicions) list.push({ level: 'warn', what: `${member} does not answer probes`, more: words.join(', ') });
    const leaderless = scene.frame.leaders.reduce((c, p) => c + (p ? 0 : 1), 0);
    if (leaderless) list.push({ level: 'bad', what: `${plural(leaderless, 'shard')} without a leader`, more: 'They take no writes until one is elected.' });
    for (const f of scene.isLive ? this.#diagnosis : []) list.push({ level: { critical: 'bad', warning: 'warn' }[f.severity] ?? 'note', what: f.what, more: f.evidence ?? '', advice: f.advice });
    if (!list.length) list.push(scene.tape.isLive ? { level: 'fine', what: 'Nothing needs attention', more: 'Health, membership and disks of all nodes are well.' }
      : { level: 'fine', what: 'Nothing that is recorded needs attention', more: `All nodes are there, none is suspected, ${scene.frame.leaders.includes(unknown) ? 'and who led which shard is not in it of all' : 'and every shard has a leader'}.` });
    if (!scene.tape.isLive && !scene.nodes.some(n => scene.hasFigures(n.id))) list.push({ level: 'note', what: 'This recording holds events only', more: 'Requests, latencies, memory and disks are not in it.' });
    reconcile(this.findings.querySelector('div'), list, f => `${f.level} ${f.what} ${f.more} ${f.advice ?? ''}`, f => h('div', { class: `finding ${f.level}` }, h('i', { 'aria-hidden': 'true' }, { bad: '✕', warn: '▲', fine: '●', note: '·' }[f.level]), h('div', {}, h('b', {}, f.what), h('p', {}, f.more), f.advice ? h('p', { class: 'advice' }, f.advice) : null)));
  }

  #nodes(scene) {
    const shards = scene.shards, perNode = scene.frame.leaders.reduce((m, p) => m.set(p, (m.get(p) ?? 0) + 1), new Map());
    reconcile(this.nodes.querySelector('tbody'), scene.nodes, n => n.id, n => h('tr', {},
      h('td', {}, h('span', { class: 'nodename', hue: n.hue }, h('span', {}, n.id)), ' ', h('span', { class: 'dim mono' })),
      h('td', { data: { is: 'State' } }, h('span', { class: 'word' })),
      h('td', { data: { is: 'Leads' } }, h('span', { class: 'share', hue: n.hue }, h('i')), h('span')),
      h('td', { data: { is: 'Requests' } }, h('span')),
      h('td', {}, h('canvas', { 'aria-hidden': 'true' })),
      ['Sync p99', 'CPU', 'Memory', 'On disk', 'Up'].map(t => h('td', { class: 'num', data: { is: t } }))), (row, n) => {
      const c = row.cells, facts = scene.facts(n.id), silent = scene.isSilent(n.id), led = perNode.get(n.place) ?? 0;
      say(c[0].lastElementChild, [n.addr, n.zone, n.state].filter(Boolean).join(' · '));
      const state = c[1].firstElementChild, word = silent && facts?.status !== 'not recorded' ? 'silent' : facts.status;
      mark(state, 'class', `word ${word === 'not recorded' ? 'none' : silent || word === 'unhealthy' ? 'bad' : word === 'degraded' ? 'warn' : ''}`);
      say(state, word);
      c[2].querySelector('i').style.transform = `scaleX(${Math.min(1, led / Math.max(1, shards))})`;
      say(c[2].lastElementChild, scene.leads(n));
      const known = !silent && scene.hasFigures(n.id);
      say(c[3].firstElementChild, !known ? '–' : `${count([...writes, ...reads].reduce((s, x) => s + scene.rate(n.id, x), 0))}/s`);
      spark(c[4].firstElementChild, scene.series([...writes, ...reads], 2 * minute, [n.id], 60), n.hue);
      const disk = scene.tape.names.filter(x => x.startsWith('lsm.bytes.')).reduce((s, x) => s + scene.value(n.id, x), 0);
      const words = !known ? ['–', '–', '–', '–', '–'] : [spanText(scene.quantile('fsync', 0.99, 10, [n.id])), `${(scene.rate(n.id, 'cpu', 5) / 1e4).toFixed(0)} %`, bytes(scene.value(n.id, 'rss')), bytes(disk), age(scene.t - facts.started)];
      words.forEach((text, i) => say(c[5 + i], text));
    });
  }

  #plots(scene) {
    const ms = scene.reach(5 * minute), to = scene.frame.t, from = to - ms, all = [['put', '--nori'], ['get', '--n1'], ['batch', '--n2'], ['delete', '--n4'], ['scan', '--n8']];
    const series = all.map(([op, hue]) => ({ name: op, hue, points: scene.series(`ops.${op}`, ms, null, 150) })).filter(s => s.points.some(p => p[1] > 0));
    lines(this.throughput, series, { from, to, stacked: true, format: v => `${count(v)}` });
    mark(this.throughput, 'aria-label', `Requests a second lately: ${series.map(s => `${s.name} ${count(s.points.at(-1)?.[1] ?? 0)}`).join(', ') || 'none'}`);
    say(this.throughputPanel.note, 'requests a second');
    reconcile(this.operations, series, s => s.name, s => h('span', {}, h('i', { class: 'swatch', hue: `var(${s.hue})` }), s.name));
    distribution(this.latency, scene, this.#latency, { ms, height: 192, format: spanText });
    mark(this.latency, 'aria-label', `Latency; now p50 ${spanText(scene.quantile(this.#latency, 0.5))}, p99 ${spanText(scene.quantile(this.#latency, 0.99))}`);
    say(this.latencyPanel.note, 'brightness: how many; dashed p50, solid p99');
  }
}

function hits(scene) {
  const [h1, m] = ['cache.hits', 'cache.misses'].map(x => scene.nodes.reduce((s, n) => s + scene.rate(n.id, x, 10), 0));
  return h1 + m > 0 ? percent(h1, h1 + m) : '–';
}

function quantiles(scene, name) {
  const frames = scene.window(2 * minute, 60), points = [];
  for (let i = 4; i < frames.length; i++) points.push([frames[i].t, scene.quantileBetween(name, 0.99, frames[i - 4], frames[i]) ?? 0]);
  return points;
}

/** Fills a list with events, newest first. */
export function events(list, all, scene) {
  if (!all.length) all = [{ at: 0, none: true }];
  reconcile(list, all, e => e.none ? 'none' : `${e.at} ${e.seq} ${e.node} ${e.kind}`, e => e.none
    ? h('li', { class: 'dim' }, 'Nothing happened.')
    : h('li', {}, h('time', {}, clock(e.at, true)), h('span', { class: 'mark', hue: scene.hue(e.node), 'aria-hidden': 'true' }, eventMark(e)), h('span', { class: 'text' }, h('em', { hue: scene.hue(e.node) }, e.node), ' ', eventText(e))));
}

export const cluster = new Cluster();
