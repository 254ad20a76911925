// The connection to the node: lost ones are made again, and events go on where they were.

/** A longer silence is a gap in what was seen. */
const missedMs = 2_000;

/** WebSocket's "try again later": the node has as many watchers as it takes. */
const tryLater = 1013;

export class Feed {
  #socket = null;
  #tries = 0;
  #asked = [];
  #timer = 0;

  /** state: connecting, live or lost. */
  constructor(tape, onmessage, onstate) { Object.assign(this, { tape, onmessage, onstate, state: 'connecting', lostAt: 0, heardAt: 0, received: 0, refusal: '' }); }

  open() {
    clearTimeout(this.#timer);
    const url = new URL('live', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    if (this.tape.hello) {
      url.searchParams.set('process', this.tape.hello.process);
      url.searchParams.set('since', this.tape.through);
    }
    const socket = this.#socket = new WebSocket(url), hour = this.#hour(socket);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = e => {
      if (socket !== this.#socket) return;
      this.received += e.data.byteLength ?? e.data.length;
      if (typeof e.data !== 'string') { hour.write(new Uint8Array(e.data)).catch(() => {}); return; }
      const message = JSON.parse(e.data);
      if (message.hello) {
        this.#tries = 0;
        this.refusal = '';
        // What was missed the nodes recorded: it is asked for with the hour.
        if (this.heardAt && Date.now() - this.heardAt > missedMs) this.tape.hasHour = false;
        this.#set('live');
        this.#send(true);
      }
      this.heardAt = Date.now();
      this.tape.take(message);
      this.onmessage(message);
    };
    socket.onclose = e => { if (socket === this.#socket) this.#lost(e.code === tryLater ? e.reason : ''); };
  }

  // The past comes as lines of JSON in one deflated stream, cut where it happened to be.
  #hour(socket) {
    const inflate = new DecompressionStream('deflate-raw'), reader = inflate.readable.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => {
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        if (done || socket !== this.#socket) return;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) { const message = JSON.parse(line); this.tape.take(message); this.onmessage(message); }
      }
    };
    // What was cut off with its connection is asked for again with the next.
    read().catch(() => {});
    return inflate.writable.getWriter();
  }

  /** Asks for the replicas of shards as long as they are looked at. */
  look(shards) {
    if (shards.join() === this.#asked.join()) return;
    this.#asked = shards;
    this.#send();
  }

  // The hour is what was before the first frame; after a loss it tells what was missed.
  #send(isNew) {
    const hour = isNew && !this.tape.hasHour ? { hour: true } : {};
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ shards: this.#asked, ...hour }));
  }

  #lost(refusal) {
    this.refusal = refusal;
    if (this.state !== 'lost') this.lostAt = Date.now();
    this.#set('lost');
    // Twice as long each time, up to 5 s, and not all pages at the same moment.
    const wait = Math.min(5000, 300 * 2 ** this.#tries++) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.open(), wait);
  }

  #set(state) {
    this.state = state;
    this.onstate(state);
  }
}
