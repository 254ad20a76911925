// grpc-js against a NoriKV node: node norikv_check.js HOST:PORT (a node that takes writes; keys are its own)
'use strict';
const assert = require('node:assert');
const crypto = require('node:crypto');
const grpc = require('@grpc/grpc-js');
const { check, collect, deadline, fails, load, run, unary } = require('./checks');

const { status } = grpc;
const address = process.argv[2];
const insecure = grpc.credentials.createInsecure();
const { Kv, Meta, Admin } = load('norikv.proto').norikv.v1;
const kv = new Kv(address, insecure);
const prefix = `interop/${crypto.randomBytes(6).toString('hex')}/`;
const key = (name) => Buffer.from(prefix + name);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const put = (name, value, more = {}) => unary(kv, 'Put', { key: key(name), value: Buffer.from(value), ...more });
const get = (name, more = {}) => unary(kv, 'Get', { key: key(name), ...more });
const del = (name, more = {}) => unary(kv, 'Delete', { key: key(name), ...more });
const text = async (name) => {
  const answer = await get(name);
  return answer.version ? answer.value.toString() : null;
};

check('a put is read back with its version', async () => {
  const { version } = await put('a', 'one');
  assert.ok(Number(version.term) >= 1 && Number(version.index) >= 1);
  const answer = await get('a');
  assert.equal(answer.value.toString(), 'one');
  assert.deepEqual(answer.version, version);
});

check('a missing key is OK without a version', async () => {
  const answer = await get('missing');
  assert.equal(answer.version, null);
  assert.equal(answer.value.length, 0);
});

check('an empty value is a value', async () => {
  await put('empty', '');
  assert.equal(await text('empty'), '');
});

check('values up to a MiB', async () => {
  await put('large', Buffer.alloc(1 << 20, 5));
  assert.ok((await get('large')).value.equals(Buffer.alloc(1 << 20, 5)));
});

check('a delete says whether the key existed', async () => {
  await put('d', 'x');
  assert.equal((await del('d')).tombstoned, true);
  assert.equal((await del('d')).tombstoned, false);
});

check('compare-and-set wants the version', async () => {
  const first = (await put('cas', '1')).version;
  await put('cas', '2', { if_match: first });
  const error = await fails(status.FAILED_PRECONDITION, put('cas', '3', { if_match: first }));
  assert.match(error.details, /Version mismatch/);
  assert.equal(await text('cas'), '2');
});

check('if_not_exists creates once', async () => {
  await put('once', '1', { if_not_exists: true });
  await fails(status.ALREADY_EXISTS, put('once', '2', { if_not_exists: true }));
});

check('a repeat with its idempotency key gets the first answer', async () => {
  const token = crypto.randomUUID();
  const first = await put('i', '1', { idempotency_key: token });
  await put('i', '2');
  const again = await put('i', '1', { idempotency_key: token });
  assert.deepEqual(again.version, first.version);
  assert.equal(await text('i'), '2');
});

check('a key with a TTL expires', async () => {
  await put('t', 'x', { ttl_ms: 300 });
  assert.equal(await text('t'), 'x');
  await sleep(700);
  assert.equal(await text('t'), null);
});

check('what is too large or empty is INVALID_ARGUMENT', async () => {
  const bad = status.INVALID_ARGUMENT;
  const error = await fails(bad, unary(kv, 'Put', { key: Buffer.alloc(1025, 1) }));
  assert.match(error.details, /Key size 1025 exceeds limit 1024/);
  await fails(bad, unary(kv, 'Get', { key: Buffer.alloc(0) }));
  await fails(bad, put('big', Buffer.alloc((1 << 20) + 1)));
  await fails(bad, put('bigger', Buffer.alloc(5 << 20)));
  await fails(bad, get('a', { consistency: 'sometimes' }));
});

check('a batch answers each operation', async () => {
  const { results } = await unary(kv, 'Batch', {
    operations: [
      { put: { key: key('b1'), value: Buffer.from('1') } },
      { get: { key: key('missing') } },
      { delete: { key: key('missing too') } },
    ],
  });
  assert.deepEqual(results.map((r) => r.result), ['put', 'get', 'delete']);
  assert.equal(await text('b1'), '1');
});

check('a scan is in key order', async () => {
  const names = Array.from({ length: 50 }, (_, i) => `scan/${String(i).padStart(3, '0')}`);
  await Promise.all(names.map((name) => put(name, name)));
  const scan = async (more) => (await collect(kv.Scan({ prefix: key('scan/'), ...more }, deadline())))
    .flatMap((page) => page.pairs.map((p) => p.key.toString().slice(prefix.length)));
  assert.deepEqual(await scan({}), names);
  assert.deepEqual(await scan({ reverse: true }), [...names].reverse());
  assert.deepEqual(await scan({ limit: 5 }), names.slice(0, 5));
});

check('a stream answers pipelined calls by id', async () => {
  const call = kv.Stream(deadline());
  const results = new Map();
  const done = new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('end', resolve);
  });
  call.on('data', (response) => {
    response.results.forEach((result) => results.set(Number(result.id), result));
    if (results.size === 201) call.end();
  });
  for (let i = 0; i < 200; i++) {
    call.write({ calls: [{ id: i, put: { key: key(`s${i}`), value: Buffer.from(`${i}`) } }] });
  }
  call.write({ calls: [{ id: 200, put: { key: Buffer.alloc(0) } }] });
  await done;
  assert.equal(results.get(7).result, 'put');
  assert.equal(results.get(200).error.code, status.INVALID_ARGUMENT);
  assert.equal(await text('s199'), '199');
});

check('the cluster view comes at once and the watch is cancelled', async () => {
  const meta = new Meta(address, insecure);
  const watch = meta.WatchCluster({}, deadline());
  let view;
  watch.once('data', (first) => { view = first; watch.cancel(); });
  await fails(status.CANCELLED, collect(watch));
  assert.ok(Number(view.epoch) >= 1 && view.nodes.length > 0 && view.shards.length > 0);
  await fails(status.DEADLINE_EXCEEDED, collect(meta.WatchCluster({}, deadline(300))));
  meta.close();
});

check('a deadline is the node\'s business too', async () => {
  // The header is set by hand and the caller would wait for ever: what ends the call is the node.
  const late = (timeout) => { const metadata = new grpc.Metadata(); metadata.set('grpc-timeout', timeout); return metadata; };
  const meta = new Meta(address, insecure);
  const watch = await fails(status.DEADLINE_EXCEEDED, collect(meta.WatchCluster({}, late('200m'))));
  assert.equal(watch.details, 'The deadline passed.');
  meta.close();
  const put = unary(kv, 'Put', { key: key('late'), value: Buffer.from('x') }, late('0n'), {});
  assert.equal((await fails(status.DEADLINE_EXCEEDED, put)).details, 'The deadline passed.');
  assert.equal(await text('late'), null);
});

check('a shard is snapshotted', async () => {
  const admin = new Admin(address, insecure);
  assert.equal((await unary(admin, 'SnapshotShard', { id: 1 })).id, 1);
  admin.close();
});

check('three hundred calls run at once', async () => {
  await Promise.all(Array.from({ length: 300 }, (_, i) => put(`p${i}`, `${i}`)));
  assert.equal(await text('p299'), '299');
});

check('health is serving', async () => {
  const { Health } = load('grpc/health.proto').grpc.health.v1;
  const health = new Health(address, insecure);
  assert.equal((await unary(health, 'Check', {})).status, 'SERVING');
  health.close();
});

check('reflection lists the services', async () => {
  for (const version of ['v1', 'v1alpha']) {
    const { ServerReflection } = load(`grpc/reflection_${version}.proto`).grpc.reflection[version];
    const client = new ServerReflection(address, insecure);
    const call = client.ServerReflectionInfo(deadline());
    const answers = collect(call);
    call.write({ list_services: '' });
    call.end();
    const names = (await answers)[0].list_services_response.service.map((s) => s.name);
    assert.ok(names.includes('norikv.v1.Kv') && names.includes('norikv.v1.Meta'), names.join());
    client.close();
  }
});

run();
