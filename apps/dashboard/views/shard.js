// One shard: its replicas, how far their logs are, and who led it when.

import { begin, colour, css, font, isStill } from '../draw.js';
import { h, mark, panel, reconcile, say } from '../dom.js';
import { clock, count, plural } from '../format.js';
import { lines } from '../plots.js';
import { shardOf } from '../hash.js';
import { unknown } from '../hour.js';
import { events } from './cluster.js';

const roles = [['○', 'follower'], ['◔', 'asks whether to stand'], ['◑', 'candidate'], ['●', 'leader']];
const minute = 60_000;

const whose = span => span.id ?? (span.place ? 'not remembered' : 'nobody');

class Shard {
  id = 'shard';
  icon = 'shard';
  title = 'Shard';
  #shard = 0;
  #tapes = new Map();

  mount(main, app) {
    this.app = app;
    this.number = h('input', { type: 'number', min: 0, 'aria-label': 'Shard', onchange: () => this.#go(Number(this.number.value)) });
    this.number.style.width = '92px';
    this.key = h('input', { type: 'text', placeholder: 'or the shard of a key', 'aria-label': 'Key whose shard is shown', onkeydown: e => { if (e.key === 'Enter') this.#find(); } });
    this.summary = h('p');
    this.replicas = panel('Replicas', 'w12', h('div', { class: 'wrap' }, h('table', { class: 'rows fold tapes' }, h('thead', {}, h('tr', {},
      ['Node', 'Role', 'Term', 'Log', 'Last', 'Committed', 'Applied', 'Behind'].map((t, i) => h('th', { class: i > 3 || i === 2 ? 'num' : '', scope: 'col' }, t)))), h('tbody'))),
      h('div', { class: 'legend tapekeys' }, h('span', {}, h('i', { class: 'swatch', hue: 'var(--ink2)' }), 'applied'), h('span', {}, h('i', { class: 'swatch half', hue: 'var(--ink2)' }), 'committed, not yet applied'), h('span', {}, h('i', { class: 'swatch open', hue: 'var(--ink2)' }), 'in the log, not yet committed')));
    this.reign = h('canvas', { role: 'img' });
    this.reigns = panel('Leaders in time', 'w12', this.reign, h('ol', { class: 'unseen' }));
    this.rate = h('canvas', { role: 'img', 'aria-label': 'Committed entries a second' });
    this.lag = h('canvas', { role: 'img', 'aria-label': 'Entries each follower is behind' });
    this.lagLegend = h('div', { class: 'legend' });
    this.lagPanel = panel('Behind the leader', 'w6', this.lag, this.lagLegend);
    this.log = panel('What happened to it', 'w12', h('ul', { class: 'log' }));
    say(this.lagPanel.note, 'entries a follower lacks');
    const ratePanel = panel('Committed', 'w6', this.rate);
    say(ratePanel.note, 'entries a second');
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Shard'), h('button', { class: 'button', type: 'button', 'aria-label': 'Shard before', onclick: () => this.#go(this.#shard - 1) }, '‹'), this.number,
      h('button', { class: 'button', type: 'button', 'aria-label': 'Next shard', onclick: () => this.#go(this.#shard + 1) }, '›'), this.key, this.summary),
      h('div', { class: 'cols' }, this.replicas, this.reigns, ratePanel, this.lagPanel, this.log));
  }

  arrive(number) {
    const shard = Number(number ?? this.#shard);
    this.#shard = Number.isInteger(shard) && shard >= 0 ? shard : 0;
    this.number.value = this.#shard;
    this.#tapes.clear();
    this.app.feed.look([this.#shard]);
  }

  update(scene) {
    const { frame } = scene;
    if (!frame) return;
    this.number.max = scene.shards - 1;
    if (this.#shard >= scene.shards && scene.shards > 0) return this.#go(scene.shards - 1);
    const rows = frame.standings.filter(s => s[0] === this.#shard).map(([, place, role, term, commit, last, applied, leader]) => ({ node: frame.nodes[place - 1], place, role, term, commit, last, applied, leader })).filter(r => r.node);
    // A node that does not answer keeps its row: what it last said, or dashes.
    if (rows.length && frame.replicas) {
      const wide = Math.ceil(frame.nodes.length / 8);
      for (const node of frame.nodes) {
        if (rows.some(r => r.place === node.place) || !(frame.replicas[this.#shard * wide + (node.place - 1 >> 3)] >> (node.place - 1 & 7) & 1)) continue;
        rows.push(this.#lastOf(scene, node) ?? { node, place: node.place, role: -1, isUntold: true });
      }
      rows.sort((a, b) => a.place - b.place);
    }
    this.#replicas(scene, rows);
    const leader = frame.nodes[frame.leaders[this.#shard] - 1];
    const term = Math.max(0, ...rows.map(r => r.term ?? 0), frame.terms.get(this.#shard) ?? 0);
    say(this.summary, !leader && frame.leaders[this.#shard] ? 'who led it then is not remembered' : leader ? `led by ${leader.id}${term ? ` in term ${term}` : ''}` : 'nobody leads it now');
    this.#reigns(scene);
    this.#plots(scene);
    events(this.log.querySelector('ul'), scene.events(30 * minute, e => e.shard === this.#shard).slice(0, 30), scene);
  }

  #lastOf(scene, node) {
    const { frames } = scene.tape;
    for (let i = scene.place - 1; i >= 0 && scene.frame.t - frames[i].t < minute; i--) {
      const s = frames[i].standings.find(s => s[0] === this.#shard && s[1] === node.place);
      if (s) return { node, place: s[1], role: -1, term: s[3], commit: s[4], last: s[5], applied: s[6], isPast: true };
    }
    return null;
  }

  animate() {
    for (const tape of this.#tapes.values()) tape.draw();
  }

  leave() { this.#tapes.clear(); }

  #replicas(scene, rows) {
    const lead = rows.find(r => r.role === 3), known = rows.filter(r => !r.isUntold), end = Math.max(0, ...known.map(r => r.last)), lowest = Math.min(end, ...known.filter(r => !r.isPast).map(r => r.applied));
    const width = Math.max(48, 2 ** Math.ceil(Math.log2((end - lowest) * 1.6 + 1)));
    reconcile(this.replicas.querySelector('tbody'), rows, r => r.node.id, r => {
      const canvas = h('canvas', { 'aria-hidden': 'true' });
      this.#tapes.set(r.node.id, new LogTape(canvas, r.node.hue));
      return h('tr', {}, h('td', {}, h('span', { class: 'nodename', hue: r.node.hue }, r.node.id)), h('td', { data: { is: 'Role' } }), h('td', { class: 'num', data: { is: 'Term' } }), h('td', { class: 'tape' }, canvas),
        ['Last', 'Committed', 'Applied', 'Behind'].map(t => h('td', { class: 'num', data: { is: t } })));
    }, (row, r) => {
      const c = row.cells, [glyph, word] = roles[r.role] ?? ['?', 'unknown'], silent = r.isPast || r.isUntold || scene.isSilent(r.node.id);
      say(c[1], scene.isSilent(r.node.id) ? '✕ silent' : silent ? '– tells nothing' : `${glyph} ${word}`);
      [r.term, null, r.last, r.commit, r.applied].forEach((v, i) => { if (v !== null) say(c[2 + i], r.isUntold ? '–' : String(v)); });
      say(c[7], silent || !lead ? '–' : r === lead ? '' : String(Math.max(0, lead.last - r.last)));
      if (!this.#tapes.has(r.node.id)) this.#tapes.set(r.node.id, new LogTape(c[3].firstElementChild, r.node.hue));
      if (!r.isUntold) this.#tapes.get(r.node.id).aim({ end, width, last: r.last, commit: r.commit, applied: r.applied });
      row.classList.toggle('dim', silent);
    });
    say(this.replicas.note, rows.length ? `${plural(rows.length, 'replica')}; the logs' last ${count(width)} entries` : this.app.isLive ? 'asking the nodes' : 'was not looked at then');
  }

  #reigns(scene) {
    const ms = scene.reach(10 * minute), to = scene.frame.t, from = to - ms, spans = this.#spans(scene, from, to);
    const canvas = this.reign, c = begin(canvas, 64);
    if (!c) return;
    const { g, w } = c, x = t => (Math.max(t, from) - from) / ms * w;
    g.font = font(12, 600);
    g.textBaseline = 'middle';
    g.textAlign = 'left';
    for (const s of spans) {
      const [a, b] = [x(s.from), Math.max(x(s.from) + 2, x(s.to) - 1.5)], node = scene.nodes.find(n => n.id === s.id);
      if (!node) {
        // Nobody led it; or who did is not remembered.
        g.strokeStyle = css.of(s.place ? '--ink3' : '--bad');
        g.strokeRect(a + 0.5, 8.5, Math.max(1, b - a - 1), 25);
        continue;
      }
      g.fillStyle = colour(node.hue);
      g.globalAlpha = 0.88;
      g.beginPath();
      g.roundRect(a, 8, b - a, 26, 4);
      g.fill();
      g.globalAlpha = 1;
      const text = `${s.id}${s.term ? ` · term ${s.term}` : ''}`;
      if (b - a > g.measureText(text).width + 14) { g.fillStyle = css.of('--panel'); g.fillText(text, a + 8, 21.5); }
    }
    g.font = font(11);
    g.fillStyle = css.of('--ink2');
    g.textAlign = 'center';
    for (const e of scene.events(ms, e => e.shard === this.#shard && e.family === 'Raft')) {
      g.fillStyle = colour(scene.hue(e.node));
      g.beginPath();
      const at = x(e.at), y = 41;
      if (e.kind === 'LeaderElected') { g.moveTo(at, y - 5); g.lineTo(at + 5, y); g.lineTo(at, y + 5); g.lineTo(at - 5, y); } else g.arc(at, y, 2.2, 0, 7);
      g.fill();
    }
    g.fillStyle = css.of('--ink2');
    const step = ms <= 120_000 ? 15_000 : 120_000;
    for (let t = Math.ceil(from / step) * step; t < to; t += step) if (x(t) > 24 && x(t) < w - 24) g.fillText(clock(t).slice(0, step % 60_000 ? 8 : 5), x(t), 57);
    say(this.reigns.note, `${plural(Math.max(0, spans.filter(s => s.id).length - 1), 'change')}`);
    mark(canvas, 'aria-label', spans.map(s => `${clock(s.from)} to ${clock(s.to)}: ${whose(s)}`).join('; '));
    reconcile(this.reigns.querySelector('ol'), spans, s => s.from, () => h('li'), (e, s) => say(e, `${whose(s)} from ${clock(s.from)}`));
  }

  // Frames say who led when they were taken; when that began, the election says.
  #spans(scene, from, to) {
    const spans = [], frames = scene.tape.frames.slice(scene.tape.at(from), scene.place + 1);
    const elections = scene.tape.events.filter(e => e.shard === this.#shard && e.family === 'Raft' && e.kind === 'LeaderElected' && e.at > from && e.at <= scene.t);
    const add = (t, id, term, place) => {
      const last = spans[spans.length - 1];
      if (last && last.id === id && last.place === place && (!term || !last.term || last.term === term)) { last.to = t; last.term ??= term; }
      else { if (last) last.to = t; spans.push({ from: t, to: t, id, term, place }); }
    };
    let e = 0;
    for (const f of frames) {
      const place = f.leaders[this.#shard], id = f.nodes[place - 1]?.id, term = f.terms.get(this.#shard) ?? f.standings.find(s => s[0] === this.#shard && s[2] === 3)?.[3];
      for (; e < elections.length && elections[e].at <= f.t; e++) add(elections[e].at, elections[e].node, elections[e].term, f.byId.get(elections[e].node) ?? unknown);
      // A frame that has not heard of the last election yet tells less than it.
      const last = spans[spans.length - 1];
      if (last?.term > (term ?? 0) && place && f.t - last.from < 3000) add(f.t, last.id, last.term, last.place); else add(f.t, id, term, place);
    }
    for (; e < elections.length; e++) add(elections[e].at, elections[e].node, elections[e].term, scene.frame.byId.get(elections[e].node) ?? unknown);
    if (spans.length) spans[spans.length - 1].to = Math.max(to, spans[spans.length - 1].to);
    return spans;
  }

  #plots(scene) {
    const ms = scene.reach(2 * minute), to = scene.frame.t, from = to - ms, frames = scene.window(ms, 160);
    const own = f => f.standings.filter(s => s[0] === this.#shard), commits = [];
    for (let i = 1; i < frames.length; i++) {
      const [a, b] = [own(frames[i - 1]), own(frames[i])].map(l => Math.max(-1, ...l.map(s => s[4])));
      if (a >= 0 && b >= 0) commits.push([frames[i].t, Math.max(0, b - a) / ((frames[i].t - frames[i - 1].t) / 1000)]);
    }
    lines(this.rate, [{ name: 'committed/s', hue: '--nori', points: commits }], { from, to, height: 130 });
    const behind = scene.nodes.map(n => ({ name: n.id, hue: n.hue, points: frames.map(f => {
      const all = own(f), lead = all.find(s => s[2] === 3), mine = all.find(s => s[1] === f.byId.get(n.id));
      return lead && mine && lead !== mine ? [f.t, Math.max(0, lead[5] - mine[5])] : null;
    }).filter(Boolean) })).filter(s => s.points.length);
    lines(this.lag, behind, { from, to, height: 112, min: 4 });
    reconcile(this.lagLegend, behind, s => s.name, s => h('span', {}, h('i', { class: 'swatch line', hue: s.hue }), s.name));
  }

  #find() {
    const hello = this.app.live.hello;
    if (hello && this.key.value) this.#go(shardOf(new TextEncoder().encode(this.key.value), hello.shards, hello.hash_tags));
  }

  #go(shard) {
    const most = this.app.live.hello?.shards ?? 1;
    this.app.go(`shard/${Math.max(0, Math.min(most - 1, Math.floor(shard) || 0))}`);
  }
}

/** The end of a log as a strip that runs: entries pass to the left as the log grows. */
class LogTape {
  #is = null;

  constructor(canvas, hue) { Object.assign(this, { canvas, hue }); }

  aim(target) {
    this.target = target;
    if (!this.#is || isStill()) this.#is = { ...target };
  }

  draw() {
    if (!this.target) return;
    const is = this.#is, settled = Object.keys(is).every(k => Math.abs(is[k] - this.target[k]) < 0.01);
    if (settled && this.drawn === this.canvas.clientWidth && !this.moved) return;
    for (const k of Object.keys(is)) is[k] += (this.target[k] - is[k]) * 0.14;
    this.moved = !settled;
    const c = begin(this.canvas, 24);
    if (!c) return;
    this.drawn = c.w;
    const { g, w } = c, x = i => (i - (is.end - is.width)) / is.width * (w - 6), hue = colour(this.hue);
    g.fillStyle = css.of('--grid');
    g.fillRect(0, 6, w, 12);
    const block = (from, to, alpha) => { const a = Math.max(0, x(from)), b = x(to); if (b > a) { g.globalAlpha = alpha; g.fillStyle = hue; g.fillRect(a, 6, b - a, 12); g.globalAlpha = 1; } };
    block(0, is.applied, 0.9);
    block(is.applied, is.commit, 0.45);
    if (x(is.last) > x(is.commit)) { g.strokeStyle = hue; g.strokeRect(Math.max(0, x(is.commit)) + 0.5, 6.5, Math.max(1, x(is.last) - Math.max(0, x(is.commit)) - 1), 11); }
    // Marks on entries of round numbers move with the log: standing still is seen, too.
    const step = is.width / 12, mark = 2 ** Math.max(0, Math.ceil(Math.log2(step)));
    g.fillStyle = css.of('--panel');
    for (let i = Math.ceil((is.end - is.width) / mark) * mark; i <= is.last; i += mark) if (i > 0) g.fillRect(x(i) - 0.75, 6, 1.5, 12);
    g.fillStyle = hue;
    g.fillRect(Math.max(0, x(is.last)), 2, 2, 20);
  }
}

export const shard = new Shard();
