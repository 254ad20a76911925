// The keys themselves. Reading them is switched on by whoever looks; changing one is asked about each time.

import { announce, h, panel, reconcile, say } from '../dom.js';
import { bytes, plural } from '../format.js';
import { shardOf } from '../hash.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }), lenient = new TextDecoder('utf-8', { ignoreBOM: true }), encoder = new TextEncoder();

/** Bytes of a text, and of anything else, that the field for a value shows; what is cut cannot be edited. */
const textMost = 65_536, hexMost = 4096;

const from64 = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const to64 = data => btoa(String.fromCharCode(...data)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const route = key => `kv?key_b64=${to64(key)}`;

const hex = data => [...data].map(b => b.toString(16).padStart(2, '0')).join('');
const whole = n => n.toLocaleString('en');

/** Their text, where bytes are one that people read; null otherwise. */
function textOf(data) {
  try {
    const text = decoder.decode(data);
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Bytes as people read them: text where they are text, else hexadecimal. */
function readable(data, limit = 120) {
  const text = textOf(data);
  if (text !== null) return text.length > limit ? `${text.slice(0, limit)}…` : text;
  return `0x${hex(data.slice(0, limit / 2))}${data.length > limit / 2 ? '…' : ''}`;
}

/** What the field shows of a value, and what is to be said of it where that is not all of it. */
function view(data) {
  if (textOf(data) === null) return data.length > hexMost ? [hex(data.subarray(0, hexMost)), `binary, as hex, first ${whole(hexMost)} B of ${whole(data.length)} B`] : [hex(data), 'binary, as hex'];
  if (data.length <= textMost) return [decoder.decode(data), ''];
  // The last character may be cut in two: the decoder keeps back what it lacks the end of.
  return [lenient.decode(data.subarray(0, textMost), { stream: true }), `first 64 KiB of ${whole(data.length)} B`];
}

class Keys {
  id = 'keys';
  icon = 'keys';
  title = 'Keys';
  #isOn = false;
  #pairs = [];
  #next = '';
  /** The key that was chosen in the list; typing names another. */
  #chosen = null;
  /** What is known of the key in the field: its version, null where there is none; and whether the field holds its value byte for byte. */
  #seen = null;
  #asked = 0;
  #listed = 0;

  mount(main, app) {
    this.app = app;
    this.main = main;
    this.#draw();
  }

  update() {}

  leave() { this.#pairs = []; this.#chosen = null; this.#seen = null; this.#asked++; }

  #draw() {
    const title = h('div', { class: 'headline' }, h('h1', {}, 'Keys'));
    if (!this.#isOn) {
      this.main.replaceChildren(title, h('div', { class: 'cols' }, h('section', { class: 'panel w7' }, h('h2', {}, 'The key browser is off'),
        h('p', { class: 'dim' }, 'It shows keys and values of this store to whoever sees this screen, and asks the server for them like any client: what the server does not allow you is not shown. It stays on until the page is closed.'),
        h('button', { class: 'button main', type: 'button', onclick: () => { this.#isOn = true; this.#draw(); this.prefix.focus(); this.#scan(false); } }, 'Switch it on'))));
      return;
    }
    this.prefix = h('input', { type: 'text', placeholder: 'prefix', 'aria-label': 'Prefix of keys' });
    this.state = h('p', { class: 'dim', role: 'status' });
    this.rows = h('tbody');
    this.more = h('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#scan(true) }, 'More');
    const list = panel('Keys', 'w7', h('form', { class: 'ask', onsubmit: e => { e.preventDefault(); this.#scan(false); } }, this.prefix, h('button', { class: 'button', type: 'submit' }, 'List')), this.state,
      h('div', { class: 'wrap' }, h('table', { class: 'rows' }, h('thead', {}, h('tr', {}, ['Key', 'Value', 'Shard'].map((t, i) => h('th', { class: i === 2 ? 'num' : '', scope: 'col' }, t)))), this.rows)), this.more);
    this.key = h('input', { type: 'text', 'aria-label': 'Key', placeholder: 'key', oninput: () => { this.#chosen = null; this.#name(); this.#forget(); } });
    this.named = h('p', { class: 'dim', role: 'status', hidden: true });
    this.value = h('textarea', { rows: 8, 'aria-label': 'Value', placeholder: 'value', spellcheck: 'false' });
    this.part = h('p', { class: 'word warn', role: 'status', hidden: true });
    this.told = h('p', { class: 'dim', role: 'status' });
    const act = (text, kind, run) => h('button', { class: `button ${kind}`, type: 'button', onclick: run }, text);
    this.putter = act('Put…', '', () => this.#put());
    this.fresh = act('New value', '', () => { this.#open(''); this.value.focus(); });
    this.fresh.hidden = true;
    const one = panel('One key', 'w5', h('form', { class: 'one', onsubmit: e => { e.preventDefault(); this.#get(); } }, this.key, this.named, this.value, this.part,
      h('div', { class: 'acts' }, h('button', { class: 'button', type: 'submit' }, 'Get'), this.putter, this.fresh, act('Delete…', 'risk', () => this.#remove())), this.told));
    this.main.replaceChildren(title, h('div', { class: 'cols' }, list, one));
  }

  async #ask(path, options) {
    try {
      const answer = await fetch(path, { cache: 'no-store', ...options });
      if (answer.ok) return [answer, null];
      const body = await answer.json().catch(() => ({}));
      return [answer, answer.status === 404 ? 'no such key' : `${body.code ?? answer.status}: ${body.message ?? answer.statusText}`];
    } catch {
      return [null, 'the node does not answer'];
    }
  }

  async #scan(goesOn) {
    const query = new URLSearchParams({ limit: '50', prefix: this.prefix.value });
    if (goesOn && this.#next) query.set('page_token', this.#next);
    say(this.state, 'asking…');
    const mine = ++this.#listed, [answer, problem] = await this.#ask(`kv?${query}`, { headers: { Accept: 'application/json' } });
    // A list that was asked for before this one may come after it.
    if (mine !== this.#listed) return;
    if (problem) return say(this.state, problem);
    const page = await answer.json(), found = (page.pairs ?? page.items ?? []).map(p => ({ key: from64(p.key), value: from64(p.value ?? '') }));
    if (mine !== this.#listed) return;
    this.#pairs = goesOn ? [...this.#pairs, ...found] : found;
    this.#next = page.next_page_token ?? page.page_token ?? '';
    this.more.hidden = !this.#next;
    say(this.state, `${plural(this.#pairs.length, 'key')}${this.#next ? ', and there are more' : ''}`);
    const hello = this.app.live.hello;
    reconcile(this.rows, this.#pairs, p => to64(p.key), p => h('tr', {}, h('td', { class: 'mono' }, h('button', { class: 'plain', type: 'button', onclick: () => this.#show(p.key) }, readable(p.key, 60)), textOf(p.key) === null ? h('span', { class: 'dim' }, ' hex') : null),
      h('td', { class: 'mono dim cut' }, readable(p.value, 60)), h('td', { class: 'num' }, hello ? h('a', { href: `#/shard/${shardOf(p.key, hello.shards, hello.hash_tags)}` }, String(shardOf(p.key, hello.shards, hello.hash_tags))) : '')));
  }

  #show(key) {
    this.#forget();
    this.#chosen = key;
    this.key.value = readable(key, 4096);
    this.#name();
    this.#get();
  }

  // A key that is no text, or that a line of text cannot show, is only reached by choosing it in the list: what is typed is the key itself.
  #keyBytes() { return this.#chosen ?? encoder.encode(this.key.value); }

  // What is chosen and not shown as it is has a name that no typed key has.
  #name() {
    const isShown = !this.#chosen || encoder.encode(this.key.value).join() === this.#chosen.join();
    this.named.hidden = isShown;
    this.called = isShown ? this.key.value : `the key of ${plural(this.#chosen.length, 'byte')} ${textOf(this.#chosen) === null ? 'that are no text, in hex' : 'whose text a field cannot hold:'} ${this.key.value}`;
    if (!isShown) say(this.named, `chosen in the list: ${this.called}`);
  }

  // Another key: what was seen is not its. What could not be edited goes, or it would be written there as the text it is shown as.
  #forget() {
    this.#asked++;
    this.#seen = null;
    if (this.value.readOnly) this.#open('');
  }

  #open(text) {
    this.value.value = text;
    this.value.readOnly = this.putter.disabled = false;
    this.part.hidden = this.fresh.hidden = true;
  }

  /** Shows a value. It can be edited only where the field gives back the very bytes: not what is cut, not what is no text, not line ends that the field changes. */
  #hold(data) {
    const [text, part] = view(data);
    this.#open(text);
    const back = part ? null : encoder.encode(this.value.value), isSame = back?.length === data.length && back.every((b, i) => b === data[i]);
    if (isSame) return;
    this.value.readOnly = this.putter.disabled = true;
    this.part.hidden = this.fresh.hidden = false;
    say(this.part, `${part || 'it has line ends that this field would change'}: it cannot be edited here`);
  }

  async #get() {
    if (!this.key.value) return say(this.told, 'name a key');
    const mine = ++this.#asked, [answer, problem] = await this.#ask(route(this.#keyBytes()), { headers: { Accept: 'application/octet-stream' } });
    if (mine !== this.#asked) return;
    this.#seen = null;
    if (problem) {
      this.#open('');
      if (answer?.status === 404) this.#seen = { tag: null };
      return say(this.told, problem);
    }
    const data = new Uint8Array(await answer.arrayBuffer());
    if (mine !== this.#asked) return;
    const tag = answer.headers.get('ETag');
    this.#seen = { tag };
    this.#hold(data);
    say(this.told, `${bytes(data.length)}, version ${tag?.replaceAll('"', '') ?? '?'}, served by ${answer.headers.get('X-Served-By') ?? 'the leader'}`);
  }

  async #put() {
    if (!this.key.value) return say(this.told, 'name a key');
    if (this.value.readOnly) return;
    // Only what was seen is written over: a key that was not looked at is only made.
    const key = this.#keyBytes(), body = encoder.encode(this.value.value), tag = this.#seen?.tag, of = this.#asked;
    const what = tag ? `${this.called} gets a value of ${bytes(body.length)} instead of version ${tag.replaceAll('"', '')}. A time to live that it has is dropped: it stays until it is deleted.`
      : `${this.called} is made, with a value of ${bytes(body.length)}.`;
    if (!await this.#confirm('Write this key?', what, 'Write', '')) return;
    const [answer, problem] = await this.#ask(route(key), { method: 'PUT', body, headers: tag ? { 'If-Match': tag } : { 'If-None-Match': '*' } });
    if (answer && [409, 412].includes(answer.status)) return say(this.told, tag ? 'not written: it was changed since it was shown; Get shows what it is now' : 'not written: there is such a key already; Get shows it');
    if (problem) return say(this.told, `not known to be written; ${problem}`);
    const { version } = await answer.json();
    if (of === this.#asked) this.#seen = { tag: answer.headers.get('ETag') };
    say(this.told, `written, version ${version.term}.${version.index}`);
    this.#scan(false);
  }

  async #remove() {
    if (!this.key.value) return say(this.told, 'name a key');
    const key = this.#keyBytes(), tag = this.#seen?.tag, of = this.#asked;
    if (!await this.#confirm('Delete this key?', `${this.called} and its value are gone then.`, 'Delete', 'risk')) return;
    const [answer, problem] = await this.#ask(route(key), { method: 'DELETE', headers: tag ? { 'If-Match': tag } : {} });
    if (answer && [409, 412].includes(answer.status)) return say(this.told, 'not deleted: it was changed since it was shown; Get shows what it is now');
    say(this.told, problem ?? 'deleted');
    if (problem) return;
    if (of === this.#asked) { this.#seen = { tag: null }; this.#open(''); }
    this.#scan(false);
  }

  #confirm(title, text, verb, kind) {
    return new Promise(resolve => {
      const dialog = h('dialog', { 'aria-labelledby': 'confirm-title' }, h('h2', { id: 'confirm-title' }, title), h('p', {}, text), h('div', { class: 'acts' },
        h('button', { class: 'button', type: 'button', onclick: () => dialog.close('') }, 'Cancel'), h('button', { class: `button ${kind || 'main'}`, type: 'button', onclick: () => dialog.close('yes') }, verb)));
      dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.returnValue === 'yes'); });
      document.body.append(dialog);
      announce(title);
      dialog.showModal();
    });
  }
}

export const keys = new Keys();
