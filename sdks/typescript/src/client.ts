import { onAbort } from './abort.js';
import { checkOptions, shown } from './checks.js';
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
    checkOptions(options, 'put');
    const [k, v] = [toBytes(key), toBytes(value)];
    return wire.putResult(await this.write('put', wire.putRequest(k, v, options, ''), k, k.length + v.length, options));
  }

  /** Writes only over the expected version; undefined expects the key to be missing. */
  async compareAndSet(
    key: Bytes, value: Bytes, expected: Version | undefined, options: Omit<PutOptions, 'ifMatch' | 'ifNotExists'> = {},
  ): Promise<PutResult> {
    checkOptions(options, 'compareAndSet'); // a spread would make options of anything
    return this.put(key, value, { ...options, ...(expected == null ? { ifNotExists: true } : { ifMatch: expected }) });
  }

  /** Reads a key; a missing one is a result with `found` false. */
  async get(key: Bytes, options: GetOptions = {}): Promise<GetResult> {
    checkOptions(options, 'get');
    const k = toBytes(key);
    return wire.getResult(await this.read('get', wire.getRequest(k, options), k, k.length, options));
  }

  /** Reads a key that must exist; rejects with NotFoundError when it does not. */
  async getRequired(key: Bytes, options: GetOptions = {}): Promise<GetResult> {
    checkOptions(options, 'getRequired');
    const result = await this.get(key, options);
    if (!result.found) throw errorOf('NOT_FOUND', `the key of ${toBytes(key).length} bytes does not exist`);
    return result;
  }

  /** Removes a key; a missing one is no error. */
  async delete(key: Bytes, options: DeleteOptions = {}): Promise<DeleteResult> {
    checkOptions(options, 'delete');
    const k = toBytes(key);
    return wire.deleteResult(await this.write('delete', wire.deleteRequest(k, options, ''), k, k.length, options));
  }

  /** Runs many operations, atomic per shard; a result or an error for each, in their order. */
  async batch(operations: readonly Operation[], options: BatchOptions = {}): Promise<BatchResult[]> {
    checkOptions(options, 'batch');
    if (!Array.isArray(operations)) throw errorOf('INVALID_ARGUMENT', `the operations are an array, not ${shown(operations)}`);
    const messages = Array.from<Operation, wire.Message>(operations, wire.operationMessage);
    const parts = messages.map((m) => m.put ?? m.get ?? m.delete);
    const key: Uint8Array = parts[0]?.key ?? EMPTY;
    const bytes = parts.reduce((sum: number, one) => sum + one.key.length + (one.value?.length ?? 0) + OVERHEAD_BYTES, 0);
    const request = { operations: messages, requireAtomic: options.requireAtomic ?? false };
    const answer = messages.every((m) => m.get)
      ? await this.read('batch', request, key, bytes, options)
      : await this.write('batch', request, key, bytes, options);
    return wire.batchResults(answer, messages.length);
  }

  /** The pairs of a prefix or a range in key order; resumed by itself when a connection breaks. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Pair, void, undefined> {
    for await (const page of this.pages(options, 'scan')) {
      for (const pair of page.pairs) {
        options.signal?.throwIfAborted(); // between two pairs of one page, too
        yield wire.pair(pair);
      }
    }
  }

  /** One page of at most `limit` pairs and the token that goes on behind it, for callers that keep their place themselves. */
  async scanPage(options: ScanOptions & { limit: number }): Promise<Page> {
    checkOptions(options, 'scanPage');
    if (!(options.limit > 0)) throw errorOf('INVALID_ARGUMENT', 'a page needs a positive limit');
    const pairs: Pair[] = [];
    let last: wire.Message;
    for await (const page of this.pages(options, 'scanPage')) {
      for (const pair of page.pairs) pairs.push(wire.pair(pair));
      last = page;
    }
    return { pairs, nextPageToken: wire.bytes(last?.nextPageToken), count: Number(last?.count ?? 0) };
  }

  /** How many pairs a scan would give. */
  async count(options: Pick<ScanOptions, 'prefix' | 'start' | 'end' | keyof GetOptions> = {}): Promise<number> {
    let count = 0;
    for await (const page of this.pages(options, 'count')) count = Number(page.count);
    return count;
  }

  /** The newest view of the cluster. */
  async clusterView(options: CallOptions = {}): Promise<ClusterView> {
    checkOptions(options, 'clusterView');
    options.signal?.throwIfAborted();
    const over = new AbortController();
    const forget = onAbort(options.signal, () => over.abort());
    const timer = setTimeout(() => over.abort(), Math.min(this.deadlineMs(options), TIMER_MS_MAX));
    try {
      for await (const view of this.watchCluster({ signal: over.signal })) return view;
    } catch (e) {
      options.signal?.throwIfAborted();
      if (!over.signal.aborted) throw e;
    } finally {
      clearTimeout(timer);
      forget();
    }
    throw errorOf('UNAVAILABLE', `no node answered at ${this.settings.addresses.join(', ')}`);
  }

  /** The current view, then each newer one; goes on by itself when its node is gone. */
  async *watchCluster(options: Pick<CallOptions, 'signal'> = {}): AsyncGenerator<ClusterView, void, undefined> {
    checkOptions(options, 'watchCluster');
    this.checkOpen();
    options.signal?.throwIfAborted();
    yield* this.runner.views(options.signal);
  }

  /** True when the node that was asked says by the standard health service that it serves. */
  async isServing(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'isServing');
    this.checkOpen();
    const deadline = this.deadline(options);
    options.signal?.throwIfAborted();
    return this.runner.attempts(
      (node) => node.waitFor(node.isServing(deadline, options.signal)), EMPTY, false, deadline, options.signal);
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
    kind: wire.Kind, request: wire.Message, key: Uint8Array, bytes: number,
    options: CallOptions & { idempotencyKey?: string },
  ): Promise<wire.Message> {
    const own = wellFormed(options.idempotencyKey ?? '');
    const deadline = await this.enter(options);
    try {
      if (own) return await this.run(kind, { ...request, idempotencyKey: own }, bytes, key, true, deadline, options);
      const id = this.sessions.acquire();
      try {
        const answer = await this.run(kind, { ...request, idempotencyKey: id.text }, bytes, key, true, deadline, options);
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
    return this.runner.run(kind, request, bytes + OVERHEAD_BYTES, key, writes, deadline, options.signal);
  }

  private pages(options: ScanOptions, of: 'scan' | 'scanPage' | 'count'): AsyncGenerator<wire.Message> {
    checkOptions(options, of);
    this.checkOpen();
    return this.runner.pages({
      prefix: toBytes(options.prefix === undefined ? EMPTY : options.prefix), // null is no range: it could mean all of it
      start: toBytes(options.start === undefined ? EMPTY : options.start),
      end: toBytes(options.end === undefined ? EMPTY : options.end),
      reverse: options.reverse ?? false,
      limit: wire.limitOf(options.limit ?? 0),
      keysOnly: options.keysOnly ?? false,
      pageToken: options.pageToken ?? EMPTY,
      consistency: wire.consistencyName(options),
      maxStalenessMs: wire.milliseconds(options.maxStalenessMs, 'a staleness'),
      countOnly: of === 'count',
    }, this.deadlineMs(options), options.signal);
  }

  private deadline(options: CallOptions): number {
    return performance.now() + this.deadlineMs(options);
  }

  private deadlineMs(options: CallOptions): number {
    return options.deadlineMs ?? this.settings.deadlineMs;
  }

  private async enter(options: CallOptions): Promise<number> {
    this.checkOpen();
    options.signal?.throwIfAborted();
    const deadline = this.deadline(options);
    if (this.inUse < this.settings.inFlightMax) {
      this.inUse++;
      return deadline;
    }
    await this.place(deadline, options.signal);
    return deadline;
  }

  private place(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer);
        forget();
      };
      const enter = () => {
        over();
        resolve();
      };
      const leave = (why: unknown) => {
        over();
        this.queue.splice(this.queue.indexOf(enter), 1);
        reject(why);
      };
      const timer = setTimeout(() => leave(errorOf(
        'DEADLINE_EXCEEDED',
        `the deadline passed while ${this.settings.inFlightMax} operations were in flight; this one was not tried`)),
      Math.min(TIMER_MS_MAX, Math.max(0, deadline - performance.now())));
      const forget = onAbort(signal, () => leave(signal!.reason));
      this.queue.push(enter);
    });
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
