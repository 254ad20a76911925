import * as protobufModule from 'protobufjs';
import { checkOptions, isObject, shown } from './checks.js';
import { type Code, errorOf, type ErrorDetails, type NoriKVError } from './errors.js';
import { PROTO } from './proto.js';
import {
  type BatchResult, type Bytes, type ClusterView, type Consistency, type DeleteResult, type GetOptions, type GetResult, type Meta,
  type Operation, type Pair, type PutOptions, type PutResult, toBytes, type Version,
} from './types.js';

// A CommonJS module: its exports are the namespace itself, or its default, by how this file was compiled.
const protobuf = ((protobufModule as unknown as { default?: typeof protobufModule }).default ?? protobufModule);
const root = protobuf.parse(PROTO, { keepCase: false }).root;

/** A message as protobufjs gives it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Message = any;

export interface Codec {
  serialize(message: Message): Buffer;
  parse(bytes: Buffer): Message;
}

function codec(name: string): Codec {
  const type = root.lookupType(`norikv.v1.${name}`);
  return {
    serialize: (message) => Buffer.from(type.encode(message).finish()),
    parse: (bytes) => type.decode(bytes),
  };
}

/** Bytes of a message; one that cannot be encoded is its operation's mistake, and must not end more than that. */
export function encode(codec: Codec, message: Message): Buffer {
  try {
    return codec.serialize(message);
  } catch (e) {
    throw errorOf('INVALID_ARGUMENT', `the request cannot be encoded: ${(e as Error).message}`, { cause: e });
  }
}

export const codecs = {
  putRequest: codec('PutRequest'), putResponse: codec('PutResponse'),
  getRequest: codec('GetRequest'), getResponse: codec('GetResponse'),
  deleteRequest: codec('DeleteRequest'), deleteResponse: codec('DeleteResponse'),
  batchRequest: codec('BatchRequest'), batchResponse: codec('BatchResponse'),
  scanRequest: codec('ScanRequest'), scanResponse: codec('ScanResponse'),
  streamRequest: codec('StreamRequest'), streamResponse: codec('StreamResponse'),
  clusterView: codec('ClusterView'),
};

export type Kind = 'put' | 'get' | 'delete' | 'batch';

const EMPTY = Buffer.alloc(0);

/** Rounded up: a shorter time than asked for would be a surprise, and 0 means none. */
export function milliseconds(ms: number | undefined, what: string): number {
  if (ms === undefined) return 0;
  if (typeof ms !== 'number') throw errorOf('INVALID_ARGUMENT', `${what} is a number of milliseconds, not ${shown(ms)}`);
  if (!(ms > 0)) throw errorOf('INVALID_ARGUMENT', `${what} of ${ms} ms is not positive`);
  if (ms >= 2 ** 63) throw errorOf('INVALID_ARGUMENT', `${what} of ${ms} ms is too long`);
  return Math.ceil(ms);
}

export const putRequest = (key: Bytes, value: Bytes, o: PutOptions, idempotencyKey: string): Message => ({
  key: toBytes(key), value: toBytes(value), ttlMs: milliseconds(o.ttlMs, 'a TTL'), idempotencyKey,
  ifMatch: o.ifMatch && versionMessage(o.ifMatch), ifNotExists: o.ifNotExists ?? false,
});

export const getRequest = (key: Bytes, o: GetOptions): Message => ({
  key: toBytes(key), consistency: consistencyName(o), maxStalenessMs: milliseconds(o.maxStalenessMs, 'a staleness'),
});

export const deleteRequest = (key: Bytes, o: { ifMatch?: Version | undefined }, idempotencyKey: string): Message => ({
  key: toBytes(key), ifMatch: o.ifMatch && versionMessage(o.ifMatch), idempotencyKey,
});

const KINDS: readonly string[] = ['put', 'delete', 'get'];

/** One operation of a batch: what is none of them, or more than one, nobody could know how to treat. */
export function operationMessage(operation: Operation): Message {
  const names = isObject(operation) ? Object.keys(operation).filter((name) => operation[name as keyof Operation] !== undefined) : [];
  if (names.length !== 1 || !KINDS.includes(names[0]!)) {
    throw errorOf('INVALID_ARGUMENT', `an operation of a batch is one of ${KINDS.join(', ')}, not ${names.join(' and ') || 'nothing'}`);
  }
  const one = operation.put ?? operation.delete ?? operation.get;
  if (isObject(one) && (one as { idempotencyKey?: unknown }).idempotencyKey !== undefined) {
    throw errorOf('INVALID_ARGUMENT', "an idempotency key is the whole batch's: give it to batch");
  }
  checkOptions(one, `a ${names[0] as 'put' | 'get' | 'delete'} in a batch`);
  if (operation.put) return { put: putRequest(operation.put.key, operation.put.value, operation.put, '') };
  if (operation.delete) return { delete: deleteRequest(operation.delete.key, operation.delete, '') };
  return { get: getRequest(operation.get!.key, operation.get!) };
}

const CONSISTENCIES: ReadonlySet<string> = new Set<Consistency>(['linearizable', 'lease', 'stale_ok', 'bounded']);

export function consistencyName({ consistency = 'linearizable' }: GetOptions): string {
  if (!CONSISTENCIES.has(consistency)) throw errorOf('INVALID_ARGUMENT', `unknown consistency ${shown(consistency)}`);
  return consistency === 'linearizable' ? '' : consistency;
}

/** How many pairs at most; 0 for all. */
export function limitOf(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 0) throw errorOf('INVALID_ARGUMENT', `limit ${shown(limit)} is not a whole number from 0`);
  return limit;
}

export const putResult = (m: Message): PutResult => ({ version: version(m.version)!, meta: meta(m) });

export const getResult = (m: Message): GetResult => ({
  found: m.version != null, value: bytes(m.value), version: version(m.version), meta: meta(m),
});

export const deleteResult = (m: Message): DeleteResult => ({
  tombstoned: m.tombstoned, version: version(m.version), meta: meta(m),
});

export function batchResults(m: Message, operations: number): BatchResult[] {
  if (m.results.length !== operations) {
    throw errorOf('INTERNAL', `the node answered ${m.results.length} results to ${operations} operations`);
  }
  return m.results.map((r: Message): BatchResult => {
    if (r.put) return { kind: 'put', put: putResult(r.put) };
    if (r.get) return { kind: 'get', get: getResult(r.get) };
    if (r.delete) return { kind: 'delete', delete: deleteResult(r.delete) };
    return { kind: 'error', error: r.error ? statusError(r.error) : errorOf('INTERNAL', 'the node answered an empty result') };
  });
}

export const pair = (m: Message): Pair => ({ key: bytes(m.key), value: bytes(m.value), version: version(m.version)! });

export const bytes = (data: Uint8Array | undefined): Buffer => {
  if (!data || data.length === 0) return EMPTY;
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
};

export const viewOf = (m: Message): ClusterView => ({
  epoch: Number(big(m.epoch)),
  nodes: m.nodes.map((n: Message) => ({
    id: n.id, address: n.addr, role: n.role === 'leader' || n.role === 'follower' ? n.role : 'unknown',
  })),
  shards: m.shards.map((s: Message) => ({
    id: s.id, replicas: s.replicas.map((r: Message) => ({ nodeId: r.nodeId, leader: r.leader })),
  })),
  clusterId: m.clusterId,
  totalShards: m.totalShards,
  hashTags: m.hashTags,
});

/**
 * The first answer under that idempotency key was to another request. Under a key that this client made that cannot be, and
 * must never pass for success.
 */
export const isAnswerToAnother = (m: Message): boolean => m.meta?.idempotent_replay === 'payload_differs';

/** A status inside a stream or batch: the node itself said it. */
export function statusError(status: Message): NoriKVError {
  const retryAfterMs = Number(big(status.retryAfterMs));
  const details: ErrorDetails = {};
  if (status.leaderHint) details.leaderHint = status.leaderHint;
  if (retryAfterMs > 0) details.retryAfterMs = retryAfterMs;
  const error = grpcError(status.code, status.message, details);
  return error.code === 'COMMIT_TIMEOUT' && !error.message.includes('COMMIT_TIMEOUT')
    ? errorOf('DEADLINE_EXCEEDED', error.message, details)
    : error;
}

/** The status of a call: whoever said it, the node or a layer below. */
export function grpcError(code: number, message: string, details: ErrorDetails = {}): NoriKVError {
  return errorOf(codeOf(code, message), message || `gRPC status ${code}`, details);
}

const CODES: Record<number, Code> = {
  1: 'CANCELLED', 3: 'INVALID_ARGUMENT',
  4: 'COMMIT_TIMEOUT', // of a call's deadline nobody knows what was done before it
  6: 'ALREADY_EXISTS', 7: 'PERMISSION_DENIED', 8: 'OVERLOADED', 9: 'FAILED_PRECONDITION', 11: 'INVALID_ARGUMENT',
  12: 'UNIMPLEMENTED', 14: 'UNAVAILABLE', 15: 'DATA_LOSS', 16: 'PERMISSION_DENIED',
};

function codeOf(code: number, message: string): Code {
  if (code === 9 && message.includes('Version mismatch')) return 'VERSION_MISMATCH';
  if (code === 14 && message.includes('NOT_LEADER')) return 'NOT_LEADER';
  if (code === 14 && message.includes('QUORUM_UNAVAILABLE')) return 'QUORUM_UNAVAILABLE';
  return CODES[code] ?? 'INTERNAL';
}

// protobufjs gives 64-bit numbers as {low, high} and takes them so.
const big = (x: number | { low: number; high: number }): bigint =>
  (typeof x === 'number' ? BigInt(x) : (BigInt(x.high >>> 0) << 32n) | BigInt(x.low >>> 0));

const long = (x: bigint): Message => ({ low: Number(BigInt.asIntN(32, x)), high: Number(BigInt.asIntN(32, x >> 32n)), unsigned: true });

const version = (m: Message): Version | undefined => (m == null ? undefined : { term: big(m.term), index: big(m.index) });

const versionMessage = (v: Version): Message => ({ term: long(v.term), index: long(v.index) });

const meta = (m: Message): Meta => m.meta ?? {};
