// The strip at the foot: what happened, and a handle on when. Pulling it shows the past in every view.

import { begin, colour, css, font } from './draw.js';
import { h, icon, mark, say } from './dom.js';
import { age, clock } from './format.js';

const loud = new Set(['Raft LeaderElected', 'Swim Suspect', 'Swim Confirm', 'Swim Alive', 'Swim Leave', 'Lsm L0Stall', 'Scrub CorruptionFound', 'Compaction Finish']);

export class Timeline {
  constructor(app) {
    this.app = app;
    this.canvas = h('canvas');
    this.strip = h('div', { class: 'strip', role: 'slider', tabindex: 0, 'aria-label': 'Time shown; arrow keys go through the past', 'aria-valuemin': 0, 'aria-valuemax': 100 }, this.canvas);
    this.play = h('button', { class: 'button play', type: 'button', onclick: () => app.play(!app.isPlaying) });
    this.at = h('span', { class: 'at' }, h('b'), h('span'));
    this.live = h('button', { class: 'button', type: 'button', onclick: () => app.goLive() }, 'Live');
    document.getElementById('time').append(this.play, this.strip, this.at, this.live);
    const seek = e => {
      const box = this.strip.getBoundingClientRect();
      app.seek(this.from + Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * (this.to - this.from));
    };
    this.strip.addEventListener('pointerdown', e => { this.strip.setPointerCapture(e.pointerId); seek(e); });
    this.strip.addEventListener('pointermove', e => { if (this.strip.hasPointerCapture(e.pointerId)) seek(e); });
    this.strip.addEventListener('keydown', e => {
      const step = { ArrowLeft: -1000, ArrowRight: 1000, PageDown: -60_000, PageUp: 60_000, ArrowDown: -10_000, ArrowUp: 10_000 }[e.key];
      if (step) app.seek(app.shown + step);
      else if (e.key === 'Home') app.seek(this.from);
      else if (e.key === 'End') app.goLive();
      else if (e.key === ' ') app.play(!app.isPlaying);
      else return;
      e.preventDefault();
    });
  }

  update() {
    const { app } = this, tape = app.source;
    this.to = tape.isLive ? Math.max(tape.to, app.now - 1000) : tape.to;
    // A round span of time that holds what there is, ten minutes at first sight.
    const have = this.to - Math.max(tape.from, this.to - 3_600_000);
    this.from = tape.isLive ? this.to - ([120, 300, 600, 1200, 1800, 3600].find(s => s * 1000 >= have) ?? 3600) * 1000 : tape.from;
    this.#draw(tape);
    const past = !app.isLive, part = (app.shown - this.from) / Math.max(1, this.to - this.from);
    mark(this.strip, 'aria-valuenow', Math.round(part * 100));
    mark(this.strip, 'aria-valuetext', past ? `${clock(app.shown)}, ${age(this.to - app.shown)} before the end` : `${clock(app.shown)}, live`);
    say(this.at.firstChild, clock(app.shown));
    say(this.at.lastChild, tape.isLive ? past ? `${age(app.now - app.shown)} ago` : 'now' : `of ${tape.name ?? 'file'}`);
    this.live.hidden = app.isLive;
    say(this.live, tape.isLive ? 'Live' : 'Close file');
    const drawn = app.isPlaying ? 'pause' : 'play';
    if (this.play.dataset.icon !== drawn) {
      this.play.dataset.icon = drawn;
      this.play.replaceChildren(icon(drawn));
      this.play.setAttribute('aria-label', app.isPlaying ? 'Pause' : 'Play');
    }
  }

  #draw(tape) {
    const c = begin(this.canvas);
    if (!c) return;
    const { g, w, h: tall } = c, x = t => (t - this.from) / Math.max(1, this.to - this.from) * w, floor = tall - 13;
    g.fillStyle = css.of('--grid');
    g.beginPath();
    g.roundRect(0, 0, w, floor, 6);
    g.fill();
    this.#throughput(g, tape, x, floor);
    // Before the oldest moment, and where the connection was lost, nothing is known.
    const hidden = tape.frames.length ? [[0, x(tape.from)]] : [];
    tape.frames.forEach((f, i) => { if (f.isGap) hidden.push([x(f.t), x(tape.frames[i + 1]?.t ?? this.to)]); });
    g.fillStyle = css.of('--panel');
    g.globalAlpha = 0.55;
    for (const [a, b] of hidden) if (b - Math.max(0, a) > 1) g.fillRect(Math.max(0, a), 0, b - Math.max(0, a), floor);
    g.globalAlpha = 1;
    this.#events(g, tape, x, floor);
    g.font = font(10.5);
    g.fillStyle = css.of('--ink2');
    g.textAlign = 'center';
    const span = this.to - this.from, step = [15, 30, 60, 120, 300, 600, 900].map(s => s * 1000).find(s => span / s <= Math.max(2, w / 90)) ?? 1_800_000;
    for (let t = Math.ceil(this.from / step) * step; t < this.to; t += step) if (x(t) > 24 && x(t) < w - 24) g.fillText(clock(t).slice(0, step % 60_000 ? 8 : 5), x(t), tall - 2);
    const at = Math.min(w - 1, Math.max(1, x(this.app.shown)));
    g.fillStyle = css.of(this.app.isLive ? '--nori' : '--warn');
    g.fillRect(at - 1, 0, 2, floor);
    g.beginPath();
    g.arc(at, floor, 4.5, 0, 7);
    g.fill();
  }

  #throughput(g, tape, x, floor) {
    const frames = tape.frames, numbers = ['put', 'get', 'delete', 'batch', 'scan'].map(o => tape.index.get(`ops.${o}`)).filter(n => n !== undefined);
    if (frames.length < 2 || !numbers.length) return;
    const width = (this.to - this.from) / 180, points = [];
    for (let i = 1, a = frames[0]; i < frames.length; i++) {
      const b = frames[i];
      if (b.isGap || Math.floor(b.t / width) === Math.floor(a.t / width)) continue;
      let sum = 0;
      for (const [id, place] of b.byId) {
        const before = a.figures[a.byId.get(id)], after = b.figures[place];
        if (before && after) for (const n of numbers) sum += Math.max(0, (after[n] ?? 0) - (before[n] ?? 0));
      }
      points.push([b.t, sum / ((b.t - a.t) / 1000)]);
      a = b;
    }
    if (!points.length) return;
    const most = Math.max(1, ...points.map(p => p[1])) * 1.1;
    g.beginPath();
    g.moveTo(x(points[0][0]), floor);
    for (const [t, v] of points) g.lineTo(x(t), floor - v / most * (floor - 12));
    g.lineTo(x(points[points.length - 1][0]), floor);
    g.closePath();
    g.fillStyle = css.of('--nori');
    g.globalAlpha = 0.28;
    g.fill();
    g.globalAlpha = 1;
  }

  #events(g, tape, x, floor) {
    const taken = new Map();
    for (const e of tape.events) {
      if (e.at < this.from || !loud.has(`${e.family} ${e.kind}`)) continue;
      // One mark a place and kind: a thousand elections at once are one.
      const place = Math.round(x(e.at) / 4) * 4, key = `${place} ${e.family}`;
      if (taken.has(key)) continue;
      taken.set(key, true);
      if (e.family === 'Compaction') { g.fillStyle = css.of('--ink3'); g.fillRect(place, floor - 4, 2, 4); continue; }
      g.fillStyle = e.family === 'Raft' ? colour(this.app.hueOf(e.node)) : css.of(e.kind === 'Alive' ? '--nori' : e.kind === 'Suspect' ? '--warn' : '--bad');
      g.beginPath();
      if (e.family === 'Raft') { g.moveTo(place, 3); g.lineTo(place + 4, 7); g.lineTo(place, 11); g.lineTo(place - 4, 7); }
      else if (e.kind === 'Alive') g.arc(place, 18, 3, 0, 7);
      else { g.moveTo(place, 13); g.lineTo(place + 4.500, 21); g.lineTo(place - 4.500, 21); }
      g.fill();
    }
  }
}

