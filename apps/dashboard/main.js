// The page: which view is shown, of which moment, and when it is drawn again.

import { announce, h, icon, mark, say } from './dom.js';
import { css } from './draw.js';
import { age } from './format.js';
import { Feed } from './feed.js';
import { Scene } from './scene.js';
import { Tape } from './tape.js';
import { Timeline } from './timeline.js';
import { cluster } from './views/cluster.js';
import { keys } from './views/keys.js';
import { network } from './views/network.js';
import { playback } from './views/playback.js';
import { requests } from './views/requests.js';
import { shard } from './views/shard.js';
import { storage } from './views/storage.js';

const views = [cluster, shard, storage, network, requests, playback, keys];
const $ = id => document.getElementById(id);

// What is no escaped text stands for itself: whoever typed it sees a view, not an empty page.
const decoded = text => { try { return decodeURIComponent(text); } catch { return text; } };

class App {
  live = new Tape();
  source = this.live;
  isPlaying = true;
  speed = 1;
  view = null;
  arguments = [];
  #time = null;
  #skew = 0;
  #dirty = true;
  #lastTick = performance.now();
  #shownAnnounced = '';

  constructor() {
    this.feed = new Feed(this.live, m => this.#message(m), s => this.#connection(s));
    this.timeline = new Timeline(this);
  }

  /** Now by the node's clock, which is what frames and events are stamped with. */
  get now() { return Date.now() + this.#skew; }

  get isLive() { return this.source === this.live && this.#time === null; }

  /** The moment that is shown. */
  get shown() { return this.#time ?? (this.live.last?.t ?? this.now); }

  scene() { return new Scene(this.source, this.shown, this.isLive); }

  hueOf(id) {
    const node = this.source.last?.nodes.find(n => n.id === id);
    return node?.hue ?? 'var(--ink3)';
  }

  seek(t) {
    const wasLive = this.isLive;
    this.#time = Math.max(this.source.from, Math.min(this.source.to, t));
    // Pulled to the end it is live again.
    if (this.source.isLive && this.source.to - this.#time < 700) return this.goLive();
    if (wasLive) { this.isPlaying = false; announce('Playback. Press End on the time line to be live again.'); }
    this.#paintState();
    this.redraw();
  }

  goLive() {
    this.source = this.live;
    this.#time = null;
    this.isPlaying = true;
    this.#paintState();
    this.redraw();
  }

  play(on) {
    if (!on && this.isLive) this.#time = this.shown;
    // At its end it begins again.
    if (on && !this.isLive && this.#time >= this.source.to) this.#time = this.source.from;
    this.isPlaying = on;
    this.#paintState();
    this.redraw();
  }

  /** Shows a recording in the place of what is live. */
  open(tape) {
    tape.isLive = false;
    this.source = tape;
    this.#time = tape.from;
    this.isPlaying = true;
    this.#paintState();
    this.redraw();
  }

  redraw() { this.#dirty = true; }

  go(path) { location.hash = `#/${path}`; }

  start() {
    this.#theme();
    views.forEach((view, i) => $('views').append(h('a', { href: `#/${view.id}`, title: view.title, 'aria-label': view.title }, icon(view.icon), h('span', {}, view.short ?? view.title), h('kbd', { 'aria-hidden': 'true' }, String(i + 1)))));
    $('help').append(icon('help'));
    $('help').addEventListener('click', () => this.#help());
    addEventListener('hashchange', () => this.#route());
    addEventListener('resize', () => this.redraw());
    addEventListener('keydown', e => this.#key(e));
    this.#drops();
    this.#route();
    this.feed.open();
    const tick = () => { this.#tick(); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    // A page that is not seen draws nothing and still says whether it is connected.
    setInterval(() => { this.#paintState(); if (!this.isLive || this.feed.state !== 'live') this.redraw(); }, 1000);
  }

  #tick() {
    const now = performance.now(), passed = now - this.#lastTick;
    this.#lastTick = now;
    if (!this.isLive && this.isPlaying) {
      const next = this.#time + passed * this.speed;
      if (next >= this.source.to) { this.#time = this.source.to; this.isPlaying = false; if (this.source.isLive) this.goLive(); }
      else this.#time = next;
      // Pictures of the past change four times a second, as they did.
      if (Math.floor(next / 250) !== Math.floor((next - passed * this.speed) / 250)) this.#dirty = true;
    }
    if (this.#dirty) {
      this.#dirty = false;
      const scene = this.scene();
      this.view?.update(scene);
      this.timeline.update();
      this.#where(scene);
    }
    this.view?.animate?.(now);
  }

  #message(m) {
    if (m.t) this.#skew = m.t - Date.now();
    if (this.isLive || this.source === this.live) this.redraw();
  }

  #connection() {
    this.#paintState();
    this.redraw();
  }

  #paintState() {
    const state = $('state'), { feed } = this;
    let [kind, text] = ['live', 'Live'];
    if (feed.state === 'connecting') [kind, text] = ['warn', 'Connecting'];
    if (feed.state === 'lost') [kind, text] = ['bad', feed.refusal ? `Refused: ${feed.refusal}. Trying again` : `Connection lost ${age(Date.now() - feed.lostAt)} ago, trying again`];
    if (!this.isLive) [kind, text] = ['past', this.source === this.live ? 'Playback' : 'Recording'];
    mark(state, 'class', `state ${kind}`);
    // The count of seconds is for eyes: a screen reader hears of a loss once.
    mark(state, 'role', kind === 'bad' ? 'none' : 'status');
    say(state.lastElementChild, text);
    if (kind !== this.#shownAnnounced) { if (kind === 'bad') announce('Connection lost. Trying again.'); this.#shownAnnounced = kind; }
  }

  #where(scene) {
    const hello = this.live.hello;
    if (!hello) return;
    const n = scene.nodes.length;
    say($('where'), `${n === 1 ? 'one node' : `${n} nodes`}, ${scene.shards} shards, seen from ${hello.node}`);
  }

  #route() {
    const [id, ...rest] = location.hash.replace(/^#\/?/, '').split('/');
    const view = views.find(v => v.id === id) ?? views[0];
    this.arguments = rest.map(decoded);
    if (view !== this.view) {
      this.view?.leave?.();
      this.feed.look([]);
      this.view = view;
      const main = $('main');
      main.replaceChildren();
      main.scrollTop = 0;
      view.mount(main, this);
      document.title = `${view.title} – NoriKV`;
      for (const a of $('views').children) { if (a.getAttribute('href') === `#/${view.id}`) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current'); }
    }
    view.arrive?.(...this.arguments);
    this.redraw();
  }

  #key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || document.querySelector('dialog[open]')) return;
    const view = views[Number(e.key) - 1];
    if (view) { this.go(view.id); $('main').focus(); }
    else if (e.key === 't') $('theme').click();
    else if (e.key === '?') this.#help();
    else if (e.key === 'l') this.goLive();
    else return;
    e.preventDefault();
  }

  // A recording may be dropped on any view: it is played back.
  #drops() {
    let veil = null;
    const lift = () => { veil?.remove(); veil = null; };
    addEventListener('dragover', e => {
      if (![...e.dataTransfer.types].includes('Files')) return;
      e.preventDefault();
      if (!veil) document.body.append(veil = h('div', { class: 'drop' }, 'Drop a recording to play it back'));
    });
    addEventListener('dragleave', e => { if (!e.relatedTarget) lift(); });
    addEventListener('drop', e => {
      lift();
      const file = e.dataTransfer.files[0];
      if (!file) return;
      e.preventDefault();
      this.go('playback');
      setTimeout(() => playback.load(file));
    });
  }

  #help() {
    const rows = [[`1 – ${views.length}`, 'the views'], ['Tab', 'from one thing to the next'], ['arrow keys', 'on the shard map: another shard; on the time line: another moment'],
      ['Enter', 'opens the shard'], ['Home, End', 'on the time line: the oldest, live'], ['Space', 'on the time line: plays, pauses'], ['l', 'live again'], ['t', 'light or dark'], ['?', 'this']];
    const dialog = h('dialog', { 'aria-labelledby': 'help-title' }, h('h2', { id: 'help-title' }, 'Keys'), h('dl', {}, rows.flatMap(([k, t]) => [h('dt', {}, k), h('dd', {}, t)])),
      h('div', { class: 'acts' }, h('button', { class: 'button main', type: 'button', onclick: () => dialog.close() }, 'Close')));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  // Follows the system until somebody chose.
  #theme() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    let chosen = null;
    try { chosen = localStorage.getItem('norikv-theme'); } catch { /* A browser without storage follows the system. */ }
    const paint = () => {
      document.documentElement.dataset.theme = chosen ?? (system.matches ? 'dark' : 'light');
      css.forget();
      this.redraw();
    };
    system.addEventListener('change', paint);
    $('theme').append(icon('theme'));
    $('theme').addEventListener('click', () => {
      chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
      try { localStorage.setItem('norikv-theme', chosen); } catch { /* Then it lasts as long as the page. */ }
      paint();
    });
    paint();
  }
}

const app = new App();
app.start();
// For tests and the curious: what is shown, from the console.
globalThis.norikv = app;
