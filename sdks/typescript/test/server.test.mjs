// Against the real server: what the conformance suite does not say, the README and the examples.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect, UnavailableError } from '@norikv/client';
import { EphemeralServer } from '@norikv/client/testing';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
let server;
before(async () => { server = await EphemeralServer.start(); });
after(() => server?.close());

async function program(path) {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [path], {
    env: { ...process.env, NORIKV_ADDR: server.address }, timeout: 120_000, cwd: folder,
  });
  return stdout;
}

test('the programs of the README run as they stand', async () => {
  const blocks = [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)].map((m) => m[1]);
  // Inside the package, so that its own name resolves.
  const scratch = mkdtempSync(join(folder, 'dist', 'readme-'));
  try {
    const printed = [];
    for (const [i, block] of blocks.entries()) {
      const path = join(scratch, `${i}.mjs`);
      writeFileSync(path, block);
      printed.push(await program(path));
    }
    assert.deepEqual(printed, [
      'VERSION_MISMATCH\nuser:1 = Ada Lovelace\nAda Lovelace\n',
      '1 is still there\n',
    ]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test('the examples run', async () => {
  assert.equal(await program(join(folder, 'examples', 'counter.mjs')), 'counted to 20\n');
  assert.match(await program(join(folder, 'examples', 'pages.mjs')), /shown 25\n$/);
});

test('a scan can be left early', async (t) => {
  const kv = server.client();
  t.after(() => kv.close());
  await Promise.all(Array.from({ length: 50 }, (_, i) => kv.put(`early:${String(i).padStart(2, '0')}`, 'x'.repeat(1000))));
  let seen = 0;
  for await (const pair of kv.scan({ prefix: 'early:' })) {
    seen++;
    if (pair.key.toString().endsWith('10')) break;
  }
  assert.equal(seen, 11);
});

test('an aborted operation rejects with the reason and leaves the others alone', async (t) => {
  const kv = server.client();
  t.after(() => kv.close());
  await kv.put('abort:0', 'x');
  const controller = new AbortController();
  const puts = Array.from({ length: 100 }, (_, i) =>
    kv.put(`abort:${i}`, 'x', i % 2 === 0 ? { signal: controller.signal } : {}));
  controller.abort(new Error('enough'));
  const done = await Promise.allSettled(puts);
  assert.ok(done.every((d, i) => (i % 2 === 0 ? d.reason?.message === 'enough' : d.status === 'fulfilled')));
  assert.equal(kv.inFlight, 0);
});

test('more than the places wait for one', async (t) => {
  const kv = server.client({ inFlightMax: 3 });
  t.after(() => kv.close());
  await Promise.all(Array.from({ length: 50 }, (_, i) => kv.put(`places:${i}`, 'x')));
  assert.equal(await kv.count({ prefix: 'places:' }), 50);
  assert.equal(kv.inFlight, 0);
});

test('a closed client says so, and what was in flight fails', async (t) => {
  const kv = server.client();
  t.after(() => kv.close());
  await kv.put('closed', 'x');
  await kv.close();
  await assert.rejects(kv.get('closed'), { code: 'CANCELLED' });
});

test('what was called not done is not done later, when the connection is made after all', async () => {
  const held = [];
  let open = false;
  const pass = (client) => {
    const node = createConnection(Number(server.address.split(':').at(-1)), '127.0.0.1');
    for (const [from, to] of [[client, node], [node, client]]) from.on('error', () => to.destroy()).pipe(to);
  };
  const door = createServer((client) => (open ? pass(client) : held.push(client))).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const kv = connect({ addresses: [`127.0.0.1:${door.address().port}`], smartRouting: false, silenceMaxMs: 600_000, deadlineMs: 60_000 });
  await assert.rejects(kv.put('late', '1', { deadlineMs: 200 }), UnavailableError);
  open = true;
  held.forEach(pass);
  await kv.put('after', '1');
  assert.equal((await kv.get('late')).found, false);
  await kv.close();
  door.close();
});

test('nobody there is said with the address', async (t) => {
  const kv = connect({ addresses: ['127.0.0.1:1'], retry: { attemptsMax: 2 } });
  t.after(() => kv.close());
  await assert.rejects(kv.put('a', '1'), (e) => e instanceof UnavailableError && e.message.includes('127.0.0.1:1'));
});
