// The past: lanes of what happened, the pace of playing, and recordings from files.

import { begin, colour, css, font } from '../draw.js';
import { announce, choice, h, panel, reconcile, say } from '../dom.js';
import { age, clock, count, eventText, plural } from '../format.js';
import { unknown } from '../hour.js';
import { endBetween } from '../lives.js';
import { read, save } from '../recording.js';
import { events } from './cluster.js';

const lanes = [
  ['Elections', e => e.family === 'Raft' && e.kind === 'LeaderElected'], ['Steps down', e => e.family === 'Raft' && e.kind === 'StepDown'], ['Membership', e => e.family === 'Swim'],
  ['Compactions', e => e.family === 'Compaction' && e.kind !== 'Progress'], ['Flushes', e => e.family === 'Lsm' && e.kind.startsWith('Flush')], ['Pressure', e => e.family === 'Lsm' && !e.kind.startsWith('Flush')],
  ['Log', e => e.family === 'Wal'], ['Faults', e => e.family === 'Sim'], ['Others', e => !['Raft', 'Swim', 'Compaction', 'Lsm', 'Wal', 'Sim'].includes(e.family)],
];

class Playback {
  id = 'playback';
  icon = 'playback';
  title = 'Playback';
  #filter = 'all';

  mount(main, app) {
    this.app = app;
    this.headline = h('p');
    this.file = h('input', { type: 'file', hidden: true, accept: '.jsonl,.ndjson,.json,.txt', onchange: () => { if (this.file.files[0]) this.load(this.file.files[0]); this.file.value = ''; } });
    this.problem = h('p', { class: 'word bad', role: 'alert', hidden: true });
    this.lost = h('p', { class: 'word warn', role: 'status', hidden: true });
    this.lanes = h('canvas', { role: 'img' });
    this.lanesPanel = panel('What happened', 'w12', this.lanes);
    this.lanesPanel.tools.append(choice('Pace', [['0.25', '¼×'], ['1', '1×'], ['4', '4×'], ['16', '16×'], ['64', '64×']], String(app.speed), v => { app.speed = Number(v); }));
    this.summary = panel('At this moment', 'w5', h('table', { class: 'rows told' }, h('tbody')));
    this.log = panel('Up to this moment', 'w7', h('ul', { class: 'log tall', tabindex: 0, 'aria-label': 'Events up to this moment' }));
    this.log.tools.append(choice('Events of', [['all', 'All'], ['Raft', 'Raft'], ['Swim', 'Swim'], ['Lsm', 'Engine']], this.#filter, v => { this.#filter = v; app.redraw(); }));
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Playback'), this.headline, h('span', { class: 'grow' }), h('button', { class: 'button', type: 'button', onclick: () => this.#save() }, 'Save events'),
      h('button', { class: 'button', type: 'button', onclick: () => this.file.click() }, 'Open a recording'), this.file), this.problem, this.lost,
      h('div', { class: 'cols' }, this.lanesPanel, this.summary, this.log));
    this.lanes.addEventListener('click', e => {
      const box = this.lanes.getBoundingClientRect(), part = (e.clientX - box.left - 92) / (box.width - 96);
      if (part >= 0 && part <= 1) app.seek(this.from + part * (this.to - this.from));
    });
  }

  async load(file) {
    this.problem.hidden = true;
    try {
      const tape = await read(file);
      this.app.open(tape);
      announce(`${file.name}: ${plural(tape.events.length, 'event')}`);
    } catch (e) {
      this.problem.hidden = false;
      say(this.problem, e.message);
    }
  }

  update(scene) {
    const tape = scene.tape, { timeline } = this.app;
    [this.from, this.to] = [timeline.from ?? tape.from, Math.max(timeline.to ?? tape.to, tape.to)];
    if (!tape.isLive) [this.from, this.to] = [tape.from, tape.to];
    const loading = tape.isLive && !tape.hasHour ? `, the hour before is coming: ${Math.round(tape.hourPart * 100)} %` : '';
    say(this.headline, tape.isLive ? `${age(tape.to - tape.from)} to look at${loading}; pull the time line, and every view shows the past` : `${tape.name}: ${plural(tape.events.length, 'event')} in ${age(tape.to - tape.from)}`);
    const lost = tape.isLive ? tape.hourDropped : [];
    this.lost.hidden = !lost.length && !tape.lost && !tape.elided;
    if (!this.lost.hidden) say(this.lost, `Events are missing: ${[...lost.map(d => `${d.node} had ${count(d.dropped)} more in this hour than it remembers${d.from ? `, those before ${clock(d.from)}` : ''} (telemetry.hour.events)`),
      ...(tape.elided ? [`${count(tape.elided)} came too fast ${tape.isLive ? 'for this page' : 'to be recorded'}`] : []), ...(tape.lost ? [`this page let go of ${count(tape.lost)}, those before ${clock(tape.lostTo)}`] : [])].join('; ')}.`);
    this.#lanes(scene);
    this.#summary(scene);
    const takes = this.#filter === 'all' ? null : e => e.family === this.#filter || this.#filter === 'Lsm' && ['Compaction', 'Wal', 'Cache', 'Scrub'].includes(e.family);
    events(this.log.querySelector('ul'), scene.events(Infinity, takes).slice(0, 120), scene);
  }

  #lanes(scene) {
    const all = scene.tape.events.filter(e => e.at >= this.from), shown = lanes.map(([name, takes]) => [name, all.filter(takes)]).filter((l, i) => l[1].length || i < 4);
    const tall = 30, c = begin(this.lanes, shown.length * tall + 22);
    if (!c) return;
    const { g, w } = c, left = 92, x = t => left + (t - this.from) / Math.max(1, this.to - this.from) * (w - left - 4);
    g.textBaseline = 'middle';
    // What is drawn as a span: the node, its beginning and its end.
    const bars = this.bars = [];
    shown.forEach(([name, list], i) => {
      const y = (i + 0.5) * tall;
      g.globalAlpha = 1;
      g.fillStyle = css.of('--grid');
      g.fillRect(left, y - 10, w - left, 20);
      g.font = font(12);
      g.textAlign = 'left';
      g.fillStyle = css.of('--ink2');
      g.fillText(name, 0, y);
      const open = [], bar = (begun, end) => {
        g.fillStyle = colour(scene.hue(begun.node));
        g.fillRect(x(begun.at), y - 7, Math.max(2, x(end) - x(begun.at)), 14);
        bars.push([begun.node, begun.at, end]);
      };
      for (const e of list) {
        g.fillStyle = colour(scene.hue(e.node));
        g.globalAlpha = e.at > scene.t ? 0.35 : 1;
        if (e.family === 'Compaction' && e.kind === 'Start') { open.push(e); continue; }
        if (e.family === 'Compaction' && e.kind === 'Finish') {
          let begun = e;
          // What a process had begun when it ended is not what the next one finished.
          for (let at; begun === e && (at = open.findIndex(o => o.node === e.node && o.output_level === e.level)) >= 0;) {
            const [o] = open.splice(at, 1), died = endBetween(scene.tape, o.node, o.at, e.at);
            if (died === null) begun = o;
            else bar(o, died);
          }
          bar(begun, e.at);
          continue;
        }
        g.fillRect(x(e.at) - 1, y - 8, 2, 16);
      }
      for (const o of open) {
        const died = endBetween(scene.tape, o.node, o.at, this.to);
        if (died !== null) bar(o, died);
      }
    });
    g.globalAlpha = 1;
    g.font = font(11);
    g.textAlign = 'center';
    g.fillStyle = css.of('--ink2');
    const span = this.to - this.from, step = [1, 5, 15, 30, 60, 120, 300, 600, 900].map(s => s * 1000).find(s => span / s <= (w - left) / 92) ?? 1_800_000;
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) if (x(t) > left + 20 && x(t) < w - 26) g.fillText(clock(t).slice(0, step % 60_000 ? 8 : 5), x(t), shown.length * tall + 13);
    g.fillStyle = css.of(this.app.isLive ? '--nori' : '--warn');
    g.fillRect(Math.min(w - 2, x(scene.t)) - 1, 0, 2, shown.length * tall);
    this.lanes.setAttribute('aria-label', shown.map(([name, list]) => `${name}: ${list.length}`).join(', '));
    say(this.lanesPanel.note, `${clock(this.from)} to ${clock(this.to)}; a click goes there`);
  }

  #summary(scene) {
    const { frame } = scene, rows = !frame ? [] : [
      ['Time', clock(scene.t, true)],
      ...scene.nodes.map(n => [n.id, [scene.isSilent(n.id) ? scene.facts(n.id)?.status === 'not recorded' ? 'not recorded' : 'silent' : scene.facts(n.id).status, scene.leads(n) === '–' ? '' : `leads ${scene.leads(n)} shards`].filter(Boolean).join(', '), n.hue]),
      ['No leader', plural(frame.leaders.reduce((c, p) => c + (p ? 0 : 1), 0), 'shard')],
      ...(frame.leaders.includes(unknown) ? [['Not known', `of ${plural(frame.leaders.reduce((c, p) => c + (p === unknown ? 1 : 0), 0), 'shard')}: the nodes that had them remember nothing of it`]] : []),
      ['Last', scene.events(Infinity).slice(0, 1).map(e => `${e.node ?? ''} ${eventText(e)}`.trim())[0] ?? 'nothing'],
    ];
    reconcile(this.summary.querySelector('tbody'), rows, r => r[0], r => h('tr', {}, h('th', { scope: 'row' }, r[2] ? h('span', { class: 'nodename', hue: r[2] }, r[0]) : r[0]), h('td')), (e, r) => say(e.cells[1], String(r[1])));
  }

  #save() {
    const link = h('a', { href: URL.createObjectURL(save(this.app.source)), download: `norikv-${new Date(this.app.now).toISOString().slice(0, 19).replaceAll(':', '')}.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

export const playback = new Playback();
