// Numbers, times and words as people read them.

export function count(n) {
  if (!isFinite(n)) return '–';
  const a = Math.abs(n);
  if (a >= 1e9) return (n / 1e9).toFixed(a < 1e10 ? 2 : 1) + ' G';
  if (a >= 1e6) return (n / 1e6).toFixed(a < 1e7 ? 2 : 1) + ' M';
  if (a >= 1e5) return (n / 1e3).toFixed(0) + ' k';
  if (a >= 1e4) return (n / 1e3).toFixed(1) + ' k';
  if (a >= 100 || Number.isInteger(n)) return Math.round(n).toLocaleString('en').replaceAll(',', ' ');
  return n.toFixed(a < 10 && a > 0 ? 1 : 0);
}

/** A duration of microseconds, as number and unit. */
export function span(us) {
  if (us === null || !isFinite(us)) return ['–', ''];
  if (us < 1000) return [us.toFixed(0), 'µs'];
  if (us < 1e6) return [(us / 1e3).toFixed(us < 1e4 ? 2 : us < 1e5 ? 1 : 0), 'ms'];
  return [(us / 1e6).toFixed(us < 1e7 ? 2 : 1), 's'];
}

export const spanText = us => span(us).join(' ').trim();

/** A bound of a bucket, without digits that say nothing. */
export const boundText = us => us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`;

export function bytes(n) {
  if (!isFinite(n)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0, v = Math.abs(n);
  while (v >= 1024 && i < units.length - 1) { v /= 1024; i++; }
  return `${n < 0 ? '−' : ''}${v >= 100 || i === 0 ? v.toFixed(0) : v.toFixed(1)} ${units[i]}`;
}

export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d`;
}

const two = n => String(n).padStart(2, '0');

export function clock(t, withMs) {
  const d = new Date(t);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${withMs ? '.' + String(d.getMilliseconds()).padStart(3, '0') : ''}`;
}

export const percent = (part, whole) => whole > 0 ? `${(100 * part / whole).toFixed(part / whole > 0.995 && part < whole ? 2 : 0)} %` : '–';

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many ?? one + 's'}`;

/** What an event says, in words. */
export function eventText(e) {
  const shard = e.group === 'meta' ? 'the meta group' : `shard ${e.shard}`;
  switch (`${e.family} ${e.kind}`) {
    case 'Raft LeaderElected': return `leads ${shard} in term ${e.term}`;
    case 'Raft StepDown': return `steps down from ${shard}`;
    case 'Raft VoteReq': return `was asked for its vote in ${shard}, term ${e.term}`;
    case 'Raft VoteGranted': return `got a vote in ${shard}, term ${e.term}`;
    case 'Raft ClockWellness': return e.well === 0 || e.well === false ? 'its clock is off' : 'clock is well';
    case 'Swim Alive': return `sees ${e.member} alive`;
    case 'Swim Suspect': return `suspects ${e.member}`;
    case 'Swim Confirm': return `holds ${e.member} for dead`;
    case 'Swim Leave': return `heard that ${e.member} left`;
    case 'Compaction Start': return `compacts L${e.level} into L${e.output_level}, ${bytes(e.in_bytes)}`;
    case 'Compaction Progress': return `compaction into L${e.level} at ${Math.round(e.pct)} %`;
    case 'Compaction Finish': return e.out_bytes ? `compacted ${bytes(e.in_bytes)} into ${bytes(e.out_bytes)} in L${e.level}` : `moved ${bytes(e.in_bytes)} to L${e.level}`;
    case 'Lsm FlushTriggered': return `seals a memtable of ${bytes(e.memtable_bytes)} (${e.reason})`;
    case 'Lsm FlushStart': return `flushes ${bytes(e.memtable_bytes)}`;
    case 'Lsm FlushComplete': return `flushed ${count(e.entries)} entries, ${bytes(e.bytes)}`;
    case 'Lsm L0Stall': return `writes stop: ${e.file_count} tables in L0`;
    case 'Lsm WritePressure': return e.ratio > 0 ? `slows writes, pressure ${e.ratio.toFixed(2)}` : 'writes run freely again';
    case 'Wal SegmentRoll': return `log segment ${e.seg} begins`;
    case 'Wal SegmentGc': return `log segment ${e.seg} is gone`;
    case 'Wal Fsync': return `a sync of the log took ${(e.ms ?? 0).toFixed(0)} ms`;
    case 'Cache HitRatio': return `${e.name} cache: ${Math.round(100 * e.ratio)} % of the reads found theirs`;
    case 'Shard SnapshotStart': return `snapshot of ${shard} begins`;
    case 'Shard SnapshotDone': return `snapshot of ${shard} is done`;
    case 'Sim Started': case 'Sim Crashed': case 'Sim Stopped': case 'Sim Failed': case 'Sim Told': case 'Sim Violation': return e.text;
    case 'Scrub CorruptionFound': return `damage in ${e.file} at ${e.offset}`;
    case 'Scrub Finish': return `scrubbed ${bytes(e.bytes)}, ${plural(e.damages, 'damage')}`;
    default: {
      const rest = Object.entries(e).filter(([k]) => !['seq', 't', 'at', 'past', 'node', 'family', 'kind'].includes(k)).map(([k, v]) => `${k} ${v}`).join(', ');
      return `${e.family} ${e.kind}${rest ? ': ' + rest : ''}`;
    }
  }
}

/** The shape that stands for an event wherever it is drawn. */
export function eventMark(e) {
  switch (e.family) {
    case 'Raft': return e.kind === 'LeaderElected' ? '◆' : '◇';
    case 'Swim': return e.kind === 'Alive' ? '●' : e.kind === 'Leave' ? '–' : '▲';
    case 'Compaction': return '▾';
    case 'Lsm': return e.kind === 'L0Stall' || e.kind === 'WritePressure' ? '■' : '▿';
    case 'Scrub': return '✕';
    default: return '·';
  }
}
