import type { Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { onAbort } from './abort.js';
import { errorOf, type ErrorDetails, type NoriKVError } from './errors.js';
import type { Settings } from './options.js';
import type { Router } from './routing.js';
import { type Codec, codecs, encode, grpcError, type Kind, type Message } from './wire.js';

// A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
const SHARED_CALL_BYTES_MAX = 1 << 20;
// More than any node takes: it would end the connection in the middle of it, and what for nobody could say.
const CALL_BYTES_MAX = 64 << 20;
const SWEEP_EVERY_MS = 10;
// More is no date that grpc-js can count to.
const LONGEST_MS = 365 * 24 * 3600 * 1000;
const NOT_CONNECTED = /^(No connection established|Name resolution failed|Failed to connect|No addresses resolved)/;

// What OpenSSL and Node say of a certificate that does not fit. A handshake that broke off is none of them: the node may be ending.
const CERTIFICATE = /certificate|altnames/i;

export const VERSION = '0.1.0';

/** A call or stream that did not end well. */
export class RpcFailure extends Error {
  /**
   * @param error what it came to
   * @param reached false when nothing can have been done
   * @param said the node itself answered this for the operation, on a stream that is well
   * @param isFinal no other attempt would end otherwise: certificates do not change between attempts
   * @param late nothing was heard in time
   */
  constructor(
    readonly error: NoriKVError, readonly reached: boolean, readonly said = false, readonly isFinal = false, readonly late = false,
  ) {
    super(error.message, { cause: error.cause });
  }
}

/**
 * True where the node itself refused a call of its own, whose words no layer below has: what it says there is as exact as on a stream. All
 * else that a call ends with may come from the connection.
 */
function isRefusal(e: grpc.ServiceError, code: string): boolean {
  return code === 'NOT_LEADER' || code === 'QUORUM_UNAVAILABLE'
    || (code === 'OVERLOADED' && (e.metadata?.get('retry-after-ms').length ?? 0) > 0);
}

export function failureOf(e: grpc.ServiceError, address: string): RpcFailure {
  const text = e.details ?? e.message;
  if (e.code === grpc.status.UNAVAILABLE && NOT_CONNECTED.test(text)) {
    if (CERTIFICATE.test(text)) {
      return new RpcFailure(errorOf('UNAVAILABLE', `TLS with ${address} failed: ${text}. Does tls.rootCertificates hold the authority of `
        + "the node's certificate, and is tls.serverName, or the dialled host, a name in it?", { cause: e }), false, false, true);
    }
    return new RpcFailure(errorOf('UNAVAILABLE', `cannot connect to ${address}: ${text}`, { cause: e }), false);
  }
  const details: ErrorDetails = { cause: e };
  const hint = e.metadata?.get('leader-hint')[0];
  const retryAfterMs = Number(e.metadata?.get('retry-after-ms')[0]);
  if (hint) details.leaderHint = String(hint);
  if (retryAfterMs > 0) details.retryAfterMs = retryAfterMs;
  const error = grpcError(e.code, text, details);
  // A reset that we did not ask for is the connection's end, not the caller's wish.
  return new RpcFailure(error.code === 'CANCELLED' ? errorOf('UNAVAILABLE', error.message, details) : error, true);
}

interface Unready {
  readonly isOpen: boolean;
  stands(): void;
}

interface Pending {
  readonly message: Message;
  readonly bytes: number;
  readonly deadline: number;
  sent: boolean; // set before its bytes are handed over: from here on it may have been done
  settled: boolean;
  resolve(result: Message): void;
  reject(failure: unknown): void;
}

/** One `Kv.Stream`: gathers what waits into messages and settles what comes back. */
class CallStream {
  isOpen = true;
  private readonly pending = new Map<number, Pending>();
  private waiting: Pending[] = [];
  private lastId = 0;
  private flushing = false;
  private blocked = false;
  private stood = false; // what waits until then was never sent, whatever the deadline says
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly call: grpc.ClientDuplexStream<Buffer, Message>, private readonly address: string,
    private readonly messageBytesMax: number,
    readonly clusterId: string | undefined,
  ) {
    call.on('data', (response: Message) => this.settle(response));
    call.on('error', (e: grpc.ServiceError) => {
      const failure = failureOf(e, address);
      this.fail(failure.error, failure.reached, failure.isFinal);
    });
    call.on('end', () => this.fail(errorOf('UNAVAILABLE', 'the node closed the stream'), true));
    call.on('drain', () => {
      this.blocked = false;
      this.flush();
    });
  }

  /** What is aborted is forgotten: unless it went out already, it is not sent. */
  send(message: Message, bytes: number, deadline: number, signal?: AbortSignal): Promise<Message> {
    const sent = this.enqueue(message, bytes, deadline);
    if (!signal) return sent;
    return sent.finally(onAbort(signal, () => this.take(message.id)?.reject(signal.reason)));
  }

  private enqueue(message: Message, bytes: number, deadline: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      message.id = ++this.lastId;
      const pending: Pending = { message, bytes, deadline, sent: false, settled: false, resolve, reject };
      this.pending.set(message.id, pending);
      this.waiting.push(pending);
      this.sweeper ??= setInterval(() => this.sweep(), SWEEP_EVERY_MS);
      if (this.flushing) return;
      // Behind what is ready now, so that operations started together share a message.
      this.flushing = true;
      setImmediate(() => {
        this.flushing = false;
        this.flush();
      });
    });
  }

  /** The connection is made: what waits may be sent. */
  stands(): void {
    this.stood = true;
    this.flush();
  }

  close(error: NoriKVError): void {
    this.fail(error, true);
  }

  /** Takes no further call, and ends when its last one is answered. */
  closeWhenIdle(): void {
    const timer = setInterval(() => {
      if (this.isOpen && this.pending.size > 0) return;
      clearInterval(timer);
      this.fail(errorOf('UNAVAILABLE', 'the stream was replaced'), true);
    }, SWEEP_EVERY_MS);
  }

  private flush(): void {
    while (this.isOpen && this.stood && !this.blocked && this.waiting.length > 0) {
      const now = performance.now();
      const calls: Pending[] = [];
      let bytes = 0;
      let taken = 0;
      for (const pending of this.waiting) {
        if (bytes > 0 && bytes + pending.bytes > this.messageBytesMax) break;
        taken++;
        if (pending.settled) continue;
        pending.message.timeoutMs = Math.min(0x7fffffff, Math.max(1, Math.ceil(pending.deadline - now)));
        pending.sent = true;
        bytes += pending.bytes;
        calls.push(pending);
      }
      this.waiting = this.waiting.slice(taken);
      const request = this.encoded(calls);
      if (request.length > 0) this.blocked = !this.call.write(request);
    }
  }

  /** The message of these calls. One that cannot be encoded fails alone: it is left out, and the others go. */
  private encoded(calls: readonly Pending[]): Buffer {
    try {
      return encode(codecs.streamRequest, { calls: calls.map((c) => c.message) });
    } catch {
      // Messages of one call each, put together, are the message of all: a repeated field goes on where it ended.
      return Buffer.concat(calls.map((c) => this.alone(c)));
    }
  }

  private alone(pending: Pending): Buffer {
    try {
      return encode(codecs.streamRequest, { calls: [pending.message] });
    } catch (e) {
      this.take(pending.message.id)?.reject(new RpcFailure(e as NoriKVError, false));
      return Buffer.alloc(0);
    }
  }

  private settle(response: Message): void {
    for (const result of response.results) {
      const pending = this.take(Number(result.id));
      pending?.resolve(result);
    }
  }

  private sweep(): void {
    const now = performance.now();
    for (const [id, pending] of this.pending) {
      if (pending.deadline > now) continue;
      this.take(id);
      pending.reject(this.stood
        ? new RpcFailure(errorOf('COMMIT_TIMEOUT', 'no answer before the deadline'), pending.sent)
        : new RpcFailure(errorOf('UNAVAILABLE', `no connection to ${this.address} before the deadline`), false));
    }
    if (this.pending.size === 0) this.stopSweeping();
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    pending.settled = true;
    return pending;
  }

  private fail(error: NoriKVError, reached: boolean, isFinal = false): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.stopSweeping();
    for (const id of [...this.pending.keys()]) {
      const pending = this.take(id)!;
      pending.reject(new RpcFailure(error, reached && pending.sent, false, isFinal));
    }
    this.waiting = [];
    this.call.cancel();
  }

  private stopSweeping(): void {
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }
}

// Messages are handed over as bytes: what an operation was given is its caller's again when it is over, and grpc-js may read later.
const AS_IT_IS = (bytes: Buffer): Buffer => bytes;

const ALONE: Record<Kind, [string, Codec, Codec]> = {
  put: ['Put', codecs.putRequest, codecs.putResponse],
  get: ['Get', codecs.getRequest, codecs.getResponse],
  delete: ['Delete', codecs.deleteRequest, codecs.deleteResponse],
  batch: ['Batch', codecs.batchRequest, codecs.batchResponse],
};

/**
 * Has the sockets of handshakes under way. grpc-js leaves open what a closed channel was about to do, one that nobody answers and one whose
 * connection was not made yet, and the process with it.
 */
function tracked(credentials: grpc.ChannelCredentials, handshakes: Set<Socket>, ended: () => boolean): grpc.ChannelCredentials {
  const make = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...how) => {
    const connector = make(...how);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      if (ended()) {
        socket.destroy();
        throw new Error('the client was closed');
      }
      handshakes.add(socket);
      try {
        return await connect(socket);
      } finally {
        handshakes.delete(socket);
      }
    };
    return connector;
  };
  return credentials;
}

/**
 * One node: its channel and its pipelined stream, opened when first used and again after a failure. A node that says nothing
 * while calls wait is asked for its health; without an answer `silent` is told, who closes it.
 */
export class NodeConnection {
  private readonly client: grpc.Client;
  private readonly handshakes = new Set<Socket>();
  private readonly alone = new Set<grpc.ClientWritableStream<Buffer>>(); // in flight: a channel that is closed lets them go on
  private stream: CallStream | undefined;
  private replaced: CallStream[] = []; // which are still answered
  private readonly reading = new Set<grpc.ClientReadableStream<Message>>(); // a channel that is closed lets these go on, too
  private unready: Unready[] = []; // which wait for a connection
  private ended: NoriKVError | undefined;
  private waiting = 0;
  private heardAt = 0; // when a call was answered last, or the first of those that wait began
  private listening: NodeJS.Timeout | undefined;
  private asking = false;

  constructor(
    readonly address: string, private readonly settings: Settings, private readonly router: Router,
    private readonly silent: (node: NodeConnection) => void,
  ) {
    const { tls } = settings;
    const credentials = tls
      ? grpc.credentials.createSsl(tls.rootCertificates ?? null, tls.clientKey ?? null, tls.clientCertificate ?? null)
      : grpc.credentials.createInsecure();
    this.client = new grpc.Client(address, tracked(credentials, this.handshakes, () => this.ended !== undefined), {
      'grpc.max_receive_message_length': settings.inboundMessageBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': settings.keepAliveMs,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.enable_retries': 0, // the client retries, within its deadline and under its keys
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.primary_user_agent': `norikv-typescript/${VERSION}`,
      ...(tls?.serverName ? { 'grpc.ssl_target_name_override': tls.serverName } : {}),
    });
  }

  /** One attempt: answers the node's StreamResult or rejects with RpcFailure. `deadline` is of performance.now(). */
  call(kind: Kind, request: Message, bytes: number, deadline: number, signal?: AbortSignal): Promise<Message> {
    return this.waitFor(this.attempt(kind, request, bytes, deadline, signal));
  }

  /** What waits for the node: when nothing is answered for long, it is asked whether it lives. */
  async waitFor<T>(answer: Promise<T>): Promise<T> {
    if (this.waiting++ === 0) this.heardAt = performance.now();
    this.listening ??= setInterval(() => this.listen(), this.settings.silenceMaxMs / 4);
    try {
      const result = await answer;
      this.heardAt = performance.now();
      return result;
    } finally {
      this.waiting--;
    }
  }

  private listen(): void {
    if (this.waiting === 0 || this.ended) {
      clearInterval(this.listening);
      this.listening = undefined;
      return;
    }
    if (this.asking || performance.now() - this.heardAt < this.settings.silenceMaxMs) return;
    this.asking = true;
    const asked = performance.now();
    // Calls may wait long at a node that is well, for an election say: so it is asked before it is given up.
    this.isServing(performance.now() + this.settings.silenceMaxMs).then(() => true, (e: RpcFailure) => !e.late).then((answers) => {
      this.asking = false;
      // A node with far too much to do may answer calls before the question: that is an answer, too.
      const heard = answers || this.heardAt > asked;
      this.heardAt = performance.now();
      if (!heard && !this.ended) this.silent(this);
    });
  }

  private async attempt(
    kind: Kind, request: Message, bytes: number, deadline: number, signal: AbortSignal | undefined,
  ): Promise<Message> {
    if (this.ended) throw new RpcFailure(this.ended, false);
    if (bytes > CALL_BYTES_MAX) throw errorOf('INVALID_ARGUMENT', `a request of ${bytes} bytes exceeds ${CALL_BYTES_MAX}`);
    if (bytes > SHARED_CALL_BYTES_MAX) {
      const [method, serialize, parse] = ALONE[kind];
      return { [kind]: await this.unary(`/norikv.v1.Kv/${method}`, serialize, parse, request, deadline, signal) };
    }
    if (this.stream?.isOpen && this.stream.clusterId === undefined && this.router.clusterId !== undefined) {
      // It did not say which cluster its calls are for: any node took it. What it has is still answered.
      this.stream.closeWhenIdle();
      this.replaced = [...this.replaced.filter((s) => s.isOpen), this.stream];
      this.stream = undefined;
    }
    if (!this.stream?.isOpen) {
      const call = this.client.makeBidiStreamRequest(
        '/norikv.v1.Kv/Stream', AS_IT_IS, codecs.streamResponse.parse, this.metadata());
      this.stream = new CallStream(call, this.address, this.settings.messageBytesMax, this.router.clusterId);
      this.awaitConnection(this.stream);
    }
    return this.stream.send({ [kind]: request }, bytes, deadline, signal);
  }

  // One wait for all: those that were given up while nobody answered must not pile up.
  private awaitConnection(call: Unready): void {
    const waits = this.unready.length > 0;
    this.unready = [...this.unready.filter((s) => s.isOpen), call];
    if (waits) return;
    this.client.waitForReady(Infinity, (closed) => {
      const ready = this.unready;
      this.unready = [];
      if (!closed) ready.forEach((s) => s.stands());
    });
  }

  /** grpc.health.v1 by hand: an empty request; a response whose field 1 is 1 when it serves. */
  async isServing(deadline: number, signal?: AbortSignal): Promise<boolean> {
    const raw: Codec = { serialize: () => Buffer.alloc(0), parse: (answer) => answer };
    const answer: Buffer = await this.unary('/grpc.health.v1.Health/Check', raw, raw, {}, deadline, signal);
    return answer[0] === 8 && answer[1] === 1;
  }

  scan(request: Message): grpc.ClientReadableStream<Message> {
    return this.read(this.client.makeServerStreamRequest(
      '/norikv.v1.Kv/Scan', AS_IT_IS, codecs.scanResponse.parse, encode(codecs.scanRequest, request), this.metadata()));
  }

  watch(): grpc.ClientReadableStream<Message> {
    return this.read(this.client.makeServerStreamRequest(
      '/norikv.v1.Meta/WatchCluster', codecs.clusterView.serialize, codecs.clusterView.parse, {}));
  }

  /** Ends the connection: its calls fail with this error, and so does each that comes. */
  close(why: NoriKVError = errorOf('CANCELLED', 'the client was closed')): void {
    this.ended ??= why;
    clearInterval(this.listening);
    for (const stream of [...this.replaced, ...(this.stream ? [this.stream] : [])]) stream.close(why);
    this.client.close();
    for (const call of [...this.alone, ...this.reading]) call.cancel();
    for (const socket of this.handshakes) socket.destroy();
  }

  private read(stream: grpc.ClientReadableStream<Message>): grpc.ClientReadableStream<Message> {
    this.reading.add(stream);
    return stream.on('close', () => this.reading.delete(stream)).on('error', () => this.reading.delete(stream));
  }

  private metadata(): grpc.Metadata {
    const metadata = new grpc.Metadata();
    if (this.router.clusterId !== undefined) metadata.set('norikv-cluster-id', this.router.clusterId);
    return metadata;
  }

  private unary(
    method: string, serialize: Codec, parse: Codec, request: Message, deadline: number, signal?: AbortSignal,
  ): Promise<Message> {
    const left = Math.max(1, deadline - performance.now());
    return new Promise((resolve, reject) => {
      const message = this.encodedAlone(serialize, request);
      // As a stream of one request: only so it is known whether the call got a connection. Without one nothing of it was sent.
      let sent = false;
      const unready = {
        isOpen: true,
        stands: () => {
          if (!unready.isOpen) return;
          sent = true;
          call.end(message);
        },
      };
      const call = this.client.makeClientStreamRequest<Buffer, Message>(
        method, AS_IT_IS, parse.parse, this.metadata(), { deadline: Date.now() + Math.min(left, LONGEST_MS) },
        (e, answer) => {
          unready.isOpen = false;
          this.alone.delete(call);
          forget();
          if (!e) return resolve(answer);
          reject(this.ended ? new RpcFailure(this.ended, sent) : this.unaryFailure(e, sent));
        });
      this.alone.add(call);
      const forget = onAbort(signal, () => {
        reject(signal!.reason);
        call.cancel();
      });
      this.awaitConnection(unready);
    });
  }

  private encodedAlone(codec: Codec, request: Message): Buffer {
    try {
      return encode(codec, request);
    } catch (e) {
      throw new RpcFailure(e as NoriKVError, false);
    }
  }

  private unaryFailure(e: grpc.ServiceError, sent: boolean): RpcFailure {
    const { error, reached, isFinal } = failureOf(e, this.address);
    const late = e.code === grpc.status.DEADLINE_EXCEEDED;
    if (reached && !sent) {
      const message = `no connection to ${this.address}: ${error.message}`;
      return new RpcFailure(errorOf('UNAVAILABLE', message, { cause: e }), false, false, false, late);
    }
    return new RpcFailure(error, reached, isRefusal(e, error.code), isFinal, late);
  }
}
