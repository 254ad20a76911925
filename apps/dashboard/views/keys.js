// The keys themselves. Reading them is switched on by whoever looks; changing one is asked about each time.

import { announce, h, panel, reconcile, say } from '../dom.js';
import { bytes, plural } from '../format.js';
import { shardOf } from '../hash.js';

const decoder = new TextDecoder('utf-8', { fatal: true }), encoder = new TextEncoder();
const from64 = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const to64 = data => btoa(String.fromCharCode(...data)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const route = key => `kv?key_b64=${to64(key)}`;

/** Bytes as people read them: text where they are text, else hexadecimal. */
function readable(data, limit = 120) {
  try {
    const text = decoder.decode(data);
    if (!/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return text.length > limit ? `${text.slice(0, limit)}…` : text;
  } catch { /* Not text. */ }
  return `0x${[...data.slice(0, limit / 2)].map(b => b.toString(16).padStart(2, '0')).join('')}${data.length > limit / 2 ? '…' : ''}`;
}

class Keys {
  id = 'keys';
  icon = 'keys';
  title = 'Keys';
  #isOn = false;
  #pairs = [];
  #next = '';
  #chosen = null;

  mount(main, app) {
    this.app = app;
    this.main = main;
    this.#draw();
  }

  update() {}

  leave() { this.#pairs = []; this.#chosen = null; }

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
    this.key = h('input', { type: 'text', 'aria-label': 'Key', placeholder: 'key' });
    this.value = h('textarea', { rows: 8, 'aria-label': 'Value', placeholder: 'value', spellcheck: 'false' });
    this.told = h('p', { class: 'dim', role: 'status' });
    const act = (text, kind, run) => h('button', { class: `button ${kind}`, type: 'button', onclick: run }, text);
    const one = panel('One key', 'w5', h('form', { class: 'one', onsubmit: e => { e.preventDefault(); this.#get(); } }, this.key, this.value,
      h('div', { class: 'acts' }, h('button', { class: 'button', type: 'submit' }, 'Get'), act('Put…', '', () => this.#put()), act('Delete…', 'risk', () => this.#remove())), this.told));
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
    const [answer, problem] = await this.#ask(`kv?${query}`, { headers: { Accept: 'application/json' } });
    if (problem) return say(this.state, problem);
    const page = await answer.json(), found = (page.pairs ?? page.items ?? []).map(p => ({ key: from64(p.key), value: from64(p.value ?? '') }));
    this.#pairs = goesOn ? [...this.#pairs, ...found] : found;
    this.#next = page.next_page_token ?? page.page_token ?? '';
    this.more.hidden = !this.#next;
    say(this.state, `${plural(this.#pairs.length, 'key')}${this.#next ? ', and there are more' : ''}`);
    const hello = this.app.live.hello;
    reconcile(this.rows, this.#pairs, p => to64(p.key), p => h('tr', {}, h('td', { class: 'mono' }, h('button', { class: 'plain', type: 'button', onclick: () => this.#show(p.key) }, readable(p.key, 60))),
      h('td', { class: 'mono dim cut' }, readable(p.value, 60)), h('td', { class: 'num' }, hello ? h('a', { href: `#/shard/${shardOf(p.key, hello.shards, hello.hash_tags)}` }, String(shardOf(p.key, hello.shards, hello.hash_tags))) : '')));
  }

  #show(key) {
    this.#chosen = key;
    this.key.value = readable(key, 4096);
    this.#get();
  }

  // A key that is no text is only reached by choosing it in the list.
  #keyBytes() {
    return this.#chosen && readable(this.#chosen, 4096) === this.key.value ? this.#chosen : encoder.encode(this.key.value);
  }

  async #get() {
    if (!this.key.value) return say(this.told, 'name a key');
    const [answer, problem] = await this.#ask(route(this.#keyBytes()), { headers: { Accept: 'application/octet-stream' } });
    if (problem) { this.value.value = ''; return say(this.told, problem); }
    const data = new Uint8Array(await answer.arrayBuffer());
    this.value.value = readable(data, 65_536);
    say(this.told, `${bytes(data.length)}, version ${answer.headers.get('ETag')?.replaceAll('"', '') ?? '?'}, served by ${answer.headers.get('X-Served-By') ?? 'the leader'}`);
  }

  async #put() {
    if (!this.key.value) return say(this.told, 'name a key');
    if (!await this.#confirm('Write this key?', `${this.key.value} gets a value of ${bytes(encoder.encode(this.value.value).length)}.`, 'Write', '')) return;
    const [answer, problem] = await this.#ask(route(this.#keyBytes()), { method: 'PUT', body: encoder.encode(this.value.value) });
    const version = problem ? null : (await answer.json()).version;
    say(this.told, problem ?? `written, version ${version.term}.${version.index}`);
    if (!problem) this.#scan(false);
  }

  async #remove() {
    if (!this.key.value) return say(this.told, 'name a key');
    if (!await this.#confirm('Delete this key?', `${this.key.value} and its value are gone then.`, 'Delete', 'risk')) return;
    const [, problem] = await this.#ask(route(this.#keyBytes()), { method: 'DELETE' });
    say(this.told, problem ?? 'deleted');
    if (!problem) { this.value.value = ''; this.#scan(false); }
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
