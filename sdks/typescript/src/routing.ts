import { isAddress, type RetryPolicy, type Settings } from './options.js';
import { errorOf, type NoriKVError } from './errors.js';
import { shardOf } from './hashing.js';
import type { ClusterView } from './types.js';

const REFUSED_FOR_MS = 2000;
// A node that stands still is found out by waiting, so it is left alone longer than one that refuses at once.
const SILENT_FOR_MS = 6000;
const MISMATCH = 'CLUSTER_MISMATCH';

/** True where a node of another cluster answered. */
export const isForeign = (error: NoriKVError): boolean =>
  error.code === 'FAILED_PRECONDITION' && error.message.includes(MISMATCH);

/** Exponential with full jitter; an exhausted budget slows and never fails. */
export class Backoff {
  private budget: number;

  constructor(private readonly policy: RetryPolicy, private readonly random: () => number = Math.random) {
    this.budget = policy.budgetMax;
  }

  nextWait(retry: number, retryAfterMs: number | undefined): number {
    const p = this.policy;
    let bound = Math.min(p.backoffMaxMs, p.backoffInitialMs * p.backoffFactor ** Math.min(retry, 64));
    if (this.budget >= 1) this.budget--;
    else bound = p.backoffMaxMs;
    // The server's word is a floor; the jitter on top keeps a crowd from returning in one moment.
    return (retryAfterMs ?? 0) + bound * this.random();
  }

  succeeded(): void {
    if (this.budget < this.policy.budgetMax) {
      this.budget = Math.min(this.policy.budgetMax, this.budget + this.policy.budgetPerSuccess);
    }
  }
}

/** Where to send a key, as one cluster view says. */
export class RoutingTable {
  readonly nodes: readonly string[];
  private readonly leaders: (string | undefined)[];

  constructor(readonly view: ClusterView) {
    const addresses = new Map(
      view.nodes.filter((n) => n.role !== 'unknown' && isAddress(n.address)).map((n) => [n.id, n.address]));
    this.nodes = [...new Set(addresses.values())];
    this.leaders = new Array<string | undefined>(view.totalShards).fill(undefined);
    for (const shard of view.shards) {
      const leader = shard.replicas.find((r) => r.leader);
      if (leader && shard.id < this.leaders.length) this.leaders[shard.id] = addresses.get(leader.nodeId);
    }
  }

  leaderOf(key: Uint8Array): string | undefined {
    if (this.leaders.length === 0) return undefined;
    return this.leaders[shardOf(key, this.leaders.length, this.view.hashTags)];
  }
}

/**
 * Chooses the node of each attempt: a hint, else the key's leader, else the other nodes in turn. An address that could not be
 * reached is left out for two seconds, as long as there is another; one where another cluster answers is never used.
 */
export class Router {
  table: RoutingTable | undefined;
  /** This client's cluster: the one of its settings, else the first one seen. */
  clusterId: string | undefined;
  private readonly avoided = new Map<string, number>(); // until then
  private readonly foreign = new Map<string, NoriKVError>();
  private turn = -1;

  constructor(private readonly settings: Pick<Settings, 'addresses'> & { readonly clusterId?: string | undefined }) {
    this.clusterId = settings.clusterId;
  }

  update(table: RoutingTable): void {
    this.table = table;
    // Our own cluster lists them as alive: an address may have come back. A request says which cluster it is for.
    for (const address of table.nodes) this.foreign.delete(address);
  }

  /** True for this client's cluster; the first one named becomes it. */
  accepts(clusterId: string, address: string): boolean {
    if (clusterId === '') return true;
    this.clusterId ??= clusterId;
    if (clusterId === this.clusterId) return true;
    this.noteForeign(address, errorOf(
      'FAILED_PRECONDITION',
      `${MISMATCH}: the node at ${address} is of cluster ${clusterId}, this client talks to cluster ${this.clusterId}; `
      + 'nothing is sent there. If that is meant, make a new client'));
    return false;
  }

  noteForeign(address: string, why: NoriKVError): void {
    this.foreign.set(address, why);
  }

  /** Why nothing may be sent to an address that was picked because there is no other. */
  refusal(address: string): NoriKVError | undefined {
    return this.foreign.get(address);
  }

  throwIfForeign(address: string): void {
    const why = this.refusal(address);
    if (why) throw why;
  }

  unreachable(address: string): void {
    this.avoided.set(address, performance.now() + REFUSED_FOR_MS);
  }

  silent(address: string): void {
    this.avoided.set(address, performance.now() + SILENT_FOR_MS);
  }

  reached(address: string): void {
    if (this.avoided.size > 0) this.avoided.delete(address);
  }

  pick(key: Uint8Array, attempt: number, hint?: string): string {
    if (hint !== undefined && isAddress(hint) && !this.avoids(hint)) return hint;
    // Every other attempt tries another node: the view may be older than the cluster.
    if (this.table && attempt % 2 === 0 && key.length > 0) {
      const leader = this.table.leaderOf(key);
      if (leader !== undefined && !this.avoids(leader)) return leader;
    }
    return this.other();
  }

  private other(): string {
    const candidates = [...new Set([...(this.table?.nodes ?? []), ...this.settings.addresses])];
    this.turn++;
    for (let i = 0; i < candidates.length; i++) {
      const address = candidates[(this.turn + i) % candidates.length]!;
      if (!this.avoids(address)) return address;
    }
    const ours = candidates.filter((address) => !this.foreign.has(address));
    const any = ours.length > 0 ? ours : candidates;
    return any[this.turn % any.length]!;
  }

  private avoids(address: string): boolean {
    const until = this.avoided.get(address);
    return this.foreign.has(address) || (until !== undefined && performance.now() < until);
  }
}
