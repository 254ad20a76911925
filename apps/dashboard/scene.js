// One moment of a tape, and what came before it, as views ask for it.

import { count } from './format.js';
import { unknown } from './hour.js';

export class Scene {
  constructor(tape, t, isLive) {
    this.tape = tape;
    this.isLive = isLive;
    this.place = tape.frames.length ? tape.at(t) : -1;
    this.frame = tape.frames[this.place] ?? null;
    if (this.frame?.isHour) this.frame = exact(tape, this.frame, t);
    this.t = t;
    this.buckets = tape.hello?.buckets_us ?? [];
  }

  get nodes() { return this.frame?.nodes ?? []; }
  get shards() { return this.frame?.leaders?.length ?? 0; }

  facts(id) { return this.frame?.facts[this.frame.byId.get(id)] ?? null; }
  isSilent(id) { const f = this.facts(id); return !f || f.silent; }

  /** How many shards a node leads, in words: where it is not remembered who led, it may have led more, or some at all. */
  leads(node) {
    const { leaders } = this.frame, led = leaders.reduce((c, p) => c + (p === node.place ? 1 : 0), 0);
    return !leaders.includes(unknown) ? count(led) : led ? `${count(led)} or more` : '–';
  }

  /** True where figures of a node are known of this moment: a recording of events has none. */
  hasFigures(id) { return (this.frame?.figures[this.frame.byId.get(id)]?.length ?? 0) > 0; }

  /** True where events of a node, of the last so many milliseconds, are not remembered. */
  forgets(ms, id) {
    const from = this.t - ms;
    return this.tape.isLive && (this.tape.lostTo > from || this.tape.hourDropped.some(d => d.node === id && (!d.from || d.from > from)));
  }

  /** A figure of a node now. */
  value(id, name) { return figure(this.frame, id, this.tape.index.get(name)); }

  /** Per second, over the last ones. */
  rate(id, name, seconds = 3) {
    const then = this.before(seconds * 1000);
    return then && then !== this.frame ? growth(then, this.frame, id, this.tape.index.get(name)) / ((this.frame.t - then.t) / 1000) : 0;
  }

  /** The frame that long ago, or the oldest since the tape began. */
  before(ms) {
    if (!this.frame) return null;
    let i = Math.min(this.tape.at(this.frame.t - ms), Math.max(0, this.place - 1));
    while (i > 0 && this.tape.frames[i].isGap) i--;
    const then = this.tape.frames[i];
    return then === this.frame ? null : then;
  }

  /** Frames of the last so many milliseconds, about so many of them. */
  window(ms, most = 240) {
    if (!this.frame) return [];
    const frames = this.tape.frames, width = Math.max(1000, ms / most), found = [];
    // The same frames whenever it is drawn: places are counted by time, so that lines do not tremble. Never closer than a
    // second: what happens in less is noise of looking.
    for (let i = this.tape.at(this.frame.t - ms); i <= this.place; i++) {
      const last = found[found.length - 1];
      if (frames[i].isGap) continue;
      if (!last || Math.floor(frames[i].t / width) !== Math.floor(last.t / width) && frames[i].t - last.t > width / 2) found.push(frames[i]);
    }
    return found;
  }

  /** A time that holds what was seen, so that plots are not empty at first: one minute, two, or as many as asked for. */
  reach(ms) {
    const seen = this.frame ? this.frame.t - this.tape.frames[0].t : 0;
    return [60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000].find(s => s >= seen || s >= ms);
  }

  /** Points of a rate in time: of one node, or of all. */
  series(names, ms, ids, most) {
    const frames = this.window(ms, most);
    const numbers = [names].flat().map(n => this.tape.index.get(n)).filter(n => n !== undefined);
    const points = [];
    for (let i = 1; i < frames.length; i++) {
      const [a, b] = [frames[i - 1], frames[i]];
      let sum = 0;
      for (const id of ids ?? b.byId.keys()) for (const n of numbers) sum += growth(a, b, id, n);
      points.push([b.t, sum / Math.max(0.05, (b.t - a.t) / 1000)]);
    }
    return points;
  }

  /** Points of a figure as it was. */
  levels(name, ms, id, most) {
    const n = this.tape.index.get(name);
    return this.window(ms, most).map(f => [f.t, figure(f, id, n)]);
  }

  /** How many values fell into each bucket between two frames. */
  counts(name, a, b, ids) {
    const counts = new Float64Array(this.buckets.length + 1);
    // What nodes remember of the hour lacks the buckets of what is only shown of the present.
    if (!a || !b || a.isHour && name.startsWith('stage')) return counts;
    this.tape.buckets(name, counts.length).forEach((n, i) => {
      if (n >= 0) for (const id of ids ?? b.byId.keys()) counts[i] += growth(a, b, id, n);
    });
    return counts;
  }

  /** A quantile of the last seconds in microseconds; null where nothing was measured. */
  quantile(name, q, seconds = 10, ids) {
    let then = this.before(seconds * 1000);
    // A page that was opened a moment ago goes by what it has seen since.
    if (then?.isHour && !this.frame.isHour) then = this.tape.frames.slice(this.tape.at(then.t)).find(f => !f.isHour && !f.isGap);
    return quantileOf(this.counts(name, then === this.frame ? null : then, this.frame, ids), q, this.buckets);
  }

  quantileBetween(name, q, a, b, ids) { return quantileOf(this.counts(name, a, b, ids), q, this.buckets); }

  events(ms, takes) {
    const list = this.tape.events, from = this.t - ms, found = [];
    for (let i = list.length - 1; i >= 0 && list[i].at >= from; i--) if (list[i].at <= this.t && (!takes || takes(list[i]))) found.push(list[i]);
    return found;
  }

  hue(id) { return this.nodes[(this.frame?.byId.get(id) ?? 0) - 1]?.hue ?? 'var(--ink3)'; }
}

// Nodes recorded a sample in some seconds, and elections when they happened: who leads changes with these.
function exact(tape, frame, t) {
  const changes = tape.events.filter(e => e.at > frame.since && e.at <= t && e.family === 'Raft' && (e.kind === 'LeaderElected' || e.kind === 'StepDown') && e.shard < frame.leaders.length);
  if (!changes.length) return frame;
  const leaders = frame.leaders.slice(), terms = new Map(frame.terms);
  for (const e of changes) {
    if (e.term < (terms.get(e.shard) ?? 0)) continue;
    const place = frame.byId.get(e.node) ?? unknown;
    if (e.kind === 'LeaderElected') leaders[e.shard] = place;
    else if (leaders[e.shard] === place) leaders[e.shard] = 0;
    else continue;
    terms.set(e.shard, e.term);
  }
  return { ...frame, leaders, terms };
}

function figure(frame, id, n) {
  if (!frame || n === undefined) return 0;
  return frame.figures[frame.byId.get(id)]?.[n] ?? 0;
}

// A counter that fell belongs to another process of the node: what it counted is not known, and not negative. A node that was not
// there counted before it was seen: that is no growth either.
function growth(a, b, id, n) {
  if (n === undefined) return 0;
  const before = a.figures[a.byId.get(id)], after = b.figures[b.byId.get(id)];
  return before && before.length && after ? Math.max(0, (after[n] ?? 0) - (before[n] ?? 0)) : 0;
}

export function quantileOf(counts, q, bounds) {
  let total = 0;
  for (const c of counts) total += c;
  if (total === 0) return null;
  let left = q * total;
  for (let i = 0; i < counts.length; i++) {
    if (left > counts[i]) { left -= counts[i]; continue; }
    const low = i === 0 ? 0 : bounds[i - 1], high = bounds[i] ?? bounds[bounds.length - 1] * 2;
    return low + (high - low) * (counts[i] ? left / counts[i] : 0);
  }
  return bounds[bounds.length - 1];
}
