// The engine of a node: its levels, what moves between them, and what that costs.

import { begin, colour, css, font, isStill } from '../draw.js';
import { choice, h, mark, panel, reconcile, say } from '../dom.js';
import { age, bytes, clock, count, percent, plural, span, spanText } from '../format.js';
import { endBetween } from '../lives.js';
import { distribution, lines, spark } from '../plots.js';

const minute = 60_000;

class Storage {
  id = 'storage';
  icon = 'storage';
  title = 'Storage';
  #node = null;
  #moves = [];

  mount(main, app) {
    this.app = app;
    this.chooser = h('span');
    this.headline = h('p');
    this.figures = Object.fromEntries([['amp', 'Write amplification', '--nori'], ['debt', 'Compaction debt', '--n2'], ['stall', 'Writes held up', '--bad'], ['cache', 'Cache hits', '--n1'], ['sync', 'Sync of the log, p99', '--nori']].map(([key, title, hue]) => {
      const number = h('span'), unit = h('small'), note = h('p'), canvas = h('canvas', { 'aria-hidden': 'true' });
      return [key, { element: h('section', { class: 'figure', 'aria-label': title }, h('h2', {}, title), h('strong', {}, number, unit), note, canvas), number, unit, note, canvas, hue }];
    }));
    this.levels = h('canvas', { role: 'img' });
    this.levelsPanel = panel('Levels', 'w8', this.levels);
    this.compactions = panel('Compactions', 'w4', h('div'));
    this.flow = h('canvas', { role: 'img', 'aria-label': 'Bytes a second that flushes and compactions move' });
    this.flowLegend = h('div', { class: 'legend' });
    this.flowPanel = panel('Work in the background', 'w6', this.flow, this.flowLegend);
    this.sync = h('canvas', { role: 'img', 'aria-label': 'Time of syncs of the log' });
    this.syncPanel = panel('Syncs of the log', 'w6', this.sync);
    say(this.flowPanel.note, 'bytes a second');
    say(this.syncPanel.note, 'brightness: how many; dashed p50, solid p99');
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Storage'), this.chooser, this.headline), h('div', { class: 'figures' }, Object.values(this.figures).map(f => f.element)),
      h('div', { class: 'cols' }, this.levelsPanel, this.compactions, this.flowPanel, this.syncPanel));
  }

  arrive(node) { if (node) this.#node = node; }

  update(scene) {
    if (!scene.frame || !scene.nodes.length) return;
    if (!scene.nodes.some(n => n.id === this.#node)) this.#node = scene.tape.hello?.node ?? scene.nodes[0].id;
    this.#choose(scene);
    const id = this.#node;
    this.scene = scene;
    this.#moves = running(scene, id);
    this.#figures(scene, id);
    this.rows = this.#rows(scene, id);
    this.#draw(performance.now());
    this.#list(scene, id);
    const ms = scene.reach(5 * minute), to = scene.frame.t, from = to - ms;
    const series = [['lsm.flushed', 'flushed', '--nori'], ['lsm.compact_read', 'read by compactions', '--n1'], ['lsm.compact_written', 'written by compactions', '--n2']].map(([n, name, hue]) => ({ name, hue, points: scene.series(n, ms, [id], 150) }));
    lines(this.flow, series, { from, to, format: bytes, min: 1024 });
    reconcile(this.flowLegend, series, s => s.name, s => h('span', {}, h('i', { class: 'swatch line', hue: `var(${s.hue})` }), s.name));
    distribution(this.sync, scene, 'fsync', { ms, height: 190, ids: [id], format: spanText });
  }

  animate(now) { if (this.rows && !isStill() && (this.#moves.length || this.wasMoving)) { this.wasMoving = this.#moves.length > 0; this.#draw(now); } }

  #choose(scene) {
    const key = scene.nodes.map(n => n.id).join();
    if (this.chooser.dataset.nodes === key) return this.chooser.firstElementChild.press(this.#node);
    this.chooser.dataset.nodes = key;
    this.chooser.replaceChildren(choice('Node', scene.nodes.map(n => [n.id, n.id]), this.#node, v => { this.#node = v; this.app.redraw(); }));
  }

  #figures(scene, id) {
    const v = n => scene.value(id, n), r = (n, s) => scene.rate(id, n, s), { amp, debt, stall, cache, sync } = this.figures;
    if (!scene.hasFigures(id)) {
      for (const f of [amp, debt, stall, cache, sync]) { say(f.number, '–'); say(f.unit, ''); say(f.note, 'not recorded'); spark(f.canvas, [], f.hue); }
      return say(this.headline, 'its figures are not recorded: what its events tell');
    }
    const set = (f, number, unit, note, points) => { say(f.number, number); say(f.unit, unit); say(f.note, note); spark(f.canvas, points, f.hue); };
    // Since the start, the log included: what was written a moment ago is in the log and not in tables yet.
    const user = v('lsm.user'), [log, flushed, compacted] = ['wal.bytes', 'lsm.flushed', 'lsm.compact_written'].map(n => user > 0 ? v(n) / user : 0), amplified = log + flushed + compacted;
    set(amp, amplified >= 1 ? amplified.toFixed(2) : '–', '', amplified >= 1 ? `log ${log.toFixed(1)}, flush ${flushed.toFixed(1)}, merge ${compacted.toFixed(1)}` : 'too little was written yet', scene.series(['lsm.compact_written', 'lsm.flushed'], 2 * minute, [id], 90));
    const [d, unit] = bytes(v('lsm.debt')).split(' ');
    set(debt, d, unit, v('lsm.debt') ? 'waits for compaction' : 'every level has its size', scene.levels('lsm.debt', 2 * minute, id, 90));
    const [held, heldUnit] = span(r('lsm.stall.sum', 10));
    set(stall, v('lsm.stalls') ? held : 'never', v('lsm.stalls') ? `${heldUnit}/s` : '', v('lsm.stalls') ? `${count(v('lsm.stalls'))} times since the start` : 'since the start', scene.series('lsm.stall.sum', 2 * minute, [id], 90));
    const [hit, miss] = [r('cache.hits', 10), r('cache.misses', 10)];
    set(cache, hit + miss > 0 ? percent(hit, hit + miss).replace(' %', '') : '–', hit + miss > 0 ? '%' : '', `${bytes(v('cache.bytes'))} held, ${count(hit + miss)} reads/s`, scene.series('cache.hits', 2 * minute, [id], 90));
    set(sync, ...span(scene.quantile('fsync', 0.99, 10, [id])), `${count(r('fsync.count'))}/s, ${bytes(r('wal.bytes'))}/s, ${plural(v('wal.segments'), 'segment')}`, scene.series('fsync.count', 2 * minute, [id], 90));
    say(this.headline, scene.isSilent(id) ? 'silent: what it last said' : v('lsm.disk_full') ? 'disk full: writes wait for space' : `${bytes(total(scene, id))} in ${plural(tables(scene, id), 'table')}`);
  }

  #rows(scene, id) {
    const rows = [{ name: 'Memory', bytes: scene.value(id, 'lsm.memtable'), note: `${count(1 + scene.value(id, 'lsm.immutable'))} memtable${scene.value(id, 'lsm.immutable') ? 's' : ''}`, level: -1 }];
    let deepest = 1;
    for (let l = 0; l < 12; l++) if (scene.value(id, `lsm.tables.${l}`) > 0) deepest = Math.max(deepest, l);
    for (const m of this.#moves) deepest = Math.max(deepest, m.to);
    for (let l = 0; l <= deepest; l++) {
      const n = scene.value(id, `lsm.tables.${l}`);
      if (n || l === 0 || l === deepest || this.#moves.some(m => m.from === l || m.to === l)) rows.push({ name: `L${l}`, bytes: scene.value(id, `lsm.bytes.${l}`), tables: n, note: n === 1 ? '1 table' : `${count(n)} tables`, level: l });
    }
    mark(this.levels, 'aria-label', `Levels of ${id}: ${rows.map(r => `${r.name} ${bytes(r.bytes)}, ${r.note}`).join('; ')}`);
    say(this.levelsPanel.note, 'a block is a table; the scale is that of square roots');
    return rows;
  }

  // A level is a shelf of blocks; while a compaction runs, blocks travel from one shelf to the next.
  #draw(now) {
    const rows = this.rows, tall = 46, c = begin(this.levels, rows.length * tall + 6);
    if (!c) return;
    const { g, w } = c, left = 88, right = 86, most = Math.sqrt(Math.max(1 << 20, ...rows.map(r => r.bytes))), wide = w - left - right;
    const y = level => (rows.findIndex(r => r.level === level) + 0.5) * tall;
    const reach = r => left + Math.sqrt(r.bytes) / most * (wide - 40);
    const hue = colour(this.scene.hue(this.#node));
    g.textBaseline = 'middle';
    rows.forEach((r, i) => {
      const mid = (i + 0.5) * tall, end = reach(r), n = r.level < 0 ? 1 : Math.max(1, Math.min(r.tables ?? 1, Math.floor((end - left) / 4)));
      g.fillStyle = css.of('--grid');
      g.fillRect(left, mid + 14, wide, 2);
      g.font = font(13, 620);
      g.textAlign = 'left';
      g.fillStyle = css.of('--ink');
      g.fillText(r.name, 0, mid - 6);
      g.font = font(11.5);
      g.fillStyle = css.of('--ink2');
      g.fillText(r.note, 0, mid + 10);
      g.textAlign = 'right';
      g.fillText(bytes(r.bytes), w, mid + 2);
      if (r.bytes > 0) {
        g.fillStyle = hue;
        g.globalAlpha = r.level < 0 ? 0.45 : 0.82;
        const step = (end - left) / n;
        for (let k = 0; k < n; k++) { g.beginPath(); g.roundRect(left + k * step, mid - 12, Math.max(1.2, step - (step > 5 ? 2 : 0.8)), 24, Math.min(3, step / 4)); g.fill(); }
        g.globalAlpha = 1;
      }
    });
    for (const m of this.#moves) this.#move(g, m, y(m.from), y(m.to), reach(rows.find(r => r.level === m.from) ?? rows[0]), reach(rows.find(r => r.level === m.to) ?? rows[0]), now, hue);
  }

  #move(g, m, y0, y1, x0, x1, now, hue) {
    const bend = Math.max(x0, x1) + 44, at = t => { const u = 1 - t; return [u * u * u * (x0 + 8) + 3 * u * u * t * bend + 3 * u * t * t * bend + t * t * t * (x1 + 8), u * u * u * y0 + 3 * u * u * t * y0 + 3 * u * t * t * y1 + t * t * t * y1]; };
    g.beginPath();
    for (let t = 0; t <= 1.001; t += 0.05) g[t ? 'lineTo' : 'moveTo'](...at(t));
    g.strokeStyle = hue;
    g.globalAlpha = 0.35;
    g.lineWidth = 2;
    g.stroke();
    g.globalAlpha = 1;
    g.fillStyle = hue;
    const phase = isStill() ? 0.5 : now / 1400 % 1;
    for (let k = 0; k < 6; k++) {
      const t = (phase + k) / 6, [x, y] = at(t);
      g.globalAlpha = Math.sin(Math.PI * t);
      g.beginPath();
      g.roundRect(x - 5, y - 4, 10, 8, 2);
      g.fill();
    }
    g.globalAlpha = 1;
    g.font = font(11, 600);
    g.fillStyle = css.of('--ink');
    g.textAlign = 'left';
    if (m.percent !== null) g.fillText(`${Math.round(m.percent)} %`, at(0.5)[0] + 12, (y0 + y1) / 2);
  }

  #list(scene, id) {
    const done = scene.events(30 * minute, e => e.node === id && (e.family === 'Compaction' && e.kind === 'Finish' || e.family === 'Lsm' && e.kind === 'FlushComplete')).slice(0, 5);
    const items = [...this.#moves.map(m => ({ key: `run ${m.at} ${m.from}`, mark: '▸', head: m.from < 0 ? 'flushing' : `L${m.from} → L${m.to}`, more: `${bytes(m.bytes)}, ${age(scene.t - m.at)}${m.percent === null ? '' : `, ${Math.round(m.percent)} %`}` })),
      ...done.map(e => e.family === 'Lsm' ? { key: `f${e.seq} ${e.at}`, mark: '▿', head: 'flush to L0', more: `${bytes(e.bytes)}, ${count(e.entries)} entries, ${clock(e.at)}` }
        : { key: `c${e.seq} ${e.at}`, mark: '▾', head: `into L${e.level}`, more: `${e.out_bytes ? `${bytes(e.in_bytes)} became ${bytes(e.out_bytes)}` : `${bytes(e.in_bytes)} moved`}, ${clock(e.at)}` })];
    const box = this.compactions.querySelector('div');
    if (!items.length && scene.forgets(30 * minute, id)) items.push({ key: 'forgotten', mark: '·', head: 'Not recorded', more: 'More happened than is remembered of this time.' });
    if (!items.length) items.push({ key: 'none', mark: '●', head: 'None lately', more: 'Tables are merged when a level outgrows its size.' });
    reconcile(box, items, i => i.key, i => h('div', { class: 'finding fine' }, h('i', { 'aria-hidden': 'true' }, i.mark), h('div', {}, h('b', {}, i.head), h('p', {}))), (e, i) => say(e.querySelector('p'), i.more));
    say(this.compactions.note, this.#moves.length ? `${this.#moves.length} running` : '');
  }
}

const sum = (scene, id, prefix) => scene.tape.names.filter(n => n.startsWith(prefix)).reduce((s, n) => s + scene.value(id, n), 0);
const total = (scene, id) => sum(scene, id, 'lsm.bytes.');
const tables = (scene, id) => sum(scene, id, 'lsm.tables.');

/** Compactions and flushes of a node that have begun and not ended; and for a moment those that ended, or nobody would see them. */
export function running(scene, id) {
  const open = [], lingers = 900;
  for (const e of scene.events(10 * minute, e => e.node === id && (e.family === 'Compaction' || e.family === 'Lsm')).reverse()) {
    if (e.family === 'Compaction' && e.kind === 'Start') open.push({ from: e.level, to: e.output_level, bytes: e.in_bytes, at: e.at, percent: null, until: Infinity });
    else if (e.family === 'Lsm' && e.kind === 'FlushStart') open.push({ from: -1, to: 0, bytes: e.memtable_bytes, at: e.at, percent: null, until: Infinity });
    else {
      const to = e.family === 'Lsm' ? e.kind === 'FlushComplete' ? 0 : null : e.level, isFlush = e.family === 'Lsm';
      const find = () => to === null ? undefined : open.find(o => o.to === to && o.until === Infinity && (o.from < 0) === isFlush);
      let one = find();
      // What a process had begun when it ended is not what the next one goes on with.
      for (let died; one && (died = endBetween(scene.tape, id, one.at, e.at)) !== null; one = find()) one.until = died;
      if (one && e.kind === 'Progress') one.percent = e.pct;
      else if (one && (e.kind === 'Finish' || e.kind === 'FlushComplete')) one.until = Math.max(e.at, one.at + lingers);
    }
  }
  return open.filter(o => o.until >= scene.t && (o.until !== Infinity || endBetween(scene.tape, id, o.at, scene.t) === null));
}

export const storage = new Storage();
