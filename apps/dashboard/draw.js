// Canvases that are sharp on any screen, in the page's colours.

export const css = { names: new Map(), of(name) {
  let value = this.names.get(name);
  if (value === undefined) this.names.set(name, value = getComputedStyle(document.documentElement).getPropertyValue(name.replace(/^var\((.*)\)$/, '$1')).trim());
  return value;
}, forget() { this.names.clear(); } };

export const colour = c => c.startsWith('var(') || c.startsWith('--') ? css.of(c) : c;

/** True where the reader asked for less motion. */
const still = matchMedia('(prefers-reduced-motion: reduce)');
export const isStill = () => still.matches;

/** Fits a canvas to its box and clears it; null while it is not shown. */
export function begin(canvas, height) {
  const width = canvas.clientWidth, ratio = Math.min(3, devicePixelRatio || 1);
  const tall = height ?? canvas.clientHeight;
  if (!width || !tall) return null;
  if (height && canvas.style.height !== `${height}px`) canvas.style.height = `${height}px`;
  const [w, h] = [Math.round(width * ratio), Math.round(tall * ratio)];
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, tall);
  return { g, w: width, h: tall };
}

export const font = (size = 11, weight = 400) => `${weight} ${size}px ${css.of('--sans')}`;

/** Round numbers for an axis, at most so many. */
export function ticks(max, most = 4, isBytes = false) {
  if (!(max > 0)) return [0];
  const raw = max / most, base = isBytes ? 1024 ** Math.max(0, Math.floor(Math.log2(raw) / 10)) : 1;
  const power = base * 10 ** Math.floor(Math.log10(raw / base));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw);
  const all = [];
  for (let v = 0; v <= max * 1.0001; v += step) all.push(v);
  return all;
}

/** Mixes two hex colours. */
export function mix(a, b, part) {
  const [x, y] = [a, b].map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));
  return `rgb(${x.map((v, i) => Math.round(v + (y[i] - v) * part)).join(' ')})`;
}

/** A scale of one hue, by brightness: readable whatever colours the reader tells apart. */
export function heat(part) {
  const stops = ['--heat0', '--heat1', '--heat2', '--heat3', '--heat4'].map(n => css.of(n));
  const at = Math.max(0, Math.min(0.9999, part)) * (stops.length - 1), i = Math.floor(at);
  return mix(stops[i], stops[i + 1], at - i);
}
