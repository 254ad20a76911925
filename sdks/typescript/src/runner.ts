import type * as grpc from '@grpc/grpc-js';
import { onAbort } from './abort.js';
import { BatchParts } from './batch.js';
import { type Code, type ErrorDetails, errorOf, NoriKVError, RETRIABLE } from './errors.js';
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

const DECIDED: ReadonlySet<Code> = new Set<Code>(['VERSION_MISMATCH', 'ALREADY_EXISTS', 'CANCELLED']);

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

  async run(
    kind: Kind, request: Message, bytes: number, key: Uint8Array, writes: boolean, deadline: number, signal?: AbortSignal,
  ): Promise<Message> {
    const parts = kind === 'batch' ? new BatchParts(request.operations) : undefined;
    try {
      return await this.attempts(async (node, perhapsDone) => {
        const result = await node.call(kind, request, bytes, deadline, signal);
        if (result.error) throw new RpcFailure(statusError(result.error), true, true);
        if (!result[kind]) throw new RpcFailure(errorOf('INTERNAL', `${node.address} answered an empty result`), true);
        if (!parts) return result[kind];
        parts.take(result.batch, perhapsDone);
        return parts.answer;
      }, key, writes, deadline, signal);
    } catch (e) {
      if (!parts?.answer || !(e instanceof NoriKVError) || e.code === 'CANCELLED') throw e;
      return parts.end(e); // the operations say what came of each
    }
  }

  /** `attempt` is told the node, and whether an attempt before may have been done. */
  async attempts<T>(
    attempt: (node: NodeConnection, perhapsDone: boolean) => Promise<T>, key: Uint8Array, writes: boolean, deadline: number, signal?: AbortSignal,
  ): Promise<T> {
    this.watch();
    let perhapsDone = false;
    let hint: string | undefined;
    let followed = 0;
    for (let number = 0; ; number++) {
      // What was given up is not sent again: it could undo what was written since.
      signal?.throwIfAborted();
      const address = this.router.pick(key, number, hint);
      const refusal = this.router.refusal(address);
      if (refusal) throw conclusion(refusal, writes && perhapsDone, number, address);
      let failure: RpcFailure;
      try {
        const result = await attempt(this.node(address), perhapsDone);
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
      const retriable = isRetriable(failure);
      if (failure.said ? error.code === 'COMMIT_TIMEOUT' : failure.reached && retriable) perhapsDone = true;
      if (isForeign(error)) {
        // Refused before it was looked at; another node may be of our cluster.
        this.router.noteForeign(address, error);
        hint = undefined;
        continue;
      }
      if (!retriable || failure.isFinal) throw conclusion(error, writes && perhapsDone, number + 1, address);
      followed = error.leaderHint !== undefined && error.leaderHint !== hint ? followed + 1 : 0;
      const atOnce = followed > 0 && followed <= HINTS_AT_ONCE_MAX;
      const wait = number + 1 < this.settings.retry.attemptsMax ? this.nextWait(number, error, atOnce, deadline) : undefined;
      if (wait === undefined) throw final(error, writes && perhapsDone, number + 1, address);
      if (wait > 0) followed = 0;
      hint = error.leaderHint;
      await this.sleep(wait, signal);
      // A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
      if (performance.now() >= deadline) throw final(error, writes && perhapsDone, number + 1, address);
    }
  }

  /**
   * The pages of a scan, each once; after a failure it goes on behind the last page that came. The deadline counts from page
   * to page, not over the whole scan.
   */
  async *pages(request: Message, deadlineMs: number, signal?: AbortSignal): AsyncGenerator<Message> {
    signal?.throwIfAborted();
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
          const page: Message | undefined = await node.waitFor(next(pages, deadline, address, signal));
          if (page === undefined) return;
          failures = 0;
          this.backoff.succeeded();
          this.router.reached(address);
          request.pageToken = page.nextPageToken;
          received += page.pairs.length;
          yield page;
          signal?.throwIfAborted();
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
      await this.retryScan(failure, address, failures++, deadline, signal);
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
      const node = this.node(address);
      const call = this.track(node.watch());
      const forget = onAbort(signal, () => call.cancel());
      try {
        const views = call[Symbol.asyncIterator]();
        // A node says its view at once: until then it is waited for. When the next one comes is nobody's to know.
        for (let first = true; ; first = false) {
          const coming = next(views, Infinity, address);
          const message: Message | undefined = await (first ? node.waitFor(coming) : coming);
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
        if ((refuses && e.isFinal) || !isRetriable(e)) throw e.error;
      } finally {
        forget();
        this.untrack(call);
      }
      signal?.throwIfAborted();
      await this.sleep(this.backoff.nextWait(failures, undefined), signal);
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

  private async retryScan(failure: RpcFailure, address: string, failures: number, deadline: number, signal?: AbortSignal): Promise<void> {
    const { error } = failure;
    if (isForeign(error)) return this.router.noteForeign(address, error);
    if (!failure.reached && error.code === 'UNAVAILABLE') this.router.unreachable(address);
    const again = !failure.isFinal && isRetriable(failure) && failures + 1 < this.settings.retry.attemptsMax;
    const wait = again ? this.nextWait(failures, error, false, deadline) : undefined;
    if (wait !== undefined) await this.sleep(wait, signal);
    if (wait === undefined || performance.now() >= deadline) {
      throw error.code === 'COMMIT_TIMEOUT' ? ofRead(error, error.message, error) : error;
    }
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

  private sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.sleepers.delete(done);
        forget();
        if (this.closed) reject(errorOf('CANCELLED', 'the client was closed'));
        else if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      const timer = setTimeout(done, ms);
      const forget = onAbort(signal, done);
      this.sleepers.add(done);
    });
  }
}

/** The next message; undefined at the end. */
async function next(
  messages: AsyncIterator<Message>, deadline: number, address: string, signal?: AbortSignal,
): Promise<Message | undefined> {
  let timer: NodeJS.Timeout | undefined;
  let forget = () => {};
  const late = new Promise<never>((_, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    forget = onAbort(signal, () => reject(signal!.reason));
    if (deadline === Infinity) return;
    timer = setTimeout(
      () => reject(new RpcFailure(errorOf('COMMIT_TIMEOUT', 'no page of the scan came in time'), true)),
      Math.min(0x7fffffff, Math.max(0, deadline - performance.now())));
  });
  try {
    const step = await Promise.race([messages.next(), late]);
    return step.done ? undefined : step.value;
  } catch (e) {
    if (signal?.aborted) throw signal.reason;
    throw e instanceof RpcFailure ? e : failureOf(e as grpc.ServiceError, address);
  } finally {
    clearTimeout(timer);
    forget();
  }
}

/**
 * What an operation ends with that is not tried again. Where an attempt before may have been done, only an answer that looked at the key
 * says what came of it: a refusal, or a node of another cluster, knows nothing of that attempt. CANCELLED leaves it open by itself.
 */
function conclusion(error: NoriKVError, unknown: boolean, attempts: number, address: string): NoriKVError {
  return unknown && !DECIDED.has(error.code) ? final(error, true, attempts, address) : error;
}

function final(error: NoriKVError, unknown: boolean, attempts: number, address: string): NoriKVError {
  const tried = `(after ${attempts} attempt${attempts === 1 ? '' : 's'}, last at ${address})`;
  const details: ErrorDetails = { cause: error };
  if (error.leaderHint !== undefined) details.leaderHint = error.leaderHint;
  if (error.retryAfterMs !== undefined) details.retryAfterMs = error.retryAfterMs;
  if (unknown) return errorOf('COMMIT_TIMEOUT', `COMMIT_TIMEOUT: the outcome is unknown ${tried}: ${error.message}`, details);
  return ofRead(error, `${error.message} ${tried}`, details);
}

/** A read has no outcome to be unknown, nor has what was never sent. */
function ofRead(error: NoriKVError, message: string, details: ErrorDetails): NoriKVError {
  if (error.code !== 'COMMIT_TIMEOUT') return errorOf(error.code, message, details);
  return errorOf('DEADLINE_EXCEEDED', message.replaceAll('COMMIT_TIMEOUT: ', ''), details);
}

/** INTERNAL: of the connection where a call or stream ended with it, of the operation where the node said it. */
function isRetriable(failure: RpcFailure): boolean {
  return RETRIABLE.has(failure.error.code) || (failure.error.code === 'INTERNAL' && !failure.said);
}
