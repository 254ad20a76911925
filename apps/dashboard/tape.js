// What was seen of the cluster, frame by frame: four a second of the last minute, one in two seconds of the last hour. Live views
// and playback draw from the same frames, so what is played back is what was seen; before that, what the nodes recorded.

import { Hour, unknown, untold } from './hour.js';

const fineMs = 60_000, coarseMs = 2_000, gapMs = 5_000, keptMs = 3_600_000, eventsMost = 60_000, recordedMost = 200_000;

/** Logarithmic bytes of the feed: n stands for 2^((n-1)/8) - 1. */
export const unscale = byte => byte === 0 ? 0 : 2 ** ((byte - 1) / 8) - 1;

const content = ({ seq, past, ...rest }) => JSON.stringify(rest);

const unpack = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

export class Tape {
  names = [];
  index = new Map();
  frames = [];
  events = [];
  hello = null;
  elided = 0;
  #elidedBefore = 0;
  /** Events that were let go of, as there were too many, and the moment up to which they are missing. */
  lost = 0;
  lostTo = 0;
  through = 0;
  isLive = true;
  #fineFrom = 0;
  #wire = null;
  #hour = null;
  #buckets = new Map();
  hasHour = false;
  /** How much of the hour before the page is here, 0 to 1. */
  hourPart = 0;
  /** Events of that hour which nodes do not remember. */
  hourDropped = [];

  get last() { return this.frames[this.frames.length - 1] ?? null; }
  get from() { return this.frames[0]?.t ?? this.events[0]?.at ?? 0; }
  get to() { return Math.max(this.last?.t ?? 0, this.events[this.events.length - 1]?.at ?? 0); }

  /** Takes a message of the feed. */
  take(message) {
    if (message.hello) {
      // Another connection: names are numbered anew and differences begin at nothing.
      if (this.hello?.process !== message.process) this.through = 0;
      this.hello = message;
      this.#hour = null;
      this.#elidedBefore = this.elided;
      this.#wire = { names: [], figures: [], facts: [], leaders: new Uint8Array(message.shards), terms: this.last?.terms };
      return;
    }
    if (message.hour) {
      const hour = this.#hour ??= new Hour();
      this.addPast(hour.take(message.hour, this));
      [this.hourPart, this.hourDropped] = [hour.part, hour.dropped];
      if (message.hour.done) { this.#hour = null; this.hasHour = true; }
      return;
    }
    if (message.t !== undefined) this.#frame(message);
    for (const e of message.events ?? []) if (e) this.addEvent(e);
    if (message.through) this.through = message.through;
    if (message.elided !== undefined) this.elided = this.#elidedBefore + message.elided;
  }

  /** The own number of a figure's name. */
  number(name) {
    let i = this.index.get(name);
    if (i === undefined) { this.index.set(name, i = this.names.length); this.names.push(name); }
    return i;
  }

  /** The own numbers of a distribution's buckets, -1 for those that nothing fell into yet. */
  buckets(name, many) {
    let known = this.#buckets.get(name);
    if (known?.names === this.names.length) return known.numbers;
    known = { names: this.names.length, numbers: Array.from({ length: many }, (_, i) => this.index.get(`${name}.${i}`) ?? -1) };
    this.#buckets.set(name, known);
    return known.numbers;
  }

  addEvent(e) {
    e.at = Date.parse(e.t);
    if (!(e.at > 0)) return;
    const list = this.events;
    let i = list.length;
    if (i > 0 && list[i - 1].at > e.at) {
      let low = 0;
      while (low < i) { const mid = (low + i) >> 1; if (list[mid].at <= e.at) low = mid + 1; else i = mid; }
    }
    // The same once more: after a connection was lost, or of the hour that nodes remember, which numbers its events by itself.
    for (let k = i - 1; k >= 0 && list[k].at === e.at; k--) if (list[k].past === e.past ? list[k].seq === e.seq && list[k].node === e.node && list[k].kind === e.kind : content(list[k]) === content(e)) return;
    list.splice(i, 0, e);
    const most = this.isLive ? eventsMost : recordedMost;
    if (list.length > most) {
      const gone = list.splice(0, list.length - most);
      this.lost += gone.length;
      this.lostTo = Math.max(this.lostTo, gone[gone.length - 1].at);
    }
  }

  addFrame(frame) {
    const frames = this.frames;
    frames.push(frame);
    // What left the last minute is thinned as it leaves.
    while (this.#fineFrom < frames.length && frames[this.#fineFrom].t < frame.t - fineMs) {
      const before = frames[this.#fineFrom - 1];
      if (before && !before.isGap && !frames[this.#fineFrom].isGap && frames[this.#fineFrom].t - before.t < coarseMs) frames.splice(this.#fineFrom, 1);
      else this.#fineFrom++;
    }
    if (frames[0].t < frame.t - keptMs) { frames.shift(); this.#fineFrom = Math.max(0, this.#fineFrom - 1); }
  }

  /** Puts frames of the past in front of what was seen itself, and where nothing was seen. */
  addPast(frames) {
    const mine = this.frames[0]?.t ?? Infinity;
    for (const gap of this.frames.filter(f => f.isGap)) {
      const at = this.frames.indexOf(gap) + 1, to = this.frames.slice(at).find(f => !f.isHour)?.t ?? Infinity;
      // Newest spans come first: what is told once more is not put there twice.
      const before = this.frames.slice(at).find(f => f.isHour && f.t < to)?.t ?? to, missing = frames.filter(f => f.t > gap.t && f.t < before);
      this.frames.splice(at, 0, ...missing);
      if (at <= this.#fineFrom) this.#fineFrom += missing.length;
    }
    const older = frames.filter(f => f.t < mine);
    this.frames.unshift(...older);
    this.#fineFrom += older.length;
  }

  // What was before the connection was lost says nothing of what came then: until the nodes tell it, it is not known.
  #gap(last, t) {
    if (!last || last.isGap || t - last.t < gapMs) return;
    this.addFrame({ t: last.t + 1000, nodes: last.nodes, byId: last.byId, figures: [], facts: [null, ...last.nodes.map(() => untold)], leaders: new Uint8Array(last.leaders.length).fill(unknown),
      terms: new Map(), replicas: last.replicas, standings: [], isGap: true });
  }

  /** The place of the last frame at a time. */
  at(t) {
    let low = 0, high = this.frames.length;
    while (low < high) { const mid = (low + high) >> 1; if (this.frames[mid].t <= t) low = mid + 1; else high = mid; }
    return Math.max(0, low - 1);
  }

  #frame(m) {
    const wire = this.#wire, last = this.last;
    if (!wire) return;
    if (m.names) m.names.slice(1).forEach((name, i) => { wire.names[m.names[0] + i] = this.number(name); });
    if (m.nodes) {
      if (m.anew) { wire.figures = []; wire.facts = []; }
      wire.nodes = m.nodes.map((n, i) => ({ ...n, place: i + 1, hue: `var(--n${i % 8 + 1})` }));
      wire.byId = new Map(wire.nodes.map(n => [n.id, n.place]));
    }
    for (const place of m.reset ?? []) wire.figures[place] = new Float64Array(0);
    for (const change of m.figures ?? []) {
      const old = wire.figures[change[0]] ?? new Float64Array(0);
      const now = new Float64Array(this.names.length);
      now.set(old);
      for (let i = 1; i < change.length; i += 2) now[wire.names[change[i]]] += change[i + 1];
      wire.figures[change[0]] = now;
    }
    if (m.facts) {
      wire.facts = wire.facts.slice();
      for (const [place, facts] of m.facts) wire.facts[place] = facts ? { ...facts, silent: false } : { ...wire.facts[place], silent: true };
    }
    if (m.leaders) wire.leaders = unpack(m.leaders);
    if (m.led) {
      wire.leaders = wire.leaders.slice();
      wire.terms = new Map(wire.terms);
      for (let i = 0; i < m.led.length; i += 3) { wire.leaders[m.led[i]] = m.led[i + 1]; wire.terms.set(m.led[i], m.led[i + 2]); }
    }
    if (m.heat) wire.heat = unpack(m.heat);
    if (m.sizes) wire.sizes = unpack(m.sizes);
    if (m.replicas) wire.replicas = unpack(m.replicas);
    const standings = m.standings ?? last?.standings ?? [];
    this.#gap(last, m.t);
    this.addFrame({
      t: m.t, nodes: wire.nodes ?? [], byId: wire.byId ?? new Map(), figures: wire.figures.slice(), facts: wire.facts, leaders: wire.leaders,
      terms: wire.terms ?? new Map(), heat: wire.heat, sizes: wire.sizes, replicas: wire.replicas, standings,
    });
  }
}
