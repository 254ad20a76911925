// Plots of time: lines stacked or not, a distribution as a map of heat, and a small one without axes.

import { begin, colour, css, font, heat, ticks } from './draw.js';
import { boundText, bytes, clock, count } from './format.js';
import { hideTip, showTip } from './dom.js';
import { quantileOf } from './scene.js';

const left = 58, bottom = 20, top = 8, right = 4;

/** A line under a figure; no axes, the words say the number. */
export function spark(canvas, points, hue, max) {
  const c = begin(canvas);
  if (!c || points.length < 2 || !points.some(p => p[1] > 0)) return;
  const { g, w, h } = c, most = max ?? Math.max(...points.map(p => p[1]), 1e-9) * 1.15;
  const [t0, t1] = [points[0][0], points[points.length - 1][0]];
  const x = t => (t - t0) / Math.max(1, t1 - t0) * w, y = v => h - 1 - Math.min(1, v / most) * (h - 3);
  g.beginPath();
  points.forEach(([t, v], i) => g[i ? 'lineTo' : 'moveTo'](x(t), y(v)));
  g.lineWidth = 1.5;
  g.lineJoin = 'round';
  g.strokeStyle = colour(hue);
  g.stroke();
  g.lineTo(w, h);
  g.lineTo(0, h);
  g.closePath();
  g.globalAlpha = 0.13;
  g.fillStyle = colour(hue);
  g.fill();
  g.globalAlpha = 1;
}

/** Lines of several series over the same time; `stacked` fills them on top of each other. */
export function lines(canvas, series, { from, to, height = 170, stacked = false, format = count, min = 1 }) {
  const c = begin(canvas, height);
  if (!c) return;
  const { g, w, h } = c;
  const rows = stacked ? stack(series) : series;
  const most = Math.max(min, ...rows.map(s => s.points.reduce((m, p) => Math.max(m, p[1]), 0))) * 1.08;
  const x = t => left + (t - from) / Math.max(1, to - from) * (w - left - right), y = v => top + (1 - v / most) * (h - top - bottom);
  axes(g, w, h, from, to, ticks(most, 4, format === bytes), v => [y(v), format(v)]);
  g.save();
  g.beginPath();
  g.rect(left, 0, w - left - right, h);
  g.clip();
  for (const s of stacked ? rows.slice().reverse() : rows) {
    if (s.points.length < 2) continue;
    const hue = colour(s.hue);
    g.beginPath();
    s.points.forEach(([t, v], i) => g[i ? 'lineTo' : 'moveTo'](x(t), y(v)));
    g.strokeStyle = hue;
    g.lineWidth = s.bold ? 2.2 : 1.6;
    g.lineJoin = 'round';
    g.setLineDash(s.dash ?? []);
    g.stroke();
    g.setLineDash([]);
    if (!stacked) continue;
    g.lineTo(x(s.points[s.points.length - 1][0]), y(0));
    g.lineTo(x(s.points[0][0]), y(0));
    g.closePath();
    g.fillStyle = css.of('--panel');
    g.fill();
    g.globalAlpha = 0.24;
    g.fillStyle = hue;
    g.fill();
    g.globalAlpha = 1;
  }
  g.restore();
  canvas.reading = { x, from, to, left, right: w - right, words: t => [clock(t), ...series.map(s => `${s.name}  ${format(at(s.points, t))}`)].join('\n') };
  follow(canvas);
}

/** How often which duration was seen, in time: brightness is how many, the lines are quantiles. */
export function distribution(canvas, scene, name, { ms, height = 170, ids, format, quantiles = [[0.5, 'p50'], [0.99, 'p99']] }) {
  const c = begin(canvas, height);
  if (!c) return;
  const { g, w, h } = c, columns = Math.max(12, Math.min(120, Math.floor((w - left) / 7)));
  const to = scene.frame?.t ?? Date.now(), from = to - ms, width = ms / columns;
  const frames = scene.window(ms, columns * 2);
  const bounds = scene.buckets, rows = bounds.length + 1;
  const cells = Array.from({ length: columns }, () => null), times = cells.map((_, k) => from + (k + 0.5) * width);
  for (let i = 1; i < frames.length; i++) {
    // What was counted between two looks is spread over the columns between them.
    const [a, b] = [frames[i - 1], frames[i]], counts = scene.counts(name, a, b, ids);
    const first = Math.max(0, Math.floor((a.t - from) / width)), last = Math.min(columns - 1, Math.floor((b.t - 1 - from) / width));
    for (let k = first; k <= last; k++) {
      cells[k] ??= new Float64Array(rows);
      counts.forEach((n, r) => { cells[k][r] += n / (last - first + 1); });
    }
  }
  let lowest = rows, highest = 0, most = 0;
  for (const counts of cells) counts?.forEach((n, r) => { if (n > 0) { lowest = Math.min(lowest, r); highest = Math.max(highest, r); most = Math.max(most, n); } });
  if (most === 0) [lowest, highest] = [3, 9];
  lowest = Math.max(0, lowest - 1);
  highest = Math.min(rows - 1, Math.max(highest + 1, lowest + 4));
  const bands = highest - lowest + 1, tall = (h - top - bottom) / bands;
  const x = t => left + (t - from) / ms * (w - left - right);
  const y = us => {
    // Between two bounds of buckets the scale is even, as the buckets are.
    let r = bounds.findIndex(b => us <= b);
    if (r < 0) r = rows - 1;
    const low = r === 0 ? 0 : bounds[r - 1], high = bounds[r] ?? low * 2;
    return h - bottom - (r - lowest + (us - low) / (high - low)) * tall;
  };
  axes(g, w, h, from, to, labels(lowest, highest, bands, tall), r => [h - bottom - (r - lowest + 1) * tall, boundText(bounds[r])]);
  const wide = (w - left - right) / columns;
  cells.forEach((counts, k) => counts?.forEach((n, r) => {
    if (!n) return;
    g.fillStyle = heat(0.2 + 0.8 * Math.log1p(n) / Math.log1p(most));
    g.fillRect(left + k * wide, h - bottom - (r - lowest + 1) * tall + 0.5, wide - 0.6, tall - 1);
  }));
  const drawn = quantiles.map(([q, word], i) => {
    const points = cells.map((counts, k) => [times[k], counts ? quantileOf(counts, q, bounds) : null]);
    g.beginPath();
    let open = false;
    for (const [t, v] of points) {
      if (v === null) { open = false; continue; }
      g[open ? 'lineTo' : 'moveTo'](x(t), y(v));
      open = true;
    }
    g.lineWidth = 2.2;
    g.strokeStyle = css.of(i ? '--n2' : '--n1');
    g.setLineDash(i ? [] : [5, 3]);
    g.stroke();
    g.setLineDash([]);
    return { word, points };
  });
  canvas.reading = { x, from, to, left, right: w - right, words: t => {
    const k = Math.max(0, Math.min(columns - 1, Math.floor((t - from) / width)));
    return [clock(t), ...drawn.map(d => `${d.word}  ${d.points[k][1] === null ? '–' : format(d.points[k][1])}`)].join('\n');
  } };
  follow(canvas);
}

const labels = (lowest, highest, bands, tall) => {
  const all = [], step = Math.max(1, Math.ceil(20 / tall));
  for (let r = lowest; r < highest; r += step) all.push(r);
  return all;
};

function axes(g, w, h, from, to, rows, place) {
  g.font = font(11);
  g.textBaseline = 'middle';
  g.lineWidth = 1;
  g.strokeStyle = css.of('--grid');
  g.fillStyle = css.of('--ink2');
  g.textAlign = 'right';
  for (const r of rows) {
    const [y, text] = place(r);
    g.beginPath();
    g.moveTo(left, Math.round(y) + 0.5);
    g.lineTo(w - right, Math.round(y) + 0.5);
    g.stroke();
    g.fillText(text, left - 7, y);
  }
  g.textAlign = 'center';
  g.textBaseline = 'alphabetic';
  const step = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map(s => s * 1000).find(s => (to - from) / s <= Math.max(2, (w - left) / 92)) ?? 3_600_000;
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
    const x = left + (t - from) / (to - from) * (w - left - right);
    if (x > left + 20 && x < w - 26) g.fillText(clock(t).slice(0, step % 60_000 ? 8 : 5), x, h - 5);
  }
}

function stack(series) {
  const sums = new Map();
  return series.map(s => ({ ...s, points: s.points.map(([t, v]) => { const sum = (sums.get(t) ?? 0) + v; sums.set(t, sum); return [t, sum]; }) }));
}

function at(points, t) {
  let best = 0, distance = Infinity;
  for (const [x, v] of points) if (Math.abs(x - t) < distance) { distance = Math.abs(x - t); best = v; }
  return best;
}

function follow(canvas) {
  if (canvas.isFollowed) return;
  canvas.isFollowed = true;
  canvas.addEventListener('pointermove', e => {
    const { from, to, left: l, right: r, words } = canvas.reading, box = canvas.getBoundingClientRect();
    const x = e.clientX - box.left;
    if (x < l || x > r) return hideTip();
    showTip(words(from + (x - l) / (r - l) * (to - from)), e.clientX, e.clientY);
  });
  canvas.addEventListener('pointerleave', hideTip);
}
