import { errorOf } from './errors.js';
import { type ClientOptions, type Settings, settingsOf } from './options.js';
import { Runner } from './runner.js';
import { SessionPool } from './session.js';
import {
  type BatchOptions, type BatchResult, type Bytes, type CallOptions, type ClusterView, type DeleteOptions, type DeleteResult,
  type GetOptions, type GetResult, type Operation, type Page, type Pair, type PutOptions, type PutResult, type ScanOptions,
  toBytes, type Version, wellFormed,
} from './types.js';
import * as wire from './wire.js';

// What a call costs beside its key and value: tags, lengths, id, timeout, idempotency key, version.
const OVERHEAD_BYTES = 160;
// A timer of more would fire at once.
const TIMER_MS_MAX = 0x7fffffff;
const EMPTY = Buffer.alloc(0);

/** A client of the nodes at these addresses, host:port each; connections are made when first needed. */
export function connect(options: Partial<ClientOptions> | string = {}): Client {
  return new Client(typeof options === 'string' ? { addresses: options.split(',') } : options);
}

/**
 * Keys and values over the network. Make one and share it: concurrent operations to one node share a pipelined stream.
 * Failures are retried within the deadline, writes under an idempotency key so that each is done at most once.
 */
export class Client {
  private readonly settings: Settings;
  private readonly runner: Runner;
  private readonly sessions = new SessionPool();
  private readonly queue: (() => void)[] = [];
  private inUse = 0;
  private closed = false;

  constructor(options: Partial<ClientOptions> = {}) {
    this.settings = settingsOf(options);
    this.runner = new Runner(this.settings);
  }

  /** Operations in flight. */
  get inFlight(): number {
    return this.inUse;
  }

  /** Writes a pair; resolves once it is durable. Overwriting without a TTL removes the key's TTL. */
  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<PutResult> {
    const [k, v] = [toBytes(key), toBytes(value)];
    return wire.putResult(await this.write(
      'put', (id) => wire.putRequest(k, v, options, id), k, k.length + v.length, options));
  }

  /** Writes only over the expected version; undefined expects the key to be missing. */
  compareAndSet(
    key: Bytes, value: Bytes, expected: Version | undefined, options: Omit<PutOptions, 'ifMatch' | 'ifNotExists'> = {},
  ): Promise<PutResult> {
    return this.put(key, value, expected ? { ...options, ifMatch: expected } : { ...options, ifNotExists: true });
  }

  /** Reads a key; a missing one is a result with `found` false. */
  async get(key: Bytes, options: GetOptions = {}): Promise<GetResult> {
    const k = toBytes(key);
    return wire.getResult(await this.read('get', wire.getRequest(k, options), k, k.length, options));
  }

  /** Reads a key that must exist; rejects with NotFoundError when it does not. */
  async getRequired(key: Bytes, options: GetOptions = {}): Promise<GetResult> {
    const result = await this.get(key, options);
    if (!result.found) throw errorOf('NOT_FOUND', `the key of ${toBytes(key).length} bytes does not exist`);
    return result;
  }

  /** Removes a key; a missing one is no error. */
  async delete(key: Bytes, options: DeleteOptions = {}): Promise<DeleteResult> {
    const k = toBytes(key);
    return wire.deleteResult(await this.write('delete', (id) => wire.deleteRequest(k, options, id), k, k.length, options));
  }

  /** Runs many operations, atomic per shard; a result or an error for each, in their order. */
  async batch(operations: readonly Operation[], options: BatchOptions = {}): Promise<BatchResult[]> {
    const messages = operations.map(wire.operationMessage);
    const key = operations.length > 0 ? wire.keyOf(operations[0]!) : EMPTY;
    const bytes = messages.reduce((sum: number, m) => {
      const one = m.put ?? m.get ?? m.delete;
      return sum + one.key.length + (one.value?.length ?? 0) + OVERHEAD_BYTES;
    }, 0);
    const request = (idempotencyKey: string) => ({
      operations: messages, requireAtomic: options.requireAtomic ?? false, idempotencyKey,
    });
    const answer = operations.every((o) => 'get' in o)
      ? await this.read('batch', request(''), key, bytes, options)
      : await this.write('batch', request, key, bytes, options);
    return wire.batchResults(answer, operations.length);
  }

  /** The pairs of a prefix or a range in key order; resumed by itself when a connection breaks. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Pair, void, undefined> {
    for await (const page of this.pages(options)) {
      for (const pair of page.pairs) yield wire.pair(pair);
      options.signal?.throwIfAborted();
    }
  }

  /** One page of at most `limit` pairs and the token that goes on behind it, for callers that keep their place themselves. */
  async scanPage(options: ScanOptions & { limit: number }): Promise<Page> {
    if (!(options.limit > 0)) throw errorOf('INVALID_ARGUMENT', 'a page needs a positive limit');
    const pairs: Pair[] = [];
    let last: wire.Message;
    for await (const page of this.pages(options)) {
      for (const pair of page.pairs) pairs.push(wire.pair(pair));
      last = page;
    }
    return { pairs, nextPageToken: wire.bytes(last?.nextPageToken), count: Number(last?.count ?? 0) };
  }

  /** How many pairs a scan would give. */
  async count(options: Pick<ScanOptions, 'prefix' | 'start' | 'end' | 'deadlineMs' | 'signal'> = {}): Promise<number> {
    let count = 0;
    for await (const page of this.pages(options, true)) count = Number(page.count);
    return count;
  }

  /** The newest view of the cluster. */
  async clusterView(options: CallOptions = {}): Promise<ClusterView> {
    const late = AbortSignal.timeout(Math.min(this.deadlineMs(options), TIMER_MS_MAX));
    const signal = options.signal ? AbortSignal.any([options.signal, late]) : late;
    try {
      for await (const view of this.watchCluster({ signal })) return view;
    } catch (e) {
      if (!late.aborted || options.signal?.aborted) throw e;
    }
    throw errorOf('UNAVAILABLE', `no node answered at ${this.settings.addresses.join(', ')}`);
  }

  /** The current view, then each newer one; goes on by itself when its node is gone. */
  async *watchCluster(options: Pick<CallOptions, 'signal'> = {}): AsyncGenerator<ClusterView, void, undefined> {
    this.checkOpen();
    options.signal?.throwIfAborted();
    yield* this.runner.views(options.signal);
  }

  /** True when the node that was asked says by the standard health service that it serves. */
  async isServing(options: CallOptions = {}): Promise<boolean> {
    this.checkOpen();
    const deadline = this.deadline(options);
    return abortable(
      this.runner.attempts((node) => node.isServing(deadline), EMPTY, false, deadline, options.signal), options.signal);
  }

  /** Closes the connections; operations in flight fail, those of writes with an unknown outcome. */
  async close(): Promise<void> {
    this.closed = true;
    this.runner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async write(
    kind: wire.Kind, request: (id: string) => wire.Message, key: Uint8Array, bytes: number,
    options: CallOptions & { idempotencyKey?: string },
  ): Promise<wire.Message> {
    const deadline = await this.enter(options);
    try {
      if (options.idempotencyKey !== undefined) {
        return await this.run(kind, request(wellFormed(options.idempotencyKey)), bytes, key, true, deadline, options);
      }
      const id = this.sessions.acquire();
      try {
        const answer = await this.run(kind, request(id.text), bytes, key, true, deadline, options);
        if (wire.isAnswerToAnother(answer)) {
          throw errorOf('INTERNAL', `the node answered another write of the session in ${id.text}: this one was not done`);
        }
        return answer;
      } finally {
        id.session.release(id.sequence);
      }
    } finally {
      this.leave();
    }
  }

  private async read(
    kind: wire.Kind, request: wire.Message, key: Uint8Array, bytes: number, options: CallOptions,
  ): Promise<wire.Message> {
    const deadline = await this.enter(options);
    try {
      return await this.run(kind, request, bytes, key, false, deadline, options);
    } finally {
      this.leave();
    }
  }

  private run(
    kind: wire.Kind, request: wire.Message, bytes: number, key: Uint8Array, writes: boolean, deadline: number, options: CallOptions,
  ): Promise<wire.Message> {
    return abortable(
      this.runner.run(kind, request, bytes + OVERHEAD_BYTES, key, writes, deadline, options.signal), options.signal);
  }

  private pages(options: ScanOptions, countOnly = false): AsyncGenerator<wire.Message> {
    this.checkOpen();
    return this.runner.pages({
      prefix: toBytes(options.prefix ?? EMPTY),
      start: toBytes(options.start ?? EMPTY),
      end: toBytes(options.end ?? EMPTY),
      reverse: options.reverse ?? false,
      limit: wire.limitOf(options.limit ?? 0),
      keysOnly: options.keysOnly ?? false,
      pageToken: options.pageToken ?? EMPTY,
      consistency: wire.consistencyName(options),
      maxStalenessMs: wire.milliseconds(options.maxStalenessMs, 'a staleness'),
      countOnly,
    }, this.deadlineMs(options));
  }

  private deadline(options: CallOptions): number {
    return performance.now() + this.deadlineMs(options);
  }

  private deadlineMs(options: CallOptions): number {
    const ms = options.deadlineMs ?? this.settings.deadlineMs;
    if (!(ms > 0)) throw errorOf('INVALID_ARGUMENT', 'the deadline must be positive'); // nor is NaN
    return ms;
  }

  private async enter(options: CallOptions): Promise<number> {
    this.checkOpen();
    options.signal?.throwIfAborted();
    const deadline = this.deadline(options);
    if (this.inUse < this.settings.inFlightMax) {
      this.inUse++;
      return deadline;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.queue.splice(this.queue.indexOf(enter), 1);
        reject(errorOf(
          'DEADLINE_EXCEEDED',
          `the deadline passed while ${this.settings.inFlightMax} operations were in flight; this one was not tried`));
      }, Math.min(TIMER_MS_MAX, Math.max(0, deadline - performance.now())));
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      this.queue.push(enter);
    });
    return deadline;
  }

  // A place goes straight to the one that waits longest.
  private leave(): void {
    const enter = this.queue.shift();
    if (enter) enter();
    else this.inUse--;
  }

  private checkOpen(): void {
    if (this.closed) throw errorOf('CANCELLED', 'the client is closed');
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
