// Throughput, latency and CPU of puts and gets against the node of NORIKV_ADDR: see sdks/conformance/bench.py.
//   bench.mjs SECONDS WARM_UP
import { connect } from '@norikv/client';

const keys = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`bench-${String(i).padStart(10, '0')}`));
const client = connect();

const together = (count, work) => Promise.all(Array.from({ length: count }, (_, worker) => work(worker)));

async function load(worker, value) {
  for (let i = worker; i < keys.length; i += 64) await client.put(keys[i], value);
}

async function work(operation, value, first, end, took) {
  for (let before = performance.now(), next = first; before < end; next++) {
    const key = keys[next % keys.length];
    if (operation === 'put') await client.put(key, value);
    else if ((await client.get(key)).value.length !== value.length) throw new Error('not the value that was put');
    const after = performance.now();
    took.push(after - before);
    before = after;
  }
}

async function measure(operation, value, concurrency, seconds) {
  const took = [];
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  await together(concurrency, (worker) =>
    work(operation, value, Math.floor((worker * keys.length) / concurrency), begun + seconds * 1000, took));
  const lasted = (performance.now() - begun) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  took.sort((a, b) => a - b);
  return {
    operation, value_bytes: value.length, concurrency, operations: took.length, seconds: lasted,
    p50_us: took[Math.floor(took.length / 2)] * 1000, p99_us: took[Math.floor((took.length * 99) / 100)] * 1000,
    cpu_us: (cpu.user + cpu.system) / took.length,
  };
}

const [seconds, warmUp] = process.argv.slice(2).map(Number);
for (const size of [100, 100, 1024]) {
  const value = Buffer.alloc(size, 'v');
  await together(64, (worker) => load(worker, value));
  for (const concurrency of [64, 1]) {
    for (const operation of ['put', 'get']) {
      await measure(operation, value, concurrency, warmUp);
      console.log(JSON.stringify(await measure(operation, value, concurrency, seconds)));
    }
  }
}
await client.close();
