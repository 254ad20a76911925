// Who hears whom: the nodes in a ring with what flows between them, and each one's opinion of the others.

import { isStill } from '../draw.js';
import { h, hideTip, mark, panel, reconcile, say, showTip } from '../dom.js';
import { bytes, count, plural, spanText } from '../format.js';
import { lines } from '../plots.js';
import { events } from './cluster.js';

const minute = 60_000, words = { alive: 'alive', suspect: 'suspected', failed: 'dead', left: 'left' };

// Of a long name its end, by which those of one cluster differ, small enough for the circle; all of it when pointed at, and in the tables.
function named(id) {
  const shown = id.length > 7 ? `…${id.slice(-5)}` : id, text = h('text', { class: 'id', 'text-anchor': 'middle', dy: '.35em' }, shown);
  if (shown.length > 3) text.style.fontSize = `${Math.min(15, 66 / shown.length)}px`;
  return text;
}

class Network {
  id = 'network';
  icon = 'network';
  title = 'Network';
  #edges = new Map();
  #pulses = [];
  #probed = new Map();
  #last = 0;

  mount(main, app) {
    this.app = app;
    this.#edges.clear();
    this.#pulses = [];
    this.headline = h('p');
    this.lines = h('g');
    this.rings = h('g');
    this.dots = h('g');
    this.svg = h('svg', { viewBox: '0 0 560 400', role: 'img', class: 'ring' }, this.lines, this.rings, this.dots);
    this.ring = panel('Between the nodes', 'w7', this.svg);
    say(this.ring.note, 'width: bytes a second of Raft; circles: probes');
    this.matrix = panel('Who holds whom for what', '', h('div', { class: 'wrap' }, h('table', { class: 'rows matrix' })));
    say(this.matrix.note, 'a row is one node’s opinion of the others');
    this.links = panel('Links', 'roll', h('div', { class: 'wrap' }, h('table', { class: 'rows' }, h('thead', {}, h('tr', {}, ['From', 'To', 'Sent', 'Stream'].map((t, i) => h('th', { class: i === 2 ? 'num' : '', scope: 'col' }, t)))), h('tbody'))));
    this.traffic = h('canvas', { role: 'img', 'aria-label': 'Bytes a second that each node sends to others' });
    this.legend = h('div', { class: 'legend' });
    this.trafficPanel = panel('Sent by each node', 'w12', this.traffic, this.legend);
    say(this.trafficPanel.note, 'bytes a second');
    this.log = panel('Membership lately', 'w12', h('ul', { class: 'log' }));
    main.append(h('div', { class: 'headline' }, h('h1', {}, 'Network'), this.headline), h('div', { class: 'cols' }, this.ring, h('div', { class: 'w5 column' }, this.matrix, this.links), this.trafficPanel, this.log));
  }

  update(scene) {
    if (!scene.frame) return;
    this.#headline(scene);
    this.#ring(scene);
    this.#matrix(scene);
    this.#links(scene);
    const ms = scene.reach(5 * minute), to = scene.frame.t, numbers = scene.tape.names.filter(n => n.startsWith('peer.sent.'));
    const series = scene.nodes.map(n => ({ name: n.id, hue: n.hue, points: scene.series(numbers, ms, [n.id], 150) }));
    lines(this.traffic, series, { from: to - ms, to, format: bytes, min: 1024 });
    reconcile(this.legend, series, s => s.name, s => h('span', {}, h('i', { class: 'swatch line', hue: s.hue }), s.name));
    events(this.log.querySelector('ul'), scene.events(60 * minute, e => e.family === 'Swim').slice(0, 12), scene);
  }

  // What flows is drawn as dashes that run; how fast says how much.
  animate(now) {
    const passed = Math.min(100, now - this.#last);
    this.#last = now;
    if (isStill()) return;
    for (const e of this.#edges.values()) {
      if (!e.speed) continue;
      e.offset = (e.offset - e.speed * passed / 1000) % 1000;
      e.flow.setAttribute('stroke-dashoffset', e.offset.toFixed(1));
    }
    this.#pulses = this.#pulses.filter(p => {
      const part = (now - p.at) / 900;
      if (part >= 1) { p.element.remove(); return false; }
      p.element.setAttribute('r', String(24 + 26 * part));
      p.element.setAttribute('opacity', String(0.55 * (1 - part)));
      return true;
    });
  }

  #headline(scene) {
    const suspected = new Set(), dead = new Set();
    for (const n of scene.nodes) for (const [m, s] of scene.isSilent(n.id) ? [] : scene.facts(n.id).members ?? []) (s === 'suspect' ? suspected : s === 'failed' ? dead : new Set()).add(m);
    const rtt = scene.nodes.map(n => { const c = scene.rate(n.id, 'swim.rtt.count', 10); return c > 0 ? scene.rate(n.id, 'swim.rtt.sum', 10) / c : null; }).filter(x => x !== null);
    const parts = [suspected.size ? `${[...suspected].join(', ')} suspected` : '', dead.size ? `${[...dead].join(', ')} held for dead` : '', !suspected.size && !dead.size ? 'nobody is suspected' : '',
      rtt.length ? `a probe takes ${spanText(rtt.reduce((a, b) => a + b) / rtt.length)} there and back` : 'no probes'];
    say(this.headline, parts.filter(Boolean).join(', '));
  }

  #places(scene) {
    const n = scene.nodes.length;
    return new Map(scene.nodes.map((node, i) => {
      const a = -Math.PI / 2 + (n === 2 ? Math.PI / 2 : 0) + i * 2 * Math.PI / n;
      return [node.id, n === 1 ? [280, 200] : [280 + 190 * Math.cos(a), (n === 3 ? 232 : 200) + (n === 3 ? 168 : 142) * Math.sin(a)]];
    }));
  }

  #ring(scene) {
    const places = this.#places(scene), held = new Map();
    for (const n of scene.nodes) for (const [m, s] of scene.isSilent(n.id) ? [] : scene.facts(n.id).members ?? []) if (s !== 'alive') held.set(m, s === 'failed' || held.get(m) === 'failed' ? 'failed' : s);
    const pairs = scene.nodes.flatMap(a => scene.nodes.filter(b => b !== a).map(b => ({ a, b, key: `${a.id} ${b.id}` })));
    const most = Math.max(20_000, ...pairs.map(p => scene.rate(p.a.id, `peer.sent.${p.b.number}`)));
    reconcile(this.lines, pairs, p => p.key, p => this.#edge(p), (g, p) => {
      const edge = this.#edges.get(p.key), rate = scene.isSilent(p.a.id) ? 0 : scene.rate(p.a.id, `peer.sent.${p.b.number}`);
      const up = !scene.isSilent(p.a.id) && scene.value(p.a.id, `peer.up.${p.b.number}`) > 0;
      const [[x0, y0], [x1, y1]] = [places.get(p.a.id), places.get(p.b.id)], l = Math.hypot(x1 - x0, y1 - y0) || 1;
      const [ox, oy] = [(y1 - y0) / l * 9, (x0 - x1) / l * 9], cut = 34 / l;
      const d = `M${(x0 + (x1 - x0) * cut + ox).toFixed(1)} ${(y0 + (y1 - y0) * cut + oy).toFixed(1)}L${(x1 - (x1 - x0) * cut + ox).toFixed(1)} ${(y1 - (y1 - y0) * cut + oy).toFixed(1)}`;
      mark(edge.base, 'd', d);
      mark(edge.flow, 'd', d);
      mark(edge.flow, 'stroke-width', (1.2 + 6 * Math.sqrt(rate / most)).toFixed(1));
      mark(edge.flow, 'opacity', rate > 0 ? 0.9 : 0);
      mark(edge.base, 'stroke-dasharray', up ? 'none' : '2 5');
      edge.speed = rate > 0 ? 16 + 90 * Math.sqrt(rate / most) : 0;
      edge.words = `${p.a.id} to ${p.b.id}\n${up ? `${bytes(rate)}/s` : 'no connection'}`;
    });
    reconcile(this.dots, scene.nodes, n => n.id, n => h('g', { class: 'dot', hue: n.hue }, h('circle', { r: 27 }), h('title', {}, n.id), named(n.id), h('text', { class: 'note', 'text-anchor': 'middle', y: 46 })), (g, n) => {
      const [x, y] = places.get(n.id), silent = scene.isSilent(n.id), state = held.get(n.id) ?? (silent ? 'silent' : 'alive');
      mark(g, 'transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      mark(g, 'class', `dot ${state}`);
      // Above where the node is above: below it lines run.
      mark(g.lastElementChild, 'y', y < 150 ? -38 : 47);
      say(g.lastElementChild, state === 'alive' ? `${count(scene.frame.leaders.reduce((c, p) => c + (p === n.place ? 1 : 0), 0))} leaders` : { suspect: '▲ suspected', failed: '✕ held for dead', silent: '✕ silent', left: '– left' }[state]);
      // A circle for each probe that began; which one was probed, nobody tells.
      const probes = scene.value(n.id, 'swim.probes'), before = this.#probed.get(n.id);
      this.#probed.set(n.id, probes);
      if (before !== undefined && probes > before && !isStill() && this.#pulses.length < 40) {
        const element = h('circle', { class: 'pulse', cx: x, cy: y, r: 24, hue: n.hue });
        this.rings.append(element);
        this.#pulses.push({ element, at: performance.now() });
      }
    });
    mark(this.svg, 'aria-label', `Nodes in a ring: ${scene.nodes.map(n => `${n.id} ${held.get(n.id) ?? (scene.isSilent(n.id) ? 'silent' : 'alive')}`).join(', ')}`);
  }

  #edge(p) {
    const base = h('path', { class: 'base' }), flow = h('path', { class: 'flow', 'stroke-dasharray': '7 9' }), edge = { base, flow, offset: 0, speed: 0, words: '' };
    this.#edges.set(p.key, edge);
    const g = h('g', { hue: p.a.hue, onpointermove: e => showTip(edge.words, e.clientX, e.clientY), onpointerleave: hideTip }, base, flow);
    return g;
  }

  #matrix(scene) {
    const table = this.matrix.querySelector('table'), ids = scene.nodes.map(n => n.id), key = ids.join();
    if (table.dataset.key !== key) {
      table.dataset.key = key;
      table.replaceChildren(h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'seen by'), ids.map(id => h('th', { scope: 'col' }, id)))),
        h('tbody', {}, scene.nodes.map(n => h('tr', {}, h('th', { scope: 'row' }, h('span', { class: 'nodename', hue: n.hue }, n.id)), ids.map(() => h('td', {}, h('span', { class: 'word' })))))));
    }
    scene.nodes.forEach((n, r) => {
      const facts = scene.facts(n.id), seen = new Map((facts?.members ?? []).map(m => [m[0], m]));
      ids.forEach((id, i) => {
        const cell = table.tBodies[0].rows[r].cells[i + 1], m = seen.get(id), word = cell.firstElementChild;
        const state = scene.isSilent(n.id) ? 'none' : m?.[1] ?? 'none';
        mark(word, 'class', `word ${state === 'alive' ? '' : state}`);
        say(word, state === 'none' ? scene.isSilent(n.id) ? 'silent' : 'unknown' : id === n.id && state === 'alive' ? 'itself' : words[state]);
        mark(cell, 'title', m ? `incarnation ${m[2]}` : '');
      });
    });
    this.matrix.note.hidden = false;
    if (scene.nodes.every(n => !scene.facts(n.id)?.members)) say(this.matrix.note, 'membership is off on this cluster');
  }

  #links(scene) {
    const pairs = scene.nodes.flatMap(a => scene.nodes.filter(b => b !== a).map(b => ({ a, b })));
    reconcile(this.links.querySelector('tbody'), pairs, p => `${p.a.id} ${p.b.id}`, p => h('tr', {}, h('td', {}, h('span', { class: 'nodename', hue: p.a.hue }, p.a.id)), h('td', {}, p.b.id), h('td', { class: 'num' }), h('td', {}, h('span', { class: 'word' }))), (row, { a, b }) => {
      const silent = scene.isSilent(a.id), up = scene.value(a.id, `peer.up.${b.number}`) > 0;
      say(row.cells[2], silent ? '–' : `${bytes(scene.rate(a.id, `peer.sent.${b.number}`))}/s`);
      mark(row.cells[3].firstElementChild, 'class', `word ${silent ? 'none' : up ? '' : 'bad'}`);
      say(row.cells[3].firstElementChild, silent ? 'unknown' : up ? 'stands' : 'broken');
    });
    say(this.links.note, plural(pairs.length, 'way'));
  }
}

export const network = new Network();
