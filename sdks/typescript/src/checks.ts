import { errorOf } from './errors.js';

const U64_MAX = 2n ** 64n - 1n;

/** A value in words; never throws. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' || typeof value === 'function' ? `of type ${typeof value}` : `${typeof value} ${String(value)}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const isFlag = (value: unknown): boolean => typeof value === 'boolean';

const isU64 = (value: unknown): boolean => typeof value === 'bigint' && value >= 0n && value <= U64_MAX;

// By what is used of it: one of another realm is one, too.
const isSignal = (value: unknown): boolean => isObject(value) && typeof value['aborted'] === 'boolean'
  && ['throwIfAborted', 'addEventListener', 'removeEventListener'].every((name) => typeof value[name] === 'function');

// Those that are not looked at where they are made part of a request. A name means the same for every operation.
const OPTIONS: readonly (readonly [string, string, (value: unknown) => boolean])[] = [
  ['deadlineMs', 'a positive number', (value) => typeof value === 'number' && value > 0], // nor is NaN
  ['signal', 'an AbortSignal', isSignal],
  ['idempotencyKey', 'a text', (value) => typeof value === 'string'],
  ['ifMatch', 'a version, term and index each a bigint from 0 to 2^64-1',
    (value) => isObject(value) && isU64(value['term']) && isU64(value['index'])],
  ['ifNotExists', 'true or false', isFlag],
  ['requireAtomic', 'true or false', isFlag],
  ['reverse', 'true or false', isFlag],
  ['keysOnly', 'true or false', isFlag],
  ['pageToken', 'bytes', isBytes],
];

export function isBytes(value: unknown): value is Uint8Array {
  // By its tag: a Uint8Array of another realm is one, too.
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

const CALL = ['deadlineMs', 'signal'] as const;
const READ = ['consistency', 'maxStalenessMs'] as const;
const RANGE = ['prefix', 'start', 'end'] as const;
const SCAN = [...CALL, ...READ, ...RANGE, 'reverse', 'limit', 'keysOnly', 'pageToken'] as const;

// What each takes. A misspelt name would be ignored without a word.
const NAMES = {
  put: [...CALL, 'ttlMs', 'ifMatch', 'ifNotExists', 'idempotencyKey'],
  compareAndSet: [...CALL, 'ttlMs', 'idempotencyKey'],
  get: [...CALL, ...READ],
  getRequired: [...CALL, ...READ],
  delete: [...CALL, 'ifMatch', 'idempotencyKey'],
  batch: [...CALL, 'requireAtomic', 'idempotencyKey'],
  scan: SCAN,
  scanPage: SCAN,
  count: [...CALL, ...READ, ...RANGE],
  clusterView: CALL,
  watchCluster: ['signal'],
  isServing: CALL,
  'a put in a batch': ['key', 'value', 'ttlMs', 'ifMatch', 'ifNotExists'],
  'a get in a batch': ['key', ...READ],
  'a delete in a batch': ['key', 'ifMatch'],
} as const satisfies Record<string, readonly string[]>;

/** What has options. */
export type Taker = keyof typeof NAMES;

/** Refuses options that are unknown to what takes them, or not what they are declared to be, before anything is done. */
export function checkOptions(options: unknown, of: Taker): void {
  if (!isObject(options)) throw errorOf('INVALID_ARGUMENT', `options are an object, not ${shown(options)}`);
  const known: readonly string[] = NAMES[of];
  const unknown = Object.keys(options).filter((name) => options[name] !== undefined && !known.includes(name)).map((name) => `'${name}'`);
  if (unknown.length > 0) {
    throw errorOf('INVALID_ARGUMENT', `${of} has no option ${unknown.join(', ')}: known are ${known.join(', ')}`);
  }
  for (const [name, what, holds] of OPTIONS) {
    const value = options[name];
    if (value !== undefined && !holds(value)) throw errorOf('INVALID_ARGUMENT', `${name} must be ${what}, not ${shown(value)}`);
  }
}
