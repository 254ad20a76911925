// Recordings: what `norikv events --record` or `norikv sim --record` wrote, and what this page saved. Events become frames, so that
// every view can show them.

import { unknown, untold } from './hour.js';
import { Tape } from './tape.js';

const most = 64 << 20;

/** Reads a file into a tape. Throws an Error whose message says what is wrong with it. */
export async function read(file) {
  if (file.size > most) throw new Error(`${file.name} has more than 64 MiB`);
  const lines = (await file.text()).split('\n');
  const tape = new Tape();
  tape.isLive = false;
  tape.name = file.name;
  const events = [];
  const end = lines.findLastIndex(l => l.trim());
  let known = false;
  for (let i = 0; i < lines.length; i++) {
    if (!lines[i].trim()) continue;
    let line;
    try { line = JSON.parse(lines[i]); } catch {
      // The last line may have been cut off; elsewhere it is no recording.
      if (i === end && known) break;
      throw new Error(`line ${i + 1} of ${file.name} is not JSON`);
    }
    if (line.format) {
      if (!['norikv-events', 'norikv-live'].includes(line.format)) throw new Error(`${file.name} is of another format, ${line.format}`);
      if (line.version !== 1) throw new Error(`${file.name} has version ${line.version}; this page reads version 1`);
      known = true;
    } else if (line.hello || line.wire) {
      tape.take(line);
    } else if (line.family && line.kind) {
      known = true;
      if (line.family === 'Feed' && line.kind === 'Dropped') tape.elided += Number(line.dropped) || 0;
      if (typeof line.t === 'number') line.t = new Date(line.t).toISOString();
      events.push(line);
    } else throw new Error(`line ${i + 1} of ${file.name} is no event`);
  }
  if (!events.length && !tape.frames.length) throw new Error(`${file.name} holds no events`);
  for (const e of events) tape.addEvent(e);
  if (!tape.frames.length) frames(tape);
  return tape;
}

// Of a simulation: what became of a node.
const fates = { Started: { silent: false, status: 'healthy' }, Crashed: { silent: true }, Stopped: { silent: true }, Failed: { silent: true } };

/** Makes frames of events alone: who led what, who was held for what, who was gone; a frame for each 50 ms in which something happened. */
function frames(tape) {
  const { events } = tape, ids = [...new Set(events.flatMap(e => [e.node, e.member]).filter(x => typeof x === 'string'))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(0, 250);
  const shards = Math.min(65536, 1 + events.reduce((m, e) => e.family === 'Raft' || e.family === 'Shard' ? Math.max(m, e.shard ?? 0) : m, 0));
  const nodes = ids.map((id, i) => ({ id, number: i + 1, addr: '', place: i + 1, hue: `var(--n${i % 8 + 1})` })), byId = new Map(nodes.map(n => [n.id, n.place]));
  tape.hello = { node: ids[0], shards, buckets_us: [], process: tape.name };
  // Who led before its first election here, and after a step down that is all there is of one node's recording, is not in it: that is not "nobody".
  const tellers = new Set(events.filter(e => e.family !== 'Feed').map(e => e.node)), left = tellers.size > 1 ? 0 : unknown;
  let leaders = new Uint8Array(shards).fill(unknown), terms = new Map(), facts = [null, ...nodes.map(n => tellers.has(n.id) ? { status: 'healthy', reasons: [], members: [], metrics: true, silent: false, started: events[0].at } : untold)];
  const add = t => tape.frames.push({ t, nodes, byId, figures: [], facts, leaders, terms, standings: [] });
  add(events[0].at - 1);
  for (let i = 0; i < events.length; i++) {
    const e = events[i];
    if (e.family === 'Raft' && e.kind === 'LeaderElected') {
      if ((terms.get(e.shard) ?? 0) <= e.term) { leaders = leaders.slice(); leaders[e.shard] = byId.get(e.node) ?? unknown; terms = new Map(terms).set(e.shard, e.term); }
    } else if (e.family === 'Raft' && e.kind === 'StepDown') {
      if (leaders[e.shard] === byId.get(e.node)) { leaders = leaders.slice(); leaders[e.shard] = left; }
    } else if (e.family === 'Sim' && fates[e.kind] && byId.has(e.node)) {
      const place = byId.get(e.node);
      facts = facts.slice();
      facts[place] = { ...facts[place], ...fates[e.kind] };
      if (facts[place].silent && leaders.includes(place)) leaders = leaders.map(p => p === place ? 0 : p);
    } else if (e.family === 'Swim' && byId.has(e.node)) {
      const place = byId.get(e.node), state = { Alive: 'alive', Suspect: 'suspect', Confirm: 'failed', Leave: 'left' }[e.kind];
      facts = facts.slice();
      facts[place] = { ...facts[place], members: [...facts[place].members.filter(m => m[0] !== e.member), [e.member, state, e.incarnation ?? 0]] };
    }
    // Within 50 ms it is one picture.
    const last = tape.frames[tape.frames.length - 1], next = events[i + 1];
    if (!next || next.at - last.t > 50) add(e.at);
  }
  add(events[events.length - 1].at + 1000);
}

/** What a tape holds of events, as `norikv events --record` would have written it. */
export function save(tape) {
  // What is missing is said where the recording begins, in the words of `/events`.
  const dropped = tape.elided + tape.lost, first = tape.events[0];
  const lack = dropped && first ? [JSON.stringify({ seq: 0, t: first.t, node: tape.hello?.node ?? first.node, family: 'Feed', kind: 'Dropped', dropped })] : [];
  const lines = [JSON.stringify({ format: 'norikv-events', version: 1 }), ...lack, ...tape.events.filter(e => e.family !== 'Feed').map(({ at, past, ...e }) => JSON.stringify(e)), ''];
  return new Blob([lines.join('\n')], { type: 'application/x-ndjson' });
}
