// When a node's process ended, as its events tell: what it had begun ended with it.

const ends = new Set(['Crashed', 'Stopped', 'Failed']);

/** The last sign of life of a node's process that ended between two moments; null where none did. */
export function endBetween(tape, node, from, to) {
  const list = tape.events, started = tape.last?.facts?.[tape.last.byId.get(node)]?.started, isOther = started > from && started <= to;
  let low = 0, high = list.length, sign = from;
  while (low < high) { const mid = (low + high) >> 1; if (list[mid].at < from) low = mid + 1; else high = mid; }
  // Each process numbers its events from one on; the hour that nodes remember numbers its own. What happens at the first moment counts: it is the number to compare with.
  const numbers = { true: [-1, 0], false: [-1, 0] };
  for (; low < list.length && list[low].at <= to; low++) {
    const e = list[low];
    if (e.node !== node) continue;
    if (e.family === 'Sim' && ends.has(e.kind) && e.at > from) return e.at;
    const last = numbers[Boolean(e.past)];
    if (e.seq < last[0] && e.at > last[1] || isOther && e.at >= started) return sign;
    if (e.seq > last[0]) { last[0] = e.seq; last[1] = e.at; }
    sign = e.at;
  }
  return isOther ? sign : null;
}
