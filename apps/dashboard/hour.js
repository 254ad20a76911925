// The hour before this page was opened, as the nodes remember it: a sample in some seconds, and what happened.

/** Gathers what comes in pieces; gives frames when all of it is there. */
export class Hour {
  #nodes = new Map();

  /** Takes a piece; frames where it was the last one, else null. */
  take(piece, tape) {
    if (piece.node) this.#samples(piece, tape);
    for (const e of piece.events ?? []) if (e) tape.addEvent({ ...e, past: true });
    return piece.done ? this.#frames(tape) : null;
  }

  #samples(piece, tape) {
    if (piece.names) this.#nodes.set(piece.node, { names: piece.names.map(n => tape.number(n)), samples: [], figures: new Float64Array(0) });
    const node = this.#nodes.get(piece.node);
    if (!node) return;
    for (const sample of piece.samples) {
      const figures = new Float64Array(tape.names.length);
      figures.set(node.figures);
      for (let i = 1; i < sample.length; i += 2) figures[node.names[sample[i]]] += sample[i + 1];
      node.figures = figures;
      node.samples.push({ t: sample[0], figures });
    }
  }

  #frames(tape) {
    const first = tape.frames[0], gaps = [...this.#nodes.values()].flatMap(n => n.samples.slice(1).map((s, i) => s.t - n.samples[i].t)).sort((a, b) => a - b);
    if (!first || !gaps.length) return [];
    // Nodes take their samples at moments of their own: those within half a step are one frame.
    const step = gaps[gaps.length >> 1], times = [];
    for (const t of [...this.#nodes.values()].flatMap(n => n.samples.map(s => s.t)).sort((a, b) => a - b)) if (t < first.t && (!times.length || t - times[times.length - 1] > step / 2)) times.push(t);
    const frames = times.map(t => {
      const figures = [], silent = [];
      for (const node of first.nodes) {
        const samples = this.#nodes.get(node.id)?.samples ?? [], i = samples.findLastIndex(s => s.t <= t + step / 2), sample = samples[i];
        if (sample) figures[node.place] = sample.figures;
        silent[node.place] = !sample || t - sample.t > 2.5 * step;
      }
      return { t, nodes: first.nodes, byId: first.byId, figures, silent, replicas: first.replicas, standings: [], facts: [], isHour: true };
    });
    opinions(frames, tape.events, first);
    leaders(frames, tape.events, first);
    return frames;
  }
}

// Whom each node held for what: what its last word was; before a first word, alive.
function opinions(frames, events, first) {
  const heard = new Map(), swim = events.filter(e => e.family === 'Swim');
  let i = 0;
  for (const frame of frames) {
    for (; i < swim.length && swim[i].at <= frame.t; i++) heard.set(`${swim[i].node} ${swim[i].member}`, [{ Alive: 'alive', Suspect: 'suspect', Confirm: 'failed', Leave: 'left' }[swim[i].kind], swim[i].incarnation]);
    for (const node of first.nodes) {
      const members = first.facts[node.place]?.members && first.nodes.map(m => [m.id, ...(heard.get(`${node.id} ${m.id}`) ?? ['alive', 0])]);
      frame.facts[node.place] = { ...first.facts[node.place], status: 'not recorded', reasons: [], members, silent: frame.silent[node.place] };
    }
  }
}

// Backwards from what was seen: before somebody was elected another one led, the one elected before, or one nobody remembers (255).
function leaders(frames, events, first) {
  const elections = events.filter(e => e.family === 'Raft' && e.kind === 'LeaderElected' && e.at <= first.t), before = new Map();
  for (const e of elections) {
    const list = before.get(e.shard) ?? [];
    list.push(e);
    before.set(e.shard, list);
  }
  let now = first.leaders, terms = first.terms, i = elections.length - 1;
  for (let f = frames.length - 1; f >= 0; f--) {
    for (; i >= 0 && elections[i].at > frames[f].t; i--) {
      const list = before.get(elections[i].shard);
      list.pop();
      const last = list[list.length - 1];
      now = now.slice();
      terms = new Map(terms);
      now[elections[i].shard] = last ? first.byId.get(last.node) ?? 255 : 255;
      if (last) terms.set(elections[i].shard, last.term); else terms.delete(elections[i].shard);
    }
    frames[f].leaders = now;
    frames[f].terms = terms;
  }
}
