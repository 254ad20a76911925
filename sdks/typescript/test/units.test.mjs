// What needs no server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import test from 'node:test';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import * as norikv from '@norikv/client';
import { isAddress, settingsOf } from '../dist/esm/options.js';
import { PROTO } from '../dist/esm/proto.js';
import { Backoff, Router, RoutingTable } from '../dist/esm/routing.js';
import { Runner } from '../dist/esm/runner.js';
import { SessionPool, WINDOW } from '../dist/esm/session.js';
import { RpcFailure } from '../dist/esm/transport.js';
import { toBytes } from '../dist/esm/types.js';
import { codecs, grpcError, putRequest, putResult, statusError } from '../dist/esm/wire.js';

const here = (path) => new URL(path, import.meta.url);

/** Random numbers that are the same each time (mulberry32). */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('a sequence stays within the window of the oldest unresolved one', () => {
  for (let seed = 0; seed < 5; seed++) {
    const random = seeded(seed);
    const pool = new SessionPool();
    const held = [];
    for (let i = 0; i < 20000; i++) {
      if (held.length > 0 && (held.length > 900 || random() < 0.5)) {
        // Mostly the newest, so that one old write stays unresolved for long.
        const at = random() < 0.75 ? held.length - 1 : Math.floor(random() * held.length);
        const [key] = held.splice(at, 1);
        key.session.release(key.sequence);
      } else {
        const key = pool.acquire();
        assert.ok(key.text.startsWith(`s1:${key.session.name}:${key.sequence}:`));
        const oldest = Math.min(key.sequence, ...held.filter((h) => h.session === key.session).map((h) => h.sequence));
        assert.ok(key.sequence - oldest < WINDOW, `seed ${seed}`);
        held.push(key);
      }
    }
  }
});

test('one slow write moves the others to another session', () => {
  const pool = new SessionPool();
  const slow = pool.acquire();
  for (let i = 1; i < WINDOW; i++) {
    const key = pool.acquire();
    assert.equal(key.session, slow.session);
    key.session.release(key.sequence);
  }
  assert.notEqual(pool.acquire().session, slow.session);
});

test('no two clients share a session', () => {
  assert.notEqual(new SessionPool().acquire().session.name, new SessionPool().acquire().session.name);
});

test('waits grow to their bound, never undercut the server, and an exhausted budget slows', () => {
  const { retry } = settingsOf({ addresses: ['h:1'] });
  const backoff = new Backoff(retry, seeded(1));
  for (let i = 0; i < 40; i++) {
    assert.ok(backoff.nextWait(i, undefined) <= Math.min(1000, 10 * 2 ** i));
    assert.ok(backoff.nextWait(i, 300) >= 300);
  }
  const poor = new Backoff({ ...retry, budgetMax: 3 }, seeded(1));
  for (let i = 0; i < 3; i++) assert.ok(poor.nextWait(0, undefined) <= 10);
  assert.ok(Math.max(...Array.from({ length: 50 }, () => poor.nextWait(0, undefined))) > 10);
  for (let i = 0; i < 20; i++) poor.succeeded();
  assert.ok(poor.nextWait(0, undefined) <= 10);
});

test('a key goes to its leader, a hint goes first, and every other attempt elsewhere', () => {
  const router = new Router({ addresses: ['seed:1'] });
  const key = Buffer.from('k');
  assert.equal(router.pick(key, 0), 'seed:1');
  const ids = ['a', 'b', 'c'];
  router.table = new RoutingTable({
    epoch: 1, clusterId: 'c', totalShards: 16, hashTags: false,
    nodes: ids.map((id) => ({ id, address: `${id}:1`, role: 'leader' })),
    shards: Array.from({ length: 16 }, (_, id) => ({ id, replicas: ids.map((nodeId, i) => ({ nodeId, leader: i === id % 3 })) })),
  });
  assert.equal(router.pick(key, 0), `${ids[norikv.shardOf('k', 16) % 3]}:1`);
  assert.equal(router.pick(key, 0, 'hint:9'), 'hint:9');
  assert.ok(new Set(Array.from({ length: 8 }, () => router.pick(key, 1))).size > 2);
});

test('an unreachable address is left out while there is another', () => {
  const router = new Router({ addresses: ['a:1', 'b:1'] });
  const picked = () => [...new Set(Array.from({ length: 4 }, () => router.pick(Buffer.alloc(0), 0)))].sort().join();
  router.unreachable('a:1');
  assert.equal(picked(), 'b:1');
  router.unreachable('b:1');
  assert.equal(picked(), 'a:1,b:1');
  router.reached('a:1');
  assert.equal(picked(), 'a:1');
});

test('addresses and every problem of the options', () => {
  for (const good of ['h:1', '[::1]:7447', '127.0.0.1:65535']) assert.ok(isAddress(good), good);
  for (const bad of ['h', 'h:', ':1', 'h:0', 'h:65536', 'a:b:1', 'http://h:1', '']) assert.ok(!isAddress(bad), bad);
  assert.throws(() => norikv.connect({ addresses: ['x'], deadlineMs: 0 }), /host:port; deadlineMs/);
  const pem = Buffer.from('-----BEGIN CERTIFICATE-----');
  for (const mistake of [
    { deadlineMs: '5' }, { retry: 3 }, { clusterId: '' }, { tls: 5 }, { tls: { rootCertificates: 'path.pem' } },
    { tls: { rootCertificates: Buffer.from('nonsense') } }, { tls: { clientCertificate: pem } }, { tls: { clientKey: pem } },
  ]) assert.throws(() => norikv.connect(mistake), norikv.InvalidArgumentError, JSON.stringify(mistake));
});

test('statuses become the codes of the contract', () => {
  const cases = [
    [9, 'Version mismatch: x', 'VERSION_MISMATCH'], [9, 'other', 'FAILED_PRECONDITION'], [6, '', 'ALREADY_EXISTS'],
    [14, 'NOT_LEADER', 'NOT_LEADER'], [14, 'QUORUM_UNAVAILABLE', 'QUORUM_UNAVAILABLE'], [14, 'gone', 'UNAVAILABLE'],
    [4, '', 'COMMIT_TIMEOUT'], [8, '', 'OVERLOADED'], [3, '', 'INVALID_ARGUMENT'], [13, '', 'INTERNAL'], [7, '', 'PERMISSION_DENIED'],
    [16, '', 'PERMISSION_DENIED'], [15, '', 'DATA_LOSS'], [12, '', 'UNIMPLEMENTED'],
  ];
  for (const [code, message, expected] of cases) assert.equal(grpcError(code, message).code, expected);
  assert.equal(statusError({ code: 4, message: 'not tried', leaderHint: '', retryAfterMs: 0 }).code, 'DEADLINE_EXCEEDED');
  const unknown = statusError({ code: 4, message: 'COMMIT_TIMEOUT: x', leaderHint: 'h:1', retryAfterMs: 50 });
  assert.ok(unknown instanceof norikv.OutcomeUnknownError && unknown instanceof norikv.NoriKVError);
  assert.deepEqual([unknown.leaderHint, unknown.retryAfterMs, unknown.name], ['h:1', 50, 'OutcomeUnknownError']);
});

test('64-bit numbers go and come whole', () => {
  for (const n of [1n, 0xffffffffn, 0x100000000n, 2n ** 63n, 2n ** 64n - 1n]) {
    const sent = codecs.putRequest.serialize(putRequest('k', 'v', { ifMatch: { term: n, index: n } }, ''));
    const version = codecs.putRequest.parse(sent).ifMatch;
    assert.deepEqual(putResult({ version, meta: {} }).version, { term: n, index: n });
  }
});

test('a TTL is rounded up and never silently none', () => {
  assert.equal(putRequest('k', 'v', { ttlMs: 0.1 }, '').ttlMs, 1);
  assert.throws(() => putRequest('k', 'v', { ttlMs: 0 }, ''), norikv.InvalidArgumentError);
});

test('mistakes are refused before anything is sent', async () => {
  const client = norikv.connect({ addresses: ['127.0.0.1:1'], deadlineMs: Infinity });
  const mistakes = [
    () => client.get('k', { deadlineMs: 0 }), () => client.get('k', { deadlineMs: -1 }), () => client.get('k', { deadlineMs: NaN }),
    () => client.clusterView({ deadlineMs: 0 }), () => client.isServing({ deadlineMs: 0 }), () => client.count({ deadlineMs: NaN }),
    () => client.put('k', 'v', { ttlMs: -1 }), () => client.put('k', 'v', { ttlMs: NaN }), () => client.put('k', 'v', { ttlMs: Infinity }),
    () => client.get('k', { consistency: 'weird' }), () => client.get('k', { maxStalenessMs: -1 }),
    () => client.scan({ limit: -1 }).next(), () => client.scanPage({ limit: -1 }), () => client.scan({ limit: 1.5 }).next(),
    () => client.put('a\ud800', 'v'), () => client.put('k', 'a\udc00'), () => client.put('k', 'v', { idempotencyKey: 'a\ud800' }),
    () => client.put('k', 5), () => client.put(5, 'v'), () => client.get(undefined), () => client.put('k', [1, 2]),
    () => client.batch([{ put: { key: 'a\ud800', value: 'v' } }]),
  ];
  for (const mistake of mistakes) await assert.rejects(async () => mistake(), norikv.InvalidArgumentError, String(mistake));
  await client.close();
  for (const options of [
    { addresses: ['a:70000'] }, { addresses: [':1'] }, { deadlineMs: 0 }, { deadlineMs: NaN },
    { adresses: ['h:1'] }, { retry: { attempts: 1 } },
  ]) assert.throws(() => norikv.connect(options), norikv.InvalidArgumentError, JSON.stringify(options));
  assert.equal(Buffer.from('😀').compare(toBytes('😀')), 0);
});

/** A node's stream that answers every put, by a function of its request. */
async function puts(t, answers) {
  const asItIs = { requestSerialize: (x) => x, requestDeserialize: (x) => x, responseSerialize: (x) => x, responseDeserialize: (x) => x };
  const server = new grpc.Server();
  server.addService({ stream: { path: '/norikv.v1.Kv/Stream', requestStream: true, responseStream: true, ...asItIs } }, {
    stream: (call) => call.on('error', () => undefined).on('data', (bytes) => {
      const results = codecs.streamRequest.parse(bytes).calls.map(({ id, put }) => {
        answers(put);
        return { id, put: { version: { term: 1, index: 1 } } };
      });
      call.write(codecs.streamResponse.serialize({ results }));
    }),
  });
  const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', grpc.ServerCredentials.createInsecure());
  t.after(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

test('what cannot be encoded fails alone', async (t) => {
  const seen = [];
  const addresses = [await puts(t, (put) => seen.push(Buffer.from(put.key).toString()))];
  const runner = new Runner(settingsOf({ addresses, smartRouting: false }));
  t.after(() => runner.close());
  const put = (key, id, bytes = 100) => runner.run(
    'put', putRequest(key, 'v', {}, id), bytes, Buffer.from('k'), true, performance.now() + 60_000).then(
    () => 'done', (e) => e.code);
  // The first ones wait for the connection, the others do not.
  for (let round = 0; round < 2; round++) {
    const ends = [put('a', 'id'), put('b', 5), put('c', 'id'), put('d', {}), put('e', 'id'), put('f', 5, 2 << 20)];
    assert.deepEqual(await Promise.all(ends), ['done', 'INVALID_ARGUMENT', 'done', 'INVALID_ARGUMENT', 'done', 'INVALID_ARGUMENT']);
  }
  assert.equal(seen.join(''), 'aceace');
});

test('options of another type are refused when the operation is taken, and nothing is sent', async (t) => {
  let connections = 0;
  const node = createServer((socket) => { connections++; socket.destroy(); }).listen(0, '127.0.0.1');
  await once(node, 'listening');
  const kv = norikv.connect({ addresses: [`127.0.0.1:${node.address().port}`], deadlineMs: 300 });
  t.after(async () => { await kv.close(); node.close(); });
  const version = (term, index = 1n) => ({ ifMatch: { term, index } });
  const put = (options) => kv.put('k', 'v', options);
  const mistakes = [
    ...[5, null, Symbol('x'), {}, Buffer.from('x')].map((idempotencyKey) => () => put({ idempotencyKey })),
    ...[version(2n ** 64n), version(-1n), version(1n, 2n ** 64n), version(1), version('1'), { ifMatch: { term: 1, index: 2 } },
      { ifMatch: null },
      { ifMatch: 0 }, { ifMatch: {} }].flatMap((o) => [() => put(o), () => kv.delete('k', o),
      () => kv.batch([{ put: { key: 'k', value: 'v', ...o } }]), () => kv.batch([{ delete: { key: 'k', ...o } }])]),
    () => kv.compareAndSet('k', 'v', { term: 1, index: 2 }), () => kv.compareAndSet('k', 'v', 0),
    () => kv.compareAndSet('k', 'v', undefined, 'x'),
    () => put({ ifNotExists: 'false' }), () => put({ ttlMs: '5' }), () => put({ ttlMs: 5n }), () => put(null), () => put('x'),
    () => put(5),
    () => kv.get('k', null), () => kv.get('k', { consistency: Symbol('x') }), () => kv.get('k', { maxStalenessMs: '5' }),
    ...['5', 5n, null, {}].flatMap((deadlineMs) => [() => put({ deadlineMs }), () => kv.get('k', { deadlineMs }),
      () => kv.delete('k', { deadlineMs }), () => kv.batch([], { deadlineMs }), () => kv.scan({ deadlineMs }).next(),
      () => kv.clusterView({ deadlineMs }), () => kv.isServing({ deadlineMs })]),
    ...[{}, 5, null, new AbortController()].flatMap((signal) => [() => put({ signal }), () => kv.get('k', { signal }),
      () => kv.count({ signal }), () => kv.scanPage({ limit: 1, signal }), () => kv.clusterView({ signal }), () => kv.watchCluster({ signal }).next(),
      () => kv.isServing({ signal })]),
    () => kv.batch([], { requireAtomic: 1 }), () => kv.batch([{ delete: { key: 'k' } }], { idempotencyKey: 5 }),
    () => kv.batch('x'),
    () => kv.scan({ reverse: 1 }).next(), () => kv.scan({ keysOnly: 'no' }).next(), () => kv.scan({ pageToken: 'x' }).next(),
    () => kv.scan({ prefix: null }).next(), () => kv.scan({ limit: Symbol('x') }).next(), () => kv.scanPage({ limit: '5' }),
    () => kv.scanPage(),
    () => put({ get idempotencyKey() { return 5; } }), () => kv.put({ [Symbol.toStringTag]: 'Uint8Array', length: 3 }, 'v'),
  ];
  for (const mistake of mistakes) await assert.rejects(async () => mistake(), norikv.InvalidArgumentError, String(mistake));
  assert.deepEqual([connections, kv.inFlight], [0, 0]);
});

test('a name that an operation does not know is refused, with those that it knows', async (t) => {
  const kv = norikv.connect({ addresses: ['127.0.0.1:1'], deadlineMs: 300 });
  t.after(() => kv.close());
  const takers = {
    put: (o) => kv.put('k', 'v', o), compareAndSet: (o) => kv.compareAndSet('k', 'v', undefined, o), get: (o) => kv.get('k', o),
    getRequired: (o) => kv.getRequired('k', o), delete: (o) => kv.delete('k', o), batch: (o) => kv.batch([{ get: { key: 'k' } }], o),
    scan: (o) => kv.scan(o).next(), scanPage: (o) => kv.scanPage({ limit: 1, ...o }), count: (o) => kv.count(o),
    clusterView: (o) => kv.clusterView(o), watchCluster: (o) => kv.watchCluster(o).next(), isServing: (o) => kv.isServing(o),
    'a put in a batch': (o) => kv.batch([{ put: { key: 'k', value: 'v', ...o } }]),
    'a get in a batch': (o) => kv.batch([{ get: { key: 'k', ...o } }]), 'a delete in a batch': (o) => kv.batch([{ delete: { key: 'k', ...o } }]),
  };
  const foreign = [ // of another operation, where a name would be ignored
    ['compareAndSet', 'ifMatch'], ['get', 'ttlMs'], ['getRequired', 'mustExist'], ['delete', 'ifNotExists'], ['batch', 'consistency'], ['count', 'limit'],
    ['count', 'pageToken'], ['watchCluster', 'deadlineMs'], ['a put in a batch', 'deadlineMs'], ['a get in a batch', 'signal'],
  ];
  for (const [of, name] of [...Object.keys(takers).map((of) => [of, 'ttl']), ...foreign]) {
    await assert.rejects(takers[of]({ [name]: 5 }), { code: 'INVALID_ARGUMENT', message: new RegExp(`^${of} has no option '${name}'`) });
  }
  await assert.rejects(kv.put('k', 'v', { ttl: undefined }), norikv.UnavailableError); // it says nothing
});

test('one element of a batch is one operation', async (t) => {
  const kv = norikv.connect({ addresses: ['127.0.0.1:1'], deadlineMs: 300 });
  t.after(() => kv.close());
  const [put, get, del] = [{ key: 'a', value: 'b' }, { key: 'a' }, { key: 'a' }];
  for (const element of [
    { put, get }, { put, delete: del }, { get, delete: del }, { put, get, delete: del }, {}, { put: undefined }, { put: null },
    { get: 5 }, { put, gte: get }, { cas: put }, undefined, null, 5, 'put',
  ]) await assert.rejects(kv.batch([{ put }, element]), norikv.InvalidArgumentError, JSON.stringify(element));
  await assert.rejects(kv.batch([, { put }]), norikv.InvalidArgumentError);
  await assert.rejects(kv.batch([{ put, get: undefined }]), norikv.UnavailableError); // as TypeScript takes it
});

test('a deadline need not be a whole number', async () => {
  for (const [options, deadlineMs] of [[{}, 50.5], [{}, 0.5], [{}, 1e-9], [{ deadlineMs: 20.25 }, undefined]]) {
    const kv = norikv.connect({ addresses: ['127.0.0.1:1'], ...options });
    for (const view of [kv.clusterView({ deadlineMs }), kv.clusterView({ deadlineMs, signal: new AbortController().signal })]) {
      await assert.rejects(view, norikv.UnavailableError, String(deadlineMs));
    }
    await kv.close();
  }
});

test('one signal gives up any number of operations without a warning', async (t) => {
  const taken = [];
  const silent = createServer((s) => taken.push(s.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const warned = [];
  const note = (warning) => warned.push(warning.name);
  process.on('warning', note);
  const kv = norikv.connect({
    addresses: [`127.0.0.1:${silent.address().port}`], inFlightMax: 20, deadlineMs: 60_000, silenceMaxMs: 600_000,
  });
  t.after(async () => {
    process.off('warning', note);
    await kv.close();
    silent.close();
    for (const socket of taken) socket.destroy();
  });
  const caller = new AbortController();
  const { signal } = caller;
  const all = Array.from({ length: 40 }, (_, i) => [
    kv.put(`${i}`, 'v', { signal }), kv.count({ signal }), kv.clusterView({ signal }), kv.isServing({ signal }),
    kv.watchCluster({ signal }).next(),
  ]).flat();
  const big = Array.from({ length: 15 }, () => kv.put('k', Buffer.alloc(2 << 20), { signal }));
  const ends = Promise.allSettled([...all, ...big]);
  while (taken.length === 0) await new Promise((wake) => setTimeout(wake, 5));
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  caller.abort(new Error('enough'));
  for (const end of await ends) assert.equal(end.reason?.message, 'enough');
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  const other = new AbortController();
  await assert.rejects(kv.get('k', { signal: other.signal, deadlineMs: 20 }), norikv.NoriKVError);
  assert.equal(getEventListeners(other.signal, 'abort').length, 0); // nor does one stay behind
  assert.deepEqual(warned, []);
});

test('a client is not made of options of another type, misspelt ones or damaged PEM', () => {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const cut = (pem) => Buffer.from(pem.replace(/\n.*\n(-----END)/, '\n$1')); // its last line is missing
  const [one, two] = rootCertificates;
  const [certificate, key] = [Buffer.from(one), Buffer.from(privateKey)];
  for (const [options, words] of [
    [{ addresses: [5] }, /number 5/], [{ addresses: [null] }, /null/], [{ addresses: 5 }, /array/],
    [{ addresses: 'h:1' }, /array/], [null, /object/], [5, /object/],
    [{ smartRouting: 'no' }, /smartRouting/], [{ inFlightMax: '5' }, /inFlightMax/], [{ keepAliveMs: 20_000n }, /keepAliveMs/],
    [{ clusterId: 5 }, /clusterId/],
    [{ clusterId: 'é' }, /clusterId/], [{ retry: { attemptsMax: '5' } }, /retry\.attemptsMax/],
    [{ retry: { budgetMax: NaN } }, /retry\.budgetMax/],
    [{ tls: { rootCertificate: certificate } }, /'tls\.rootCertificate'.*rootCertificates, clientCertificate, clientKey, serverName/],
    [{ deadline: 5 }, /'deadline'.*deadlineMs/], [{ tls: null }, /tls/], [{ tls: { serverName: 5 } }, /serverName/],
    [{ tls: { rootCertificates: cut(one) } }, /rootCertificates is damaged/],
    [{ tls: { rootCertificates: Buffer.concat([certificate, Buffer.from('\n'), cut(two)]) } },
      /rootCertificates is damaged: certificate 2 of 2/],
    [{ tls: { rootCertificates: Buffer.from(one.slice(0, -40)) } }, /rootCertificates is damaged.*no end/],
    [{ tls: { rootCertificates: key } }, /rootCertificates is damaged: it holds no certificate/],
    [{ tls: { clientCertificate: cut(one), clientKey: key } }, /clientCertificate is damaged/],
    [{ tls: { clientCertificate: certificate, clientKey: cut(privateKey) } }, /clientKey is damaged/],
    [{ tls: { clientCertificate: certificate, clientKey: key } }, /another certificate/],
  ]) {
    const refused = (e) => e instanceof norikv.InvalidArgumentError && words.test(e.message);
    assert.throws(() => norikv.connect(options), refused, String(words));
  }
  settingsOf({ tls: { rootCertificates: Buffer.from(rootCertificates.join('\n# the next\n')), serverName: 'h' } });
});

test('a write that found no connection was not done', async () => {
  const taken = [];
  const silent = createServer((s) => taken.push(s.on('error', () => undefined).resume())).listen(0, '127.0.0.1'); // says nothing
  await once(silent, 'listening');
  for (const smartRouting of [false, true]) {
    const client = norikv.connect({ addresses: [`127.0.0.1:${silent.address().port}`], smartRouting });
    await assert.rejects(client.put('a', 'b', { deadlineMs: 50 }), { code: 'UNAVAILABLE' });
    await client.close();
  }
  silent.close();
  for (const socket of taken) socket.destroy();
});

test('a closed client lets its process end, whatever its node says', async () => {
  const taken = [];
  const silent = createServer((s) => taken.push(s.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const program = (more) => `
    import { connect } from '@norikv/client';
    const kv = connect({ addresses: ['127.0.0.1:${silent.address().port}']${more} });
    const put = kv.put('a', 'b', { deadlineMs: 1000 }).catch((e) => console.log(e.code));
    const late = [kv.put('c', 'd'), kv.count({ prefix: 'a' }), kv.clusterView(), kv.isServing()];
    late.forEach((one) => one.catch(() => undefined));
    await put;
    await kv.close();
    await Promise.allSettled(late);
    console.log('closed');`;
  for (const more of ['', ", tls: { serverName: 'localhost' }"]) {
    const { stdout } = await promisify(execFile)(
      process.execPath, ['--input-type=module', '-e', program(more)], { timeout: 60_000, cwd: fileURLToPath(here('..')) });
    assert.equal(stdout, 'UNAVAILABLE\nclosed\n');
  }
  silent.close();
  for (const socket of taken) socket.destroy();
});

test('a write whose stream broke by INTERNAL is tried again and never called not done', async () => {
  const runner = new Runner(settingsOf({ addresses: ['127.0.0.1:1'], smartRouting: false, retry: { attemptsMax: 3 } }));
  let tried = 0;
  await assert.rejects(runner.attempts(async () => {
    tried++;
    throw new RpcFailure(grpcError(13, 'a reset'), true);
  }, Buffer.from('k'), true, performance.now() + 60_000), norikv.OutcomeUnknownError);
  assert.equal(tried, 3);
  runner.close();
});

test('what a node said stays with the error behind the last try', async () => {
  const runner = new Runner(settingsOf({ addresses: ['127.0.0.1:1'], smartRouting: false, retry: { attemptsMax: 1 } }));
  for (const [code, wanted] of [[8, 'OVERLOADED'], [4, 'COMMIT_TIMEOUT']]) {
    await assert.rejects(runner.attempts(async () => {
      throw new RpcFailure(grpcError(code, 'COMMIT_TIMEOUT', { retryAfterMs: 50, leaderHint: 'h:1' }), true, true);
    }, Buffer.from('k'), true, performance.now() + 60_000), { code: wanted, retryAfterMs: 50, leaderHint: 'h:1' });
  }
  runner.close();
});

test('closing ends what is on a stream that was replaced', async () => {
  const calls = [];
  const server = new grpc.Server();
  const asItIs = { requestSerialize: (x) => x, requestDeserialize: (x) => x, responseSerialize: (x) => x, responseDeserialize: (x) => x };
  server.addService(
    { stream: { path: '/norikv.v1.Kv/Stream', requestStream: true, responseStream: true, ...asItIs } },
    { stream: (call) => { // it takes them and says nothing
      calls.push(call);
      call.sendMetadata(new grpc.Metadata());
      call.on('data', () => call.emit('taken')).on('error', () => undefined);
    } });
  const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', grpc.ServerCredentials.createInsecure());
  const runner = new Runner(settingsOf({ addresses: [`127.0.0.1:${port}`], smartRouting: false }));
  const put = () => runner.run(
    'put', putRequest('k', 'v', {}, 'id'), 100, Buffer.from('k'), true, performance.now() + 60_000).then(() => 'done', (e) => e.code);
  const begun = [put()];
  while (calls.length < 1) await new Promise((wake) => setTimeout(wake, 5));
  runner.router.accepts('a-cluster', 'h:1'); // from here on calls say which cluster they are for: another stream
  begun.push(put());
  while (calls.length < 2) await new Promise((wake) => setTimeout(wake, 5));
  const closed = Promise.all(calls.map((call) => once(call, 'cancelled')));
  runner.close();
  assert.deepEqual(await Promise.all(begun), ['CANCELLED', 'CANCELLED']);
  await closed;
  server.forceShutdown();
});

test('an idempotency key is the whole batch\'s', async () => {
  const client = norikv.connect({ addresses: ['127.0.0.1:1'] });
  for (const operation of [{ put: { key: 'a', value: 'b', idempotencyKey: 'x' } }, { delete: { key: 'a', idempotencyKey: 'x' } }]) {
    await assert.rejects(client.batch([operation]), norikv.InvalidArgumentError);
  }
  await client.close();
});

test('no attempt begins past the deadline', async () => {
  const runner = new Runner(settingsOf({ addresses: ['127.0.0.1:1'], smartRouting: false }));
  const deadline = performance.now() + 200;
  let tried = 0;
  runner.sleep = async () => { while (performance.now() < deadline); }; // a busy machine
  await assert.rejects(runner.attempts(async () => {
    tried++;
    throw new RpcFailure(grpcError(14, 'refused'), false);
  }, Buffer.from('k'), true, deadline), norikv.UnavailableError);
  assert.equal(tried, 1);
  runner.close();
});

test('what was aborted is not sent again', async () => {
  const runner = new Runner(settingsOf({ addresses: ['127.0.0.1:1'], smartRouting: false }));
  const caller = new AbortController();
  let tried = 0;
  runner.sleep = async () => caller.abort();
  await assert.rejects(runner.attempts(async () => {
    if (++tried > 1) throw new Error('sent again');
    throw new RpcFailure(grpcError(14, 'refused'), false);
  }, Buffer.from('k'), true, performance.now() + 60000, caller.signal), { name: 'AbortError' });
  assert.equal(tried, 1);
  runner.close();
});

test('the embedded contract is the proto file', () => {
  assert.equal(PROTO, readFileSync(here('../../../proto/norikv.proto'), 'utf8'), 'run node embed-proto.cjs');
});

test('CommonJS gets the same surface', () => {
  const required = createRequire(import.meta.url)('@norikv/client');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(norikv).sort());
  assert.equal(required.shardOf('hello', 1024), 309);
});

test('the package says one version', async () => {
  const { VERSION } = await import('../dist/esm/transport.js');
  assert.equal(JSON.parse(readFileSync(here('../package.json'), 'utf8')).version, VERSION);
});

test('everything exported says what it is', () => {
  const silent = [];
  for (const file of ['client', 'errors', 'hashing', 'options', 'testing', 'types']) {
    const lines = readFileSync(here(`../dist/esm/${file}.d.ts`), 'utf8').split('\n');
    lines.forEach((line, i) => {
      const name = /^export (?:declare )?(?:class|interface|type|function|const) (\w+)/.exec(line) ?? /^ {4}(?:get |static )?(\w+)\(/.exec(line);
      if (name && name[1] !== 'constructor' && !lines[i - 1]?.endsWith('*/')) silent.push(`${file}: ${name[1]}`);
    });
  }
  assert.deepEqual(silent, []);
});
