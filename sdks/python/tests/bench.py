#!/usr/bin/env python3
"""Throughput, latency and CPU of puts and gets by AsyncClient against the node of NORIKV_ADDR: see sdks/conformance/bench.py.

    bench.py SECONDS WARM_UP
"""
import asyncio
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import norikv  # noqa: E402

KEYS = [b"bench-%010d" % i for i in range(10_000)]


async def load(client, worker, value):
    for key in KEYS[worker::64]:
        await client.put(key, value)


async def work(client, operation, value, first, end, took):
    before = time.perf_counter()
    while before < end:
        key = KEYS[first % len(KEYS)]
        first += 1
        if operation == "put":
            await client.put(key, value)
        elif len((await client.get(key)).value) != len(value):
            raise RuntimeError("not the value that was put")
        after = time.perf_counter()
        took.append(after - before)
        before = after


async def measure(client, operation, value, concurrency, seconds):
    took, cpu, begun = [], time.process_time(), time.perf_counter()
    await asyncio.gather(*(
        work(client, operation, value, worker * len(KEYS) // concurrency, begun + seconds, took) for worker in range(concurrency)))
    lasted, cpu = time.perf_counter() - begun, time.process_time() - cpu
    took.sort()
    return {
        "operation": operation, "value_bytes": len(value), "concurrency": concurrency, "operations": len(took), "seconds": lasted,
        "p50_us": took[len(took) // 2] * 1e6, "p99_us": took[len(took) * 99 // 100] * 1e6, "cpu_us": cpu * 1e6 / len(took)}


async def main(seconds, warm_up):
    async with norikv.AsyncClient() as client:
        for size in (100, 100, 1024):
            value = b"v" * size
            await asyncio.gather(*(load(client, worker, value) for worker in range(64)))
            for concurrency in (64, 1):
                for operation in ("put", "get"):
                    await measure(client, operation, value, concurrency, warm_up)
                    print(json.dumps(await measure(client, operation, value, concurrency, seconds)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
