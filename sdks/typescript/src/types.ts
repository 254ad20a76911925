import { isBytes, shown } from './checks.js';
import { errorOf, type NoriKVError } from './errors.js';

/** Keys and values: bytes, or text that is sent as UTF-8. Bytes must not change until the operation ends. */
export type Bytes = Uint8Array | string;

/** A text as its UTF-8; bytes as they are. */
export function toBytes(data: Bytes): Uint8Array {
  if (typeof data === 'string') return Buffer.from(wellFormed(data));
  if (isBytes(data)) return data;
  throw errorOf('INVALID_ARGUMENT', `keys and values are bytes or text, not ${shown(data)}`);
}

/** The text itself, where UTF-8 can say it: half of a surrogate pair would be replaced, and distinct keys become the same. */
export function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw errorOf('INVALID_ARGUMENT', 'the text has half of a surrogate pair');
  return text;
}

/** The log entry that wrote a key; versions of one key strictly increase, by term and then by index. */
export interface Version {
  readonly term: bigint;
  readonly index: bigint;
}

/** Negative, zero or positive as a is older than, equal to or newer than b. */
export function compareVersions(a: Version, b: Version): number {
  const [x, y] = a.term === b.term ? [a.index, b.index] : [a.term, b.term];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** How fresh a read must be. */
export type Consistency = 'linearizable' | 'lease' | 'stale_ok' | 'bounded';

/** What an answer says about itself: consistency, served_by, staleness_ms, idempotent_replay, … */
export type Meta = Readonly<Record<string, string>>;

/** Options of every operation. */
export interface CallOptions {
  /** How long this operation may take, retries included, instead of the client's deadline. */
  deadlineMs?: number;
  /** Gives the operation up; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of a put. */
export interface PutOptions extends CallOptions {
  /** Time to live in milliseconds; without it an older one is removed. */
  ttlMs?: number;
  /** Only if the key has this version. */
  ifMatch?: Version;
  /** Only if the key does not exist. */
  ifNotExists?: boolean;
  /** Makes repeats return the first outcome; one is generated where this is absent. */
  idempotencyKey?: string;
}

/** Options of a get. */
export interface GetOptions extends CallOptions {
  consistency?: Consistency;
  /** For bounded reads; 5 s where absent. */
  maxStalenessMs?: number;
}

/** Options of a delete. */
export interface DeleteOptions extends CallOptions {
  ifMatch?: Version;
  idempotencyKey?: string;
}

/** Options of a batch. */
export interface BatchOptions extends CallOptions {
  /** Refuse unless all keys lie in one shard, where a batch is atomic. */
  requireAtomic?: boolean;
  idempotencyKey?: string;
}

/** A prefix, or a range from start to before end, or neither for all keys. */
export interface ScanOptions extends GetOptions {
  prefix?: Bytes;
  start?: Bytes;
  end?: Bytes;
  reverse?: boolean;
  /** Most pairs; 0 for no limit. */
  limit?: number;
  keysOnly?: boolean;
  /** Goes on behind the page that gave this token. */
  pageToken?: Uint8Array;
}

/** The answer of a put. */
export interface PutResult {
  readonly version: Version;
  readonly meta: Meta;
}

/** `version` is undefined when the key is missing; an empty value is a value. */
export interface GetResult {
  readonly found: boolean;
  readonly value: Buffer;
  readonly version: Version | undefined;
  readonly meta: Meta;
}

/** `tombstoned`: the key existed. */
export interface DeleteResult {
  readonly tombstoned: boolean;
  readonly version: Version | undefined;
  readonly meta: Meta;
}

/** One operation of a batch, which names each key at most once. */
export type Operation =
  | { put: { key: Bytes; value: Bytes } & Pick<PutOptions, 'ttlMs' | 'ifMatch' | 'ifNotExists'>; get?: never; delete?: never }
  | { get: { key: Bytes } & Pick<GetOptions, 'consistency' | 'maxStalenessMs'>; put?: never; delete?: never }
  | { delete: { key: Bytes } & Pick<DeleteOptions, 'ifMatch'>; put?: never; get?: never };

/** What one operation of a batch came to; `error` is what it would have thrown alone. */
export type BatchResult =
  | { readonly kind: 'put'; readonly put: PutResult }
  | { readonly kind: 'get'; readonly get: GetResult }
  | { readonly kind: 'delete'; readonly delete: DeleteResult }
  | { readonly kind: 'error'; readonly error: NoriKVError };

/** A key with its value. */
export interface Pair {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly version: Version;
}

/** Part of a scan; the token goes on behind it and is empty when nothing follows. */
export interface Page {
  readonly pairs: readonly Pair[];
  readonly nextPageToken: Buffer;
  readonly count: number;
}

/** A member of the cluster. */
export interface ClusterNode {
  readonly id: string;
  readonly address: string;
  readonly role: 'leader' | 'follower' | 'unknown';
}

/** A shard with its replicas. */
export interface Shard {
  readonly id: number;
  readonly replicas: readonly { readonly nodeId: string; readonly leader: boolean }[];
}

/** What clients know of the cluster; a change makes a new one with a higher epoch. */
export interface ClusterView {
  readonly epoch: number;
  readonly nodes: readonly ClusterNode[];
  readonly shards: readonly Shard[];
  readonly clusterId: string;
  readonly totalShards: number;
  readonly hashTags: boolean;
}
