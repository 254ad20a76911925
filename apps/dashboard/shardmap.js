// All shards as cells of one picture: who leads them, or how much is written to or kept in them.

import { begin, css, colour, heat, isStill, mix } from './draw.js';
import { announce, h, hideTip, showTip } from './dom.js';
import { bytes, count } from './format.js';
import { unscale } from './tape.js';

const flashMs = 1600;

/** Columns of n cells, and their size: the largest with which all fit into a strip that is not higher than it should be. */
export function layout(n, width) {
  const tallest = width < 560 ? 340 : 300;
  const best = takes => {
    let found = { cols: 1, size: 0 };
    for (let some = 4; some === 4 || some - 8 < n; some += some < 16 ? 4 : 8) {
      const cols = Math.min(some, n);
      if (!takes(cols)) continue;
      const size = Math.min(width / cols, tallest / Math.ceil(n / cols), 56);
      if (size > found.size) found = { cols, size };
    }
    return found;
  };
  // A last row that is not full is ugly where rows can be counted, and unseen among a thousand. Cells too small to see are worse.
  const any = best(() => true), even = n <= 512 ? best(cols => n % cols === 0) : any;
  return even.size >= 0.7 * any.size ? even : any;
}

export class ShardMap {
  mode = 'leader';
  cursor = -1;
  #before = null;
  #flipped = new Map();
  #grid = null;

  constructor(onopen) {
    this.canvas = h('canvas', { tabindex: 0, role: 'application', 'aria-roledescription': 'map of shards',
      'aria-label': 'Map of shards. Arrow keys move from shard to shard, Enter opens one.' });
    this.onopen = onopen;
    const c = this.canvas;
    c.addEventListener('pointermove', e => this.#hover(e));
    c.addEventListener('pointerleave', () => { hideTip(); this.cursor = -1; this.draw(); });
    c.addEventListener('click', e => { const shard = this.#under(e); if (shard >= 0) onopen(shard); });
    c.addEventListener('keydown', e => this.#key(e));
    c.addEventListener('blur', () => { this.cursor = -1; hideTip(); this.draw(); });
  }

  update(scene) {
    const frame = scene.frame;
    // In the past there is no "just now": what changed is told from one frame to the next of the same time line.
    if (frame && this.#before && this.#before.t < frame.t && frame.t - this.#before.t < 5000) {
      const [a, b] = [this.#before.leaders, frame.leaders];
      if (a !== b && a.length === b.length) for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) this.#flipped.set(i, performance.now());
    }
    this.#before = frame;
    this.scene = scene;
    this.draw();
  }

  /** True while something fades. */
  get isDrawn() { return this.#grid !== null; }

  get isMoving() { return this.#flipped.size > 0 && !isStill(); }

  draw() {
    const frame = this.scene?.frame, n = frame?.leaders?.length ?? 0;
    if (!n) return;
    const width = this.canvas.clientWidth;
    if (!width) return;
    const { cols, size } = layout(n, width);
    const rows = Math.ceil(n / cols), gap = size > 7 ? 1.5 : size > 4 ? 1 : 0.4;
    const c = begin(this.canvas, Math.ceil(rows * size));
    if (!c) return;
    this.#grid = { cols, size, n };
    const { g } = c, now = performance.now(), radius = size > 24 ? 5 : size > 9 ? 2.5 : 1;
    const fills = this.#fills(frame);
    for (let i = 0; i < n; i++) {
      const x = i % cols * size, y = Math.floor(i / cols) * size;
      if (frame.leaders[i] === 0) {
        // Nobody leads it: a hollow cell with a cross, whatever the mode.
        g.strokeStyle = css.of('--bad');
        g.lineWidth = 1;
        g.strokeRect(x + 1, y + 1, size - gap - 1.5, size - gap - 1.5);
        g.beginPath();
        g.moveTo(x + 3, y + 3);
        g.lineTo(x + size - gap - 3, y + size - gap - 3);
        g.moveTo(x + size - gap - 3, y + 3);
        g.lineTo(x + 3, y + size - gap - 3);
        g.stroke();
        continue;
      }
      g.fillStyle = fills[i];
      g.beginPath();
      g.roundRect(x, y, size - gap, size - gap, radius);
      g.fill();
    }
    for (const [i, at] of this.#flipped) {
      const age = (now - at) / flashMs;
      if (age >= 1) { this.#flipped.delete(i); continue; }
      const x = i % cols * size, y = Math.floor(i / cols) * size, grow = isStill() ? 0 : (1 - age) * 3.5;
      g.globalAlpha = 1 - age;
      g.strokeStyle = css.of('--cursor');
      g.lineWidth = 2;
      g.strokeRect(x - grow, y - grow, size - gap + 2 * grow, size - gap + 2 * grow);
      g.globalAlpha = 1;
    }
    if (this.cursor >= 0 && this.cursor < n) {
      g.strokeStyle = css.of('--cursor');
      g.lineWidth = 2;
      g.strokeRect(this.cursor % cols * size - 1, Math.floor(this.cursor / cols) * size - 1, size - gap + 2, size - gap + 2);
    }
  }

  #fills(frame) {
    const hues = frame.nodes.map(n => colour(n.hue)), paper = css.of('--panel');
    if (this.mode === 'leader') {
      // A busy shard is stronger than a quiet one.
      const most = frame.heat ? Math.max(24, ...frame.heat) : 0;
      return Array.from(frame.leaders, (p, i) => mix(hues[p - 1] ?? '#888888', paper, frame.heat ? 0.42 - 0.42 * frame.heat[i] / most : 0.3));
    }
    const values = this.mode === 'heat' ? frame.heat : frame.sizes;
    const most = values ? Math.max(1, ...values) : 1;
    return Array.from(frame.leaders, (_, i) => heat(values ? values[i] / most : 0));
  }

  words(i) {
    const { frame } = this.scene, p = frame.leaders[i];
    const lines = [`Shard ${i}`, p ? frame.nodes[p - 1] ? `led by ${frame.nodes[p - 1].id}` : 'who led it is not remembered' : 'nobody leads it'];
    if (frame.terms.has(i)) lines.push(`term ${frame.terms.get(i)}`);
    if (frame.heat) lines.push(`${count(unscale(frame.heat[i]))} writes/s`);
    if (frame.sizes?.[i]) lines.push(`about ${bytes(unscale(frame.sizes[i]) * 1024)}`);
    return lines;
  }

  #under(e) {
    if (!this.#grid) return -1;
    const box = this.canvas.getBoundingClientRect(), { cols, size, n } = this.#grid;
    const col = Math.floor((e.clientX - box.left) / size), shard = Math.floor((e.clientY - box.top) / size) * cols + col;
    return col >= 0 && col < cols && shard >= 0 && shard < n ? shard : -1;
  }

  #hover(e) {
    const shard = this.#under(e);
    if (shard !== this.cursor) { this.cursor = shard; this.draw(); }
    if (shard < 0) hideTip();
    else showTip(this.words(shard).join('\n'), e.clientX, e.clientY);
  }

  #key(e) {
    if (!this.#grid) return;
    const { cols, size, n } = this.#grid;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cols, ArrowDown: cols }[e.key];
    if (step !== undefined) this.cursor = Math.max(0, Math.min(n - 1, this.cursor < 0 ? 0 : this.cursor + step));
    else if (e.key === 'Home') this.cursor = 0;
    else if (e.key === 'End') this.cursor = n - 1;
    else if (e.key === 'Enter' && this.cursor >= 0) return this.onopen(this.cursor);
    else return;
    e.preventDefault();
    const words = this.words(this.cursor), box = this.canvas.getBoundingClientRect();
    announce(words.join(', '));
    showTip(words.join('\n'), box.left + this.cursor % cols * size, box.top + Math.floor(this.cursor / cols) * size);
    this.draw();
  }
}
