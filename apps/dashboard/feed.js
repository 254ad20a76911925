// The connection to the node: lost ones are made again, and events go on where they were.

export class Feed {
  #socket = null;
  #tries = 0;
  #asked = [];
  #timer = 0;

  /** state: connecting, live or lost. */
  constructor(tape, onmessage, onstate) { Object.assign(this, { tape, onmessage, onstate, state: 'connecting', lostAt: 0, received: 0 }); }

  open() {
    clearTimeout(this.#timer);
    const url = new URL('live', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    if (this.tape.hello) {
      url.searchParams.set('process', this.tape.hello.process);
      url.searchParams.set('since', this.tape.through);
    }
    const socket = this.#socket = new WebSocket(url);
    socket.onmessage = e => {
      if (socket !== this.#socket) return;
      this.received += e.data.length;
      const message = JSON.parse(e.data);
      if (message.hello) { this.#tries = 0; this.#set('live'); this.#send(true); }
      this.tape.take(message);
      this.onmessage(message);
    };
    socket.onclose = () => { if (socket === this.#socket) this.#lost(); };
  }

  /** Asks for the replicas of shards as long as they are looked at. */
  look(shards) {
    if (shards.join() === this.#asked.join()) return;
    this.#asked = shards;
    this.#send();
  }

  // The hour is asked for once: it is what was before the first frame.
  #send(isNew) {
    const hour = isNew && !this.tape.hasHour ? { hour: true } : {};
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ shards: this.#asked, ...hour }));
  }

  #lost() {
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
