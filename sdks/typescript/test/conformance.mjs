// The conformance suite by the TypeScript client: see sdks/conformance/README.md. Ends with 1 when a scenario failed.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compareVersions, connect, hashedPart, NoriKVError, shardOf, xxhash64 } from '@norikv/client';
import { EphemeralServer } from '@norikv/client/testing';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../conformance');

class Failed extends Error {}

/** The nodes of a scenario that needs several: a process of sdks/conformance/cluster.py that is told what to do with them. */
class Cluster {
  static async start(wanted) {
    const cluster = new Cluster();
    cluster.wanted = JSON.stringify(wanted);
    const settings = wanted.settings ? JSON.stringify(wanted.settings) : '';
    cluster.process = spawn('/usr/bin/python3', [join(root, 'cluster.py'), String(wanted.nodes), settings], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    cluster.ended = once(cluster.process, 'exit');
    cluster.lines = createInterface({ input: cluster.process.stdout })[Symbol.asyncIterator]();
    cluster.addresses = (await cluster.answer('ready ')).split(',');
    return cluster;
  }

  async tell(command) {
    this.process.stdin.write(`${command}\n`);
    await this.answer('ok');
  }

  async answer(wanted) {
    const { value } = await this.lines.next();
    if (!value?.startsWith(wanted)) throw new Failed(`the cluster: ${value}`);
    return value.slice(wanted.length);
  }

  client(options) {
    return connect({ addresses: this.addresses, ...options });
  }

  async close() {
    this.process.stdin.end(); // its end, and that of the nodes
    await this.ended;
  }
}

/** An address that takes connections and says nothing. */
class Silent {
  sockets = new Set();

  static async start() {
    const silent = new Silent();
    silent.server = createServer((socket) => silent.sockets.add(socket.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
    await once(silent.server, 'listening');
    silent.address = `127.0.0.1:${silent.server.address().port}`;
    return silent;
  }

  close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

class Scenario {
  saved = {};
  begun = new Map();

  constructor(scenario, server) {
    this.scenario = scenario;
    this.server = server;
    this.prefix = `${scenario.name}/${randomBytes(4).toString('hex')}/`;
    this.client = this.connect(scenario.client ?? {});
  }

  async run() {
    try {
      for (const [i, step] of this.scenario.steps.entries()) {
        try {
          await this.step(step);
        } catch (e) {
          if (e instanceof Failed || e instanceof NoriKVError) throw new Failed(`step ${i + 1} (${step.do}): ${e.message}`);
          throw e;
        }
      }
    } finally {
      for (const { abort } of this.begun.values()) abort.abort();
      await this.writers?.stop();
      await this.scanner?.stop();
      await this.client.close();
      this.silent?.close();
      this.occupied?.close();
    }
  }

  connect(options) {
    const own = this.server.addresses ?? [this.server.address];
    return connect({
      addresses: (options.addresses ?? ['server']).flatMap((name) => (name === 'server' ? own : name === 'silent' ? this.silent.address : name)),
      deadlineMs: options.deadline_ms ?? 30000,
      retry: { attemptsMax: options.attempts ?? (options.retries === false ? 1 : undefined) },
      smartRouting: options.smart_routing ?? true,
      inFlightMax: options.in_flight_max,
      ...(options.tls && { tls: { rootCertificates: readFileSync(join(root, options.tls)), serverName: options.server_name } }),
    });
  }

  // Bytes and keys

  text(form, i = '') {
    return form.replaceAll('{run}', this.prefix).replaceAll('{i}', i);
  }

  data(form, i = '') {
    if (typeof form === 'string') return Buffer.from(this.text(form, i));
    return form.hex === undefined ? Buffer.alloc(form.times, parseInt(form.fill, 16)) : Buffer.from(form.hex, 'hex');
  }

  key(form, i = '') {
    if (form.raw !== undefined) return Buffer.from(form.raw);
    if (form.size !== undefined) return Buffer.from(this.prefix.padEnd(form.size, 'k'));
    return Buffer.concat([Buffer.from(this.prefix), this.data(form, i)]);
  }

  keys(form) {
    if (Array.isArray(form)) return form.map((k) => this.key(k));
    const step = form.last < form.first ? -1 : 1;
    return Array.from({ length: Math.abs(form.last - form.first) + 1 }, (_, n) =>
      this.key(form.numbered + String(form.first + n * step).padStart(form.digits, '0')));
  }

  // Steps

  async step(step) {
    if (step.node !== undefined) {
      return this.server.tell(`${step.do} ${step.node}${step.node === 'leading' ? ` ${this.key(step.key).toString('hex')}` : ''}`);
    }
    switch (step.do) {
      case 'transfer':
        return this.server.tell(`transfer ${step.key ? `key ${this.key(step.key).toString('hex')}` : `shards ${step.shards}`}`);
      case 'stop': return this.server.stop();
      case 'kill': return this.server.kill();
      case 'start':
        if (!step.fails) return this.server.startAgain();
        if (await this.server.startAgain().then(() => true, () => false)) throw new Failed('it started');
        return;
      case 'occupy':
        this.occupied = createServer((socket) => socket.destroy()).listen(Number(this.server.address.split(':').at(-1)), '127.0.0.1');
        return void await once(this.occupied, 'listening');
      case 'free':
        this.occupied.close();
        return void await once(this.occupied, 'close');
      case 'orphan': return outlived(step.how);
      case 'restart':
        await this.server.stop();
        return this.server.startAgain();
      case 'pause':
        process.kill(this.server.pid, 'SIGSTOP');
        // The signal is under way when kill ends: a thread that runs on may still answer.
        while (!allThreadsStand(this.server.pid)) await sleep(5);
        return;
      case 'resume': return void process.kill(this.server.pid, 'SIGCONT');
      case 'many': return this.many(step);
      case 'start_writing':
        this.writers = new Writers(this, step.writers, step.kinds);
        return;
      case 'written': return this.writers.written(step.more);
      case 'stop_writing': return this.writers.finish(step.more, step.expect);
      case 'start_scanning':
        this.scanner = new Scanner(this.client, this.key(step.prefix), this.keys(step.expect_keys));
        return;
      case 'stop_scanning': return this.scanner.finish(step.more, step.expect);
      case 'begin': {
        const abort = new AbortController();
        this.begun.set(step.as, { abort, outcome: this.attempt(step.step, '', abort.signal) });
        return;
      }
      case 'cancel': return this.begun.get(step.of).abort.abort();
      case 'end': return this.end(step);
      case 'printed': return this.printed(step.lines);
      case 'hash_vectors': return hashVectors(join(root, step.file));
      default: return this.one(step);
    }
  }

  async end({ of, expect }) {
    const { outcome } = this.begun.get(of);
    const patience = new AbortController();
    const late = sleep(10_000, undefined, { signal: patience.signal }).then(() => { throw new Failed(`${of} did not end`); });
    late.catch(() => undefined);
    const wrong = this.differs(await Promise.race([outcome, late]), expect);
    patience.abort();
    this.begun.delete(of);
    if (wrong) throw new Failed(wrong);
  }

  async printed(lines) {
    const begun = performance.now();
    while (true) {
      const got = this.server.output.split('\n').filter((line) => line.startsWith('got '));
      if (got.join() === lines.join()) return;
      if (got.length > lines.length || performance.now() - begun > 30_000) throw new Failed(`the node printed ${got}`);
      await sleep(20);
    }
  }

  async many({ step, count, digits = 1, expect }) {
    const numbers = Array.from({ length: count }, (_, i) => String(i).padStart(digits, '0'));
    if (!expect) return void await Promise.all(numbers.map((i) => this.one(step, i)));
    const outcomes = await Promise.all(numbers.map((i) => this.attempt(step, i)));
    const errors = outcomes.filter((o) => o.error).map((o) => o.error);
    const wrong = errors.find((e) => !expect.errors.includes(e.code));
    if (wrong) throw new Failed(`one of the many ended with ${wrong.code}: ${wrong.message}`);
    const succeeded = count - errors.length;
    if (succeeded !== (expect.succeeded ?? succeeded) || succeeded < (expect.succeeded_at_least ?? 0)) {
      throw new Failed(`${succeeded} succeeded`);
    }
  }

  async one(step, i = '') {
    if (step.until) {
      const begun = performance.now();
      while (performance.now() - begun < step.within_ms) {
        if (this.differs(await this.attempt(step, i), step.until, i) === null) return;
        await sleep(20);
      }
      throw new Failed(`never came to ${JSON.stringify(step.until)}`);
    }
    const outcome = await this.attempt(step, i);
    const wrong = this.differs(outcome, step.expect ?? {}, i);
    if (wrong) throw new Failed(wrong);
    if (step.save) this.saved[step.save] = outcome.token ?? outcome.version;
  }

  async attempt(step, i, signal) {
    const begun = performance.now();
    let outcome;
    try {
      outcome = await this.operation(step, i, signal);
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return { cancelled: true };
      if (!(error instanceof NoriKVError)) throw error;
      outcome = { error };
    }
    return { ...outcome, took: performance.now() - begun };
  }

  async operation(step, i, signal) {
    const { client } = this;
    if (step.do === 'client' || step.do === 'close') {
      await client.close();
      if (step.addresses?.includes('silent')) this.silent ??= await Silent.start();
      if (step.do === 'client') this.client = this.connect(step);
      return {};
    }
    const late = { signal, ...(step.deadline_ms !== undefined && { deadlineMs: step.deadline_ms }) };
    switch (step.do) {
      case 'put': return client.put(this.key(step.key, i), this.data(step.value, i), { ...this.conditions(step, i), ...late });
      case 'get': {
        const options = { ...reading(step), ...late };
        return step.must_exist ? client.getRequired(this.key(step.key, i), options) : client.get(this.key(step.key, i), options);
      }
      case 'delete': return client.delete(this.key(step.key, i), { ...this.conditions(step, i), ...late });
      case 'batch': {
        const results = await client.batch(step.operations.map((o) => this.batched(o)), {
          requireAtomic: step.require_atomic, idempotencyKey: step.idempotency_key && this.text(step.idempotency_key), ...late,
        });
        return { results: results.map((r) => (r.kind === 'error' ? { error: r.error } : r[r.kind])) };
      }
      case 'scan': {
        const pairs = [];
        for await (const pair of client.scan({ ...this.scanning(step), ...late })) {
          if (pairs.push(pair) === step.slow?.at) await sleep(step.slow.ms);
        }
        return { pairs };
      }
      case 'page': {
        const page = await client.scanPage({ ...this.scanning(step), ...late });
        return { pairs: page.pairs, token: page.nextPageToken };
      }
      case 'count': return { count: await client.count({ ...this.scanning(step), ...late }) };
      case 'view': return { view: await client.clusterView(late) };
      case 'health': return { serving: await client.isServing(late) };
      case 'watch':
        this.views = client.watchCluster({ signal: AbortSignal.timeout(120_000) });
        this.view = (await this.views.next()).value;
        return { view: this.view };
      case 'watch_newer': {
        const { epoch } = this.view;
        do this.view = (await this.views.next()).value;
        while (this.view.epoch <= epoch || !everyShardLed(this.view));
        return { view: this.view };
      }
      default: throw new Failed(`the runner does not know the step ${step.do}`);
    }
  }

  conditions(step, i) {
    return {
      ttlMs: step.ttl_ms,
      ifMatch: step.if_match && this.saved[step.if_match.slice(1)],
      ifNotExists: step.if_not_exists,
      idempotencyKey: step.idempotency_key && this.text(step.idempotency_key, i),
    };
  }

  batched(operation) {
    const [[kind, fields]] = Object.entries(operation);
    const key = this.key(fields.key);
    if (kind === 'put') return { put: { key, value: this.data(fields.value), ...this.conditions(fields) } };
    return kind === 'delete' ? { delete: { key, ...this.conditions(fields) } } : { get: { key, ...reading(fields) } };
  }

  scanning(step) {
    const keys = ['prefix', 'start', 'end'].filter((name) => step[name] !== undefined).map((name) => [name, this.key(step[name])]);
    return {
      ...Object.fromEntries(keys), ...reading(step), reverse: step.reverse, limit: step.limit, keysOnly: step.keys_only,
      pageToken: step.page_token && this.saved[step.page_token.slice(1)],
    };
  }

  // Expectations

  differs(o, expect, i) {
    if (o.error && expect.error === undefined) return `ended with ${o.error.code}: ${o.error.message}`;
    for (const [name, value] of Object.entries(expect)) {
      if (!this.holds(o, name, value, i)) return `expected ${name} ${JSON.stringify(value)}, got ${show(o)}`;
    }
    return null;
  }

  holds(o, name, value, i) {
    switch (name) {
      case 'error': return o.error !== undefined && [value].flat().includes(o.error.code);
      case 'message': return o.error !== undefined && o.error.message.includes(value);
      case 'without': return o.error !== undefined && !o.error.message.includes(value);
      case 'value': return [value].flat().some((v) => o.value?.equals(this.data(v, i)));
      case 'size': return o.value.length === value;
      case 'version': return o.version !== undefined && compareVersions(o.version, this.saved[value.slice(1)]) === 0;
      case 'newer_than': return o.version !== undefined && compareVersions(o.version, this.saved[value.slice(1)]) > 0;
      case 'meta': return Object.entries(value).every(([k, v]) => (v === true ? Boolean(o.meta[k]) : o.meta[k] === v));
      case 'keys': {
        const keys = this.keys(value);
        return o.pairs.length === keys.length && keys.every((k, n) => k.equals(o.pairs[n].key));
      }
      case 'values': return o.pairs.length === value.length && value.every((v, n) => this.data(v, i).equals(o.pairs[n].value));
      case 'bytes': return o.pairs.reduce((sum, p) => sum + p.value.length, 0) === value;
      case 'more': return o.token.length > 0 === value;
      case 'results': return o.results.length === value.length && o.results.every((r, n) => this.differs(r, value[n], i) === null);
      case 'result_errors': {
        const errors = o.results.filter((r) => r.error).map((r) => r.error.code).sort();
        return errors.join() === Object.entries(value).flatMap(([code, count]) => Array(count).fill(code)).sort().join();
      }
      case 'epoch_at_least': return o.view.epoch >= value;
      case 'total_shards': return o.view.totalShards === value && o.view.shards.length === value;
      case 'every_shard_led': return everyShardLed(o.view);
      case 'after_ms': return o.took >= value;
      case 'within_ms': return o.took <= value;
      case 'found': case 'tombstoned': case 'count': case 'serving': case 'cancelled': return o[name] === value;
      default: throw new Failed(`the runner does not know the expectation ${name}`);
    }
  }
}

/**
 * Each counts up its own key with compare-and-set: a write done twice meets its own effect, a lost one is missed.
 * By kind: put; large: values of 1 MiB; batch: with a second key; delete: the key is made and deleted again.
 */
const second = (key) => Buffer.concat([key, Buffer.from('-too')]);

class Writers {
  stopping = false;
  errors = [];
  lost = 0;
  doubled = 0;

  constructor(run, count, kinds = ['put']) {
    this.client = run.client;
    this.kinds = kinds;
    this.done = Array(count).fill(0);
    this.ended = Array(count).fill(false);
    this.running = this.done.map((_, w) => this.write(w, run.key(`writer-${w}`)).finally(() => { this.ended[w] = true; }));
  }

  async write(writer, key) {
    const kind = this.kinds[writer % this.kinds.length];
    let version;
    let value = Buffer.alloc(0);
    try {
      while (!this.stopping) {
        value = Buffer.from(String(this.done[writer] + 1).padEnd(kind === 'large' ? 1 << 20 : 0));
        version = await this.once(kind, key, value, version);
        await this.check(key, value, version);
        if (kind === 'batch' && !(await this.client.get(second(key))).value.equals(value)) this.lost++;
        if (kind === 'delete') {
          // Deleted once: twice would find nothing.
          if (!(await this.client.delete(key, { ifMatch: version })).tombstoned) this.doubled++;
          version = undefined;
          await this.check(key, value, version);
        }
        this.done[writer]++;
      }
      await this.check(key, value, version);
    } catch (e) {
      if (!(e instanceof NoriKVError)) throw e;
      if (e.code === 'VERSION_MISMATCH' || e.code === 'ALREADY_EXISTS') this.doubled++;
      else this.errors.push(e);
    }
  }

  async once(kind, key, value, version) {
    if (kind === 'plain') return (await this.client.put(key, value)).version;
    if (kind !== 'batch') return (await this.client.compareAndSet(key, value, version)).version;
    const results = await this.client.batch([
      { put: { key, value, ...(version ? { ifMatch: version } : { ifNotExists: true }) } },
      { put: { key: second(key), value } },
    ]);
    for (const result of results) if (result.kind === 'error') throw result.error;
    return results[0].put.version;
  }

  async check(key, value, version) {
    const got = await this.client.get(key);
    if (!version) {
      if (got.found) this.lost++;
      return;
    }
    if (!got.version || compareVersions(got.version, version) !== 0 || !got.value.equals(value)) this.lost++;
  }

  async written(more) {
    const before = [...this.done];
    const begun = performance.now();
    while (this.done.some((d, w) => !this.ended[w] && d < before[w] + more)) {
      if (performance.now() - begun > 60_000) throw new Failed(`the writers stand at ${this.done}`);
      await sleep(20);
    }
  }

  async finish(more, expect) {
    await this.written(more);
    await this.stop();
    const wrong = this.errors.find((e) => !expect.errors.includes(e.code));
    if (wrong) throw new Failed(`a writer saw ${wrong.code}: ${wrong.message}`);
    if (this.lost !== expect.lost || this.doubled !== expect.doubled) throw new Failed(`${this.lost} lost, ${this.doubled} doubled`);
  }

  async stop() {
    this.stopping = true;
    await Promise.all(this.running);
  }
}

/** Scans one prefix again and again and compares with the keys that must be there. */
class Scanner {
  stopping = false;
  done = 0;

  constructor(client, prefix, keys) {
    this.running = this.scan(client, prefix, keys).catch((e) => { this.error = e; }).finally(() => { this.ended = true; });
  }

  async scan(client, prefix, keys) {
    while (!this.stopping) {
      const got = [];
      for await (const pair of client.scan({ prefix })) got.push(pair.key);
      if (got.length !== keys.length || !keys.every((k, n) => k.equals(got[n]))) {
        throw new Failed(`${got.length} keys, or others, not ${keys.length}`);
      }
      this.done++;
    }
  }

  async finish(more, expect) {
    const before = this.done;
    const begun = performance.now();
    while (!this.ended && this.done < before + more) {
      if (performance.now() - begun > 60_000) throw new Failed(`the scanner stands at ${this.done}`);
      await sleep(20);
    }
    await this.stop();
    if (this.error && !expect.errors.includes(this.error.code)) throw new Failed(`the scanner saw ${this.error.message}`);
  }

  async stop() {
    this.stopping = true;
    await this.running;
  }
}

/** A program of its own starts a server and ends: the server ends, too. */
async function outlived(how) {
  const program = spawn(process.execPath, [process.argv[1], 'orphan', how], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { value } = await createInterface({ input: program.stdout })[Symbol.asyncIterator]().next();
  if (how !== 'exit') program.kill(`SIG${how}`);
  const begun = performance.now();
  while (isAlive(value)) {
    if (performance.now() - begun > 60_000) {
      process.kill(Number(value), 'SIGKILL');
      throw new Failed(`the server outlived its program (${how})`);
    }
    await sleep(20);
  }
}

function isAlive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

function allThreadsStand(pid) {
  return readdirSync(`/proc/${pid}/task`).every((task) => {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] === 'T';
  });
}

const reading = (step) => ({ consistency: step.consistency, maxStalenessMs: step.max_staleness_ms });

const show = (o) => JSON.stringify({ ...o, view: undefined, pairs: o.pairs?.length, value: o.value?.subarray(0, 40).toString() },
  (_, v) => (typeof v === 'bigint' ? Number(v) : v));

function everyShardLed(view) {
  const dialable = new Set(view.nodes.filter((n) => n.address.includes(':') && !n.address.startsWith('0.0.0.0')).map((n) => n.id));
  return view.shards.length > 0 && view.shards.every((s) => {
    const leaders = s.replicas.filter((r) => r.leader);
    return leaders.length === 1 && dialable.has(leaders[0].nodeId);
  });
}

function hashVectors(file) {
  const document = JSON.parse(readFileSync(file, 'utf8'));
  for (const [tags, vectors] of [[false, document.vectors], [true, document.hash_tags]]) {
    for (const vector of vectors) {
      const key = Buffer.from(vector.key_hex, 'hex');
      if (xxhash64(tags ? hashedPart(key) : key) !== BigInt(vector.xxh64)) throw new Failed(`hash of ${vector.key_hex}`);
      const shards = document.shard_counts.map((n) => shardOf(key, n, tags));
      if (shards.join() !== vector.shards.join()) throw new Failed(`shards of ${vector.key_hex}`);
    }
  }
}

let shared;
let cluster; // for all scenarios that want the same

async function serverOf(wanted) {
  if (!wanted) return shared ??= await EphemeralServer.start();
  if (cluster && cluster.wanted !== JSON.stringify(wanted)) await closeShared(wanted);
  cluster ??= await Cluster.start(wanted);
  await cluster.tell('start stopped');
  return cluster;
}

async function closeShared(wanted) {
  if (wanted) {
    await cluster?.close();
    cluster = undefined;
  } else {
    await shared?.close();
    shared = undefined;
  }
}

async function runOne(scenario) {
  const wanted = scenario.server;
  let own;
  try {
    if (wanted && !wanted.nodes) {
      own = await EphemeralServer.start({
        command: wanted.scripted ? ['/usr/bin/python3', join(root, 'scripted.py')] : undefined,
        configuration: JSON.stringify(wanted.settings).replaceAll('{root}', root),
      });
    }
    await new Scenario(scenario, own ?? await serverOf(wanted)).run();
    return ['passed', ''];
  } catch (e) {
    if (!own) await closeShared(wanted); // perhaps it is stopped or frozen: the next scenario gets another
    return ['failed', e instanceof Failed ? e.message : e.stack];
  } finally {
    await own?.close();
  }
}

/** Writers against the nodes of NORIKV_ADDR until standard input ends; prints what they saw. */
async function soak(count, kinds) {
  const client = connect({ deadlineMs: 10_000 });
  const id = randomBytes(4).toString('hex');
  const writers = new Writers({ client, key: (form) => Buffer.from(`soak/typescript/${id}/${form}`) }, count, kinds);
  await once(process.stdin.resume(), 'end');
  await writers.stop();
  await client.close();
  console.log(JSON.stringify({
    language: 'typescript', writes: writers.done.reduce((sum, n) => sum + n, 0), errors: writers.errors.map((e) => e.message),
    lost: writers.lost, doubled: writers.doubled,
  }));
}

if (process.argv[2] === 'soak') {
  await soak(Number(process.argv[3]), process.argv[4].split(','));
  process.exit();
}
if (process.argv[2] === 'orphan') {
  console.log((await EphemeralServer.start()).pid);
  if (process.argv[3] === 'exit') process.reallyExit(0); // without the listeners of 'exit'
  await sleep(600_000);
}
const only = (process.env.NORIKV_CONFORMANCE_ONLY ?? '').split(',').filter((name) => name.length > 0);
const results = [];
for (const file of readdirSync(join(root, 'scenarios')).sort()) {
  for (const scenario of JSON.parse(readFileSync(join(root, 'scenarios', file), 'utf8')).scenarios) {
    if (only.length > 0 && !only.includes(scenario.name)) continue;
    const begun = performance.now();
    const [status, detail] = await runOne(scenario);
    const ms = Math.round(performance.now() - begun);
    console.log(`${status.padEnd(12)} ${scenario.name} (${ms} ms)${detail ? `: ${detail}` : ''}`);
    results.push({ scenario: scenario.name, status, detail, ms });
  }
}
await closeShared(undefined);
await closeShared({});
if (process.env.NORIKV_CONFORMANCE_RESULTS) {
  writeFileSync(process.env.NORIKV_CONFORMANCE_RESULTS, JSON.stringify({ language: 'typescript', results }));
}
process.exitCode = results.some((r) => r.status === 'failed') ? 1 : 0;
