import { isAddress, type RetryPolicy, type Settings } from './options.js';
import { shardOf } from './hashing.js';
import type { ClusterView } from './types.js';

const AVOID_FOR_MS = 2000;

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
 * reached is left out for two seconds, as long as there is another.
 */
export class Router {
  table: RoutingTable | undefined;
  private readonly avoided = new Map<string, number>();
  private turn = -1;

  constructor(private readonly settings: Pick<Settings, 'addresses'>) {}

  unreachable(address: string): void {
    this.avoided.set(address, performance.now());
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
    return candidates[this.turn % candidates.length]!;
  }

  private avoids(address: string): boolean {
    const since = this.avoided.get(address);
    return since !== undefined && performance.now() - since < AVOID_FOR_MS;
  }
}
