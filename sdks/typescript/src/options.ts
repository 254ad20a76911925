import { isObject, shown } from './checks.js';
import { errorOf } from './errors.js';
import { tlsProblems } from './pem.js';

/**
 * When and how often an operation is tried again within its deadline. Every write carries an idempotency key, so all may be.
 * Waits grow exponentially and are drawn at random up to the current bound (full jitter). An exhausted budget does not fail
 * an operation: its waits become the longest.
 */
export interface RetryPolicy {
  /** Most attempts of one operation; 1 for no retries. Default 1,000: the deadline usually ends it first. */
  attemptsMax: number;
  /** Bound of the first wait. Default 10 ms. */
  backoffInitialMs: number;
  /** Bound of any wait. Default 1,000 ms. */
  backoffMaxMs: number;
  /** Growth of the bound. Default 2. */
  backoffFactor: number;
  /** Retries that may be made at once before successes pay for more. Default 2,048. */
  budgetMax: number;
  /** Retries that one success pays for. Default 0.2. */
  budgetPerSuccess: number;
}

/** TLS towards the nodes; all PEM. */
export interface TlsOptions {
  /** The authority of the nodes' certificates; without it the system's. */
  rootCertificates?: Buffer;
  clientCertificate?: Buffer;
  clientKey?: Buffer;
  /** The name expected instead of the host that was dialled. */
  serverName?: string;
}

/** How a client behaves; what is left out has its default. */
export interface ClientOptions {
  /** host:port of one or more nodes; the others are learned. Default: those of NORIKV_ADDR, else localhost:7447. */
  addresses: readonly string[];
  /** How long one operation may take, retries included. Default 10 s. */
  deadlineMs: number;
  retry: Partial<RetryPolicy>;
  tls?: TlsOptions;
  /** The cluster to talk to; a node of another one is sent nothing. Default: the one that is seen first. */
  clusterId?: string;
  /**
   * How long a node may say nothing while calls wait before it is asked for its health; without an answer in the same time again
   * its calls go elsewhere. Default 1.5 s.
   */
  silenceMaxMs: number;
  /** Route each key to its leader by the watched cluster view. Default true. */
  smartRouting: boolean;
  /** Operations in flight; more wait for a place. Default 1,024. */
  inFlightMax: number;
  /** Bytes of operations gathered into one message. Default 256 KiB. */
  messageBytesMax: number;
  /** Bytes of one message from a node. Default 64 MiB. */
  inboundMessageBytesMax: number;
  /** How often an idle connection is pinged. Default 20 s. */
  keepAliveMs: number;
  /** Nodes that no view lists any more are let go once there are more than this. Default 256. */
  nodesMax: number;
}

/** Options with every default in place. */
export type Settings = Omit<ClientOptions, 'retry'> & { retry: RetryPolicy };

/** The options with their defaults. */
export function settingsOf(options: Partial<ClientOptions>): Settings {
  if (!isObject(options)) throw errorOf('INVALID_ARGUMENT', `the client's options are an object, not ${shown(options)}`);
  const environment = (process.env['NORIKV_ADDR'] ?? '').split(',').filter((a) => a.length > 0);
  const defaults: Settings = {
    addresses: environment.length > 0 ? environment : ['localhost:7447'],
    deadlineMs: 10_000,
    silenceMaxMs: 1500,
    smartRouting: true,
    inFlightMax: 1024,
    messageBytesMax: 256 << 10,
    inboundMessageBytesMax: 64 << 20,
    keepAliveMs: 20_000,
    nodesMax: 256,
    retry: {
      attemptsMax: 1000, backoffInitialMs: 10, backoffMaxMs: 1000, backoffFactor: 2, budgetMax: 2048, budgetPerSuccess: 0.2,
    },
  };
  const settings: Settings = {
    ...defaults, ...defined(options), retry: { ...defaults.retry, ...defined(options.retry ?? {}) },
  };
  const problems = problemsOf(settings);
  if (typeof (options.retry ?? {}) !== 'object') problems.push('retry must be an object');
  problems.push(...unknown(options, [...Object.keys(defaults), 'tls', 'clusterId'], ''));
  problems.push(...unknown(options.retry ?? {}, Object.keys(defaults.retry), 'retry.'));
  if (problems.length > 0) throw errorOf('INVALID_ARGUMENT', problems.join('; '));
  return settings;
}

/** host:port or [v6]:port. */
export function isAddress(text: string): boolean {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const port = text.slice(colon + 1);
  if (host.length === 0 || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) return false;
  return (host.startsWith('[') && host.endsWith(']')) || !/[:/@?# ]/.test(host);
}

const NUMBERS = new Set([
  'deadlineMs', 'silenceMaxMs', 'inFlightMax', 'messageBytesMax', 'inboundMessageBytesMax', 'keepAliveMs', 'nodesMax',
  'attemptsMax', 'backoffInitialMs', 'backoffMaxMs', 'backoffFactor', 'budgetMax', 'budgetPerSuccess',
]);

function problemsOf(s: Settings): string[] {
  const found: string[] = [];
  const want = (holds: boolean, problem: string) => { if (!holds) found.push(problem); };
  if (Array.isArray(s.addresses)) {
    want(s.addresses.length > 0, 'addresses is empty: name at least one node as host:port');
    for (const one of s.addresses) want(typeof one === 'string' && isAddress(one), `address ${shown(one)} is not host:port`);
  } else {
    want(false, `addresses is an array of host:port, not ${shown(s.addresses)}`);
  }
  for (const [of, values] of [['', s], ['retry.', s.retry]] as const) {
    for (const [name, value] of Object.entries(values)) {
      if (NUMBERS.has(name)) want(typeof value === 'number', `${of}${name} must be a number, not ${shown(value)}`);
    }
  }
  want(typeof s.smartRouting === 'boolean', `smartRouting must be true or false, not ${shown(s.smartRouting)}`);
  want(s.deadlineMs > 0, 'deadlineMs must be a positive number');
  if (s.tls !== undefined) found.push(...tlsProblems(s.tls));
  want(s.clusterId === undefined || (typeof s.clusterId === 'string' && /^[\x21-\x7e]+$/.test(s.clusterId)),
    'clusterId must be a text without blanks, and not empty: leave it out for any cluster');
  want(s.nodesMax >= 1, 'nodesMax must be at least 1');
  want(s.silenceMaxMs >= 100, 'silenceMaxMs must be at least 100');
  want(s.inFlightMax >= 1, 'inFlightMax must be at least 1');
  want(s.messageBytesMax >= 1024 && s.messageBytesMax <= 2 << 20, 'messageBytesMax must be 1 KiB to 2 MiB');
  want(s.inboundMessageBytesMax >= 4 << 20, 'inboundMessageBytesMax must be at least 4 MiB');
  want(s.keepAliveMs >= 1000, 'keepAliveMs must be at least 1,000');
  want(s.retry.attemptsMax >= 1, 'retry.attemptsMax must be at least 1');
  want(s.retry.backoffInitialMs > 0, 'retry.backoffInitialMs must be positive');
  want(s.retry.backoffMaxMs >= s.retry.backoffInitialMs, 'retry.backoffMaxMs must be at least backoffInitialMs');
  want(s.retry.backoffFactor >= 1, 'retry.backoffFactor must be at least 1');
  want(s.retry.budgetMax >= 0, 'retry.budgetMax must not be negative');
  want(s.retry.budgetPerSuccess >= 0, 'retry.budgetPerSuccess must not be negative');
  return found;
}

// A misspelt option would be ignored without a word.
function unknown(given: object, known: readonly string[], of: string): string[] {
  return Object.keys(given).filter((name) => !known.includes(name))
    .map((name) => `unknown option '${of}${name}': known are ${known.join(', ')}`);
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
