#!/usr/bin/env python3
"""Throughput and latency of each SDK against one node of its own, one SDK after another, and a table of them.

    bench.py [--seconds S] [--json FILE] NAME=COMMAND…

Each command is a bench program; it gets SECONDS and WARM_UP behind it and the node in NORIKV_ADDR. With values of 100 bytes, of 100 again,
and of 1,024, and one client it puts 10,000 keys of 16 bytes by 64 at once; then it measures put and get (linearizable) by 64 at once and by
1, each for WARM_UP and then SECONDS; and it prints a line of JSON for each: operation, value_bytes, concurrency, operations, seconds,
p50_us, p99_us and cpu_us, the processor time of its process for one operation.

The first round is left out: in it a virtual machine compiles the program, and the node fills its caches.
"""
import argparse
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

import cluster

WARM_UP = 2.0
ROWS = 12
DROPPED = 4
HEAD = """\
| language | operation | value | at once | per second | p50 | p99 | client CPU an operation | processors the client used |
|---|---|---:|---:|---:|---:|---:|---:|---:|"""


def measure(command, seconds):
    """The rows of one SDK, against a node that has nothing yet."""
    nodes = cluster.Cluster(1, "")
    program = None
    try:
        nodes.open()
        environment = {**os.environ, "NORIKV_ADDR": nodes.obey(["addresses"])}
        program = subprocess.Popen(
            [*shlex.split(command), str(seconds), str(WARM_UP)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True)
        text, _ = program.communicate(timeout=ROWS * (seconds + WARM_UP) + 300)
        rows = [json.loads(line) for line in text.splitlines()]
        if program.returncode or len(rows) != ROWS:
            raise RuntimeError(f"it ended with {program.returncode} after {len(rows)} of {ROWS} rows")
        return rows[DROPPED:]
    finally:
        if program is not None and program.poll() is None:
            program.kill()
            program.wait()
        nodes.close()


def time_of(us):
    return f"{us:.1f} µs" if us < 10 else f"{us:.0f} µs" if us < 1000 else f"{us / 1000:.2f} ms" if us < 10_000 else f"{us / 1000:.1f} ms"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--json")
    options.add_argument("commands", nargs="+")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    document = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"), "seconds": given.seconds, "warm_up": WARM_UP, "load_before": os.getloadavg()[0], "rows": []}
    print(f"{document['at']}, load before {document['load_before']:.1f}, {os.cpu_count()} processors, {given.seconds:g} s each", flush=True)
    print("\n" + HEAD, flush=True)
    failed = False
    for name, command in (c.split("=", 1) for c in given.commands):
        try:
            rows = measure(command, given.seconds)
        except (RuntimeError, OSError, ValueError, subprocess.TimeoutExpired) as e:
            failed = True
            print(f"{name} FAILED: {e}", flush=True)
            continue
        for row in rows:
            rate = row["operations"] / row["seconds"]
            document["rows"].append({"language": name, **row})
            print(f"| {name} | {row['operation']} | {row['value_bytes']:,} B | {row['concurrency']} | {rate:,.0f} | {time_of(row['p50_us'])} | "
                  f"{time_of(row['p99_us'])} | {time_of(row['cpu_us'])} | {rate * row['cpu_us'] / 1e6:.2f} |", flush=True)
    document["load_after"] = os.getloadavg()[0]
    print(f"\nload after {document['load_after']:.1f}")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(document, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
