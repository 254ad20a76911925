import type * as grpc from '@grpc/grpc-js';
import { type Code, errorOf, type NoriKVError } from './errors.js';
import type { Settings } from './options.js';
import { Backoff, isForeign, Router, RoutingTable } from './routing.js';
import { failureOf, NodeConnection, RpcFailure } from './transport.js';
import type { ClusterView } from './types.js';
import { type Kind, type Message, statusError, viewOf } from './wire.js';

// Below this there is no time for another round trip.
const LEAST_MS = 10;
// Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
const HINTS_AT_ONCE_MAX = 2;
const NO_KEY = new Uint8Array(0);

const RETRIABLE: ReadonlySet<Code> = new Set<Code>([
  'NOT_LEADER', 'QUORUM_UNAVAILABLE', 'UNAVAILABLE', 'OVERLOADED', 'COMMIT_TIMEOUT', 'DEADLINE_EXCEEDED',
]);

/** Runs operations to their end: attempt, judge, wait, attempt again, all within one deadline. */
export class Runner {
  readonly router: Router;
  private readonly backoff: Backoff;
  private readonly nodes = new Map<string, NodeConnection>();
  private readonly streams = new Set<grpc.ClientReadableStream<Message>>();
  private readonly sleepers = new Set<() => void>();
  private watching = false;
  private closed = false;

  constructor(private readonly settings: Settings) {
    this.router = new Router(settings);
    this.backoff = new Backoff(settings.retry);
  }

  run(
    kind: Kind, request: Message, bytes: number, key: Uint8Array, writes: boolean, deadline: number, signal?: AbortSignal,
  ): Promise<Message> {
    return this.attempts(async (node) => {
      const result = await node.call(kind, request, bytes, deadline);
      if (result.error) throw new RpcFailure(statusError(result.error), true, true);
      if (!result[kind]) throw new RpcFailure(errorOf('INTERNAL', `${node.address} answered an empty result`), true);
      return result[kind];
    }, key, writes, deadline, signal);
  }

  async attempts<T>(
    attempt: (node: NodeConnection) => Promise<T>, key: Uint8Array, writes: boolean, deadline: number, signal?: AbortSignal,
  ): Promise<T> {
    this.watch();
    let perhapsDone = false;
    let hint: string | undefined;
    let followed = 0;
    for (let number = 0; ; number++) {
      // What was given up is not sent again: it could undo what was written since.
      signal?.throwIfAborted();
      const address = this.router.pick(key, number, hint);
      this.router.throwIfForeign(address);
      let failure: RpcFailure;
      try {
        const result = await attempt(this.node(address));
        this.router.reached(address);
        this.backoff.succeeded();
        return result;
      } catch (e) {
        if (!(e instanceof RpcFailure)) throw e;
        failure = e;
      }
      const { error } = failure;
      if (!failure.reached && error.code === 'UNAVAILABLE') this.router.unreachable(address);
      // What the node itself says of an operation is exact; of a call or stream that broke nobody knows.
      const broke = error.code === 'INTERNAL' && !failure.said; // of the connection, not of the operation
      const retriable = broke || RETRIABLE.has(error.code);
      if (failure.said ? error.code === 'COMMIT_TIMEOUT' : failure.reached && retriable) perhapsDone = true;
      if (isForeign(error)) {
        // Refused before it was looked at; another node may be of our cluster.
        this.router.noteForeign(address, error);
        hint = undefined;
        continue;
      }
      if (!retriable || failure.isFinal) throw error;
      followed = error.leaderHint !== undefined && error.leaderHint !== hint ? followed + 1 : 0;
      const atOnce = followed > 0 && followed <= HINTS_AT_ONCE_MAX;
      const wait = number + 1 < this.settings.retry.attemptsMax ? this.nextWait(number, error, atOnce, deadline) : undefined;
      if (wait === undefined) throw final(error, writes && perhapsDone, number + 1, address);
      if (wait > 0) followed = 0;
      hint = error.leaderHint;
      await this.sleep(wait);
      // A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
      if (performance.now() >= deadline) throw final(error, writes && perhapsDone, number + 1, address);
    }
  }

  /**
   * The pages of a scan, each once; after a failure it goes on behind the last page that came. The deadline counts from page
   * to page, not over the whole scan.
   */
  async *pages(request: Message, deadlineMs: number): AsyncGenerator<Message> {
    this.watch();
    const limit: number = request.limit;
    let received = 0;
    let failures = 0;
    let deadline = performance.now() + deadlineMs;
    while (true) {
      const address = this.router.pick(NO_KEY, failures);
      this.router.throwIfForeign(address);
      const node = this.node(address);
      // A limit is a call's: what goes on behind a failure asks only for the rest.
      const rest = limit > 0 && !request.countOnly ? limit - received : limit;
      const call = this.track(node.scan({ ...request, limit: rest }));
      let failure: RpcFailure;
      try {
        const pages = call[Symbol.asyncIterator]();
        while (true) {
          const page: Message | undefined = await node.waitFor(next(pages, deadline, address));
          if (page === undefined) return;
          failures = 0;
          this.backoff.succeeded();
          this.router.reached(address);
          request.pageToken = page.nextPageToken;
          received += page.pairs.length;
          yield page;
          // A page without a token, or that fills the limit, is the last: a failure behind it loses nothing.
          if (page.nextPageToken.length === 0 || (limit > 0 && received >= limit)) return;
          deadline = performance.now() + deadlineMs;
        }
      } catch (e) {
        if (!(e instanceof RpcFailure)) throw e;
        failure = e;
      } finally {
        this.untrack(call);
      }
      await this.retryScan(failure, address, failures++, deadline);
    }
  }

  /**
   * Views as they come, none older than the one before and none of another cluster; ends only by closing or a refusal. With
   * `refuses` it ends with an error where only nodes of another cluster are left; otherwise it goes on asking.
   */
  async *views(signal?: AbortSignal, refuses = true): AsyncGenerator<ClusterView> {
    let last: ClusterView | undefined;
    for (let failures = 0; ; failures++) {
      const address = this.router.pick(NO_KEY, 1);
      if (refuses) this.router.throwIfForeign(address);
      const call = this.track(this.node(address).watch());
      const abort = () => call.cancel();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        const views = call[Symbol.asyncIterator]();
        while (true) {
          const message: Message | undefined = await next(views, Infinity, address);
          if (message === undefined) break;
          const view = viewOf(message);
          if (!this.router.accepts(view.clusterId, address)) break;
          failures = 0;
          this.router.reached(address);
          if (last && view.epoch <= last.epoch) continue;
          last = view;
          yield view;
        }
      } catch (e) {
        if (!(e instanceof RpcFailure)) throw e;
        if (!e.reached) this.router.unreachable(address);
        if ((refuses && e.isFinal) || !RETRIABLE.has(e.error.code)) throw e.error;
      } finally {
        signal?.removeEventListener('abort', abort);
        this.untrack(call);
      }
      if (signal?.aborted) throw signal.reason;
      await this.sleep(this.backoff.nextWait(failures, undefined));
    }
  }

  close(): void {
    this.closed = true;
    for (const call of this.streams) call.cancel();
    for (const wake of [...this.sleepers]) wake();
    for (const node of this.nodes.values()) node.close();
    this.nodes.clear();
  }

  private node(address: string): NodeConnection {
    if (this.closed) throw errorOf('CANCELLED', 'the client was closed');
    let node = this.nodes.get(address);
    if (!node) {
      node = new NodeConnection(address, this.settings, this.router, (silent) => this.leave(silent));
      this.nodes.set(address, node);
    }
    return node;
  }

  /** A node says nothing: its calls go elsewhere, and the next one to it makes a connection of its own. */
  private leave(node: NodeConnection): void {
    this.router.silent(node.address);
    if (this.nodes.get(node.address) === node) this.nodes.delete(node.address);
    node.close(errorOf('UNAVAILABLE', `${node.address} said nothing for ${2 * this.settings.silenceMaxMs} ms while calls waited`));
  }

  private watch(): void {
    if (!this.settings.smartRouting || this.watching || this.closed) return;
    this.watching = true;
    // Refused or closed: without a view any node takes any request.
    this.keepTable().catch(() => undefined);
  }

  private async keepTable(): Promise<void> {
    for await (const view of this.views(undefined, false)) {
      const table = new RoutingTable(view);
      this.router.update(table);
      if (this.nodes.size <= this.settings.nodesMax) continue;
      for (const [address, node] of this.nodes) {
        if (table.nodes.includes(address) || this.settings.addresses.includes(address)) continue;
        this.nodes.delete(address);
        node.close(errorOf('UNAVAILABLE', `${address} is not a node of the cluster any more`));
      }
    }
  }

  private track(call: grpc.ClientReadableStream<Message>): grpc.ClientReadableStream<Message> {
    // Its iterator carries the failure on; without a listener a late one would end the process.
    call.on('error', () => undefined);
    this.streams.add(call);
    return call;
  }

  private untrack(call: grpc.ClientReadableStream<Message>): void {
    this.streams.delete(call);
    call.cancel();
  }

  private async retryScan(failure: RpcFailure, address: string, failures: number, deadline: number): Promise<void> {
    const { error } = failure;
    if (isForeign(error)) return this.router.noteForeign(address, error);
    if (!failure.reached && error.code === 'UNAVAILABLE') this.router.unreachable(address);
    const wait = this.backoff.nextWait(failures, error.retryAfterMs);
    const late = deadline - performance.now() <= wait;
    if (late || failure.isFinal || !RETRIABLE.has(error.code) || failures + 1 >= this.settings.retry.attemptsMax) {
      throw error.code === 'COMMIT_TIMEOUT' ? errorOf('DEADLINE_EXCEEDED', error.message, error) : error;
    }
    await this.sleep(wait);
  }

  /** Undefined when no further attempt fits before the deadline. */
  private nextWait(attempt: number, error: NoriKVError, atOnce: boolean, deadline: number): number | undefined {
    // A fresh hint is followed at once; the same one again means that the cluster is still deciding.
    const wait = atOnce ? 0 : this.backoff.nextWait(attempt, error.retryAfterMs);
    const left = deadline - performance.now();
    if (left < LEAST_MS || (error.retryAfterMs ?? 0) > left) return undefined;
    // A long wait near the end is halved, so that the last moments are used and not slept through.
    return Math.min(wait, left / 2);
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.sleepers.delete(done);
        if (this.closed) reject(errorOf('CANCELLED', 'the client was closed'));
        else resolve();
      };
      const timer = setTimeout(done, ms);
      this.sleepers.add(done);
    });
  }
}

/** The next message; undefined at the end. */
async function next(messages: AsyncIterator<Message>, deadline: number, address: string): Promise<Message | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    if (deadline === Infinity) return;
    timer = setTimeout(
      () => reject(new RpcFailure(errorOf('COMMIT_TIMEOUT', 'no page of the scan came in time'), true)),
      Math.min(0x7fffffff, Math.max(0, deadline - performance.now())));
  });
  try {
    const step = await Promise.race([messages.next(), late]);
    return step.done ? undefined : step.value;
  } catch (e) {
    throw e instanceof RpcFailure ? e : failureOf(e as grpc.ServiceError, address);
  } finally {
    clearTimeout(timer);
  }
}

function final(error: NoriKVError, unknown: boolean, attempts: number, address: string): NoriKVError {
  const tried = `(after ${attempts} attempt${attempts === 1 ? '' : 's'}, last at ${address})`;
  const details = { cause: error, ...(error.leaderHint && { leaderHint: error.leaderHint }) };
  if (unknown) return errorOf('COMMIT_TIMEOUT', `COMMIT_TIMEOUT: the outcome is unknown ${tried}: ${error.message}`, details);
  // A read has no outcome to be unknown.
  return errorOf(error.code === 'COMMIT_TIMEOUT' ? 'DEADLINE_EXCEEDED' : error.code, `${error.message} ${tried}`, details);
}
