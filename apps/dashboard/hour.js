// The hour before this page was opened, as the nodes recorded it whether or not anybody watched: a sample in some seconds, and what
// happened. The newest minutes come first; each node's newest sample tells all, each older one how it differs from the newer.

/** A leader that no replica's node remembers. */
export const unknown = 255;

/** What is known of a node of which nothing is recorded. */
export const untold = { status: 'not recorded', reasons: [], members: [], metrics: true, silent: true };

/** Gathers what comes line by line; gives the frames of a span of time when all nodes told it. */
export class Hour {
  #nodes = new Map();
  #of = [];
  #before = Infinity;
  #oldest = 0;
  #newest = 0;

  /** How much of it is here, 0 to 1. */
  part = 0;

  /** Takes a line; frames older than all before, where a span is complete. */
  take(line, tape) {
    if (line.of) { this.#of = line.of; this.#oldest = line.oldest; }
    if (line.samples) this.#samples(line, tape);
    for (const e of line.events ?? []) if (e) tape.addEvent({ ...e, past: true });
    if (line.done) this.part = 1;
    else if (line.from !== undefined && this.#newest > this.#oldest) this.part = Math.min(0.99, (this.#newest - line.from) / (this.#newest - this.#oldest));
    return line.from !== undefined ? this.#frames(line.from, tape) : line.done ? this.#frames(-Infinity, tape) : [];
  }

  /** Events of the hour that nodes do not remember: how many of whom, and since when they do. */
  get dropped() { return this.#of.filter(n => n.dropped).map(n => ({ node: n.node, dropped: n.dropped, from: n.events_from })); }

  #samples(line, tape) {
    if (line.names) this.#nodes.set(line.node, { names: line.names.map(n => tape.number(n)), samples: [], figures: new Float64Array(0), leaders: new Map(), facts: null });
    const node = this.#nodes.get(line.node);
    if (!node) return;
    for (const sample of line.samples) {
      const figures = new Float64Array(tape.names.length);
      figures.set(node.figures);
      for (let i = 0; i < sample.f.length; i += 2) figures[node.names[sample.f[i]]] += sample.f[i + 1];
      node.figures = figures;
      if (sample.l) {
        node.leaders = new Map(node.leaders);
        for (let i = 0; i < sample.l.length; i += 3) { if (sample.l[i + 2]) node.leaders.set(sample.l[i], [sample.l[i + 1], sample.l[i + 2]]); else node.leaders.delete(sample.l[i]); }
      }
      if (sample.x) node.facts = sample.x;
      node.samples.push({ t: sample.t, figures, leaders: node.leaders, facts: node.facts });
      this.#newest = Math.max(this.#newest, sample.t);
    }
  }

  // Nodes take their samples at moments of their own: those within half a step are one frame.
  #frames(from, tape) {
    const now = tape.last, hello = tape.hello, before = this.#before;
    this.#before = from;
    if (!now || !hello) return [];
    const gaps = [...this.#nodes.values()].flatMap(n => n.samples.slice(1).map((s, i) => n.samples[i].t - s.t)).sort((a, b) => a - b), step = gaps[gaps.length >> 1] ?? 10_000, times = [];
    for (const t of [...this.#nodes.values()].flatMap(n => n.samples.map(s => s.t)).filter(t => t > from && t <= before).sort((a, b) => a - b)) if (!times.length || t - times[times.length - 1] > step / 2) times.push(t);
    const places = new Map(now.nodes.map(n => [n.number, n.place]));
    let last = null;
    return times.map(t => {
      const toldBy = moment => now.nodes.map(n => [n, this.#nodes.get(n.id)?.samples.find(s => s.t <= moment)]).map(([n, s]) => [n, s && t - s.t <= 2.5 * step ? s : null]);
      // Who leads is told by what was known then, and from there on by the events: a sample a little later may know of an election to come.
      const told = toldBy(t + step / 2), knew = toldBy(t).map(([n, s], i) => [n, s ?? told[i][1]]);
      const figures = [], facts = [];
      for (const [n, s] of told) {
        if (s) figures[n.place] = s.figures;
        facts[n.place] = s?.facts ? { ...s.facts, silent: false } : untold;
      }
      // Nearly always the same as a moment later.
      if (!last || knew.some(([, s], i) => s?.leaders !== last.of[i])) last = { of: knew.map(([, s]) => s?.leaders), ...leaders(knew, hello.shards, places) };
      return { t, since: Math.min(t, ...knew.map(([, s]) => s?.t ?? t)), nodes: now.nodes, byId: now.byId, figures, facts, leaders: last.leaders, terms: last.terms, replicas: now.replicas, standings: [], isHour: true };
    });
  }
}

// Of those that have a replica whoever is furthest in terms knows best; where none of them is remembered, nobody does.
function leaders(told, shards, places) {
  const found = new Uint8Array(shards).fill(unknown), terms = new Map();
  for (const [n, s] of told) {
    for (const [shard, [leader, term]] of s?.leaders ?? []) {
      const known = terms.get(shard) ?? -1, place = leader ? places.get(leader) ?? unknown : 0;
      // In one term one leads: who knows whom says more than who has not heard yet.
      if (shard >= shards || term < known || term === known && (found[shard] || !place)) continue;
      found[shard] = place;
      terms.set(shard, term);
    }
  }
  return { leaders: found, terms };
}
