#!/usr/bin/env python3
"""Every SDK writes and reads at once while the node that leads most shards is killed every 5 s and started again 2 s later.

    soak.py SECONDS NAME=COMMAND…

Each command is a runner; it gets "soak WRITERS KINDS" behind it and the nodes in NORIKV_ADDR, writes with a deadline of 10 s until its standard
input ends, in turn by compare-and-set, without a condition, in batches over two keys, and makes and deletes a key, reads back what it wrote, and prints one line of JSON: writes, errors, lost, doubled. Ends with 1 unless all of them wrote and none saw an error or lost or doubled a
write.

There are as many kills as fit into that time: where nodes take longer to start, it goes on until there were, four times as long at most.
"""
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import cluster

WRITERS = 8
KINDS = "put,plain,batch,delete"
KILL_EVERY = 5.0
DOWN = 2.0
READ_EVERY = 0.05
LONGER = 4


def disturb(nodes, seconds, processes):
    """Kills and starts nodes until as many kills as fit into that time were made; how many, and how many that is."""
    wanted = max(1, int(seconds / KILL_EVERY))
    begun, kills, next_kill = time.monotonic(), 0, time.monotonic() + 1
    while kills < wanted and time.monotonic() - begun < LONGER * seconds and all(p.poll() is None for p in processes):
        until(next_kill)
        nodes.obey(["kill", "leading-most"])
        killed = time.monotonic()
        next_kill = killed + KILL_EVERY
        until(killed + DOWN)
        nodes.obey(["start", "stopped"])
        kills += 1
    until(begun + seconds)
    return kills, wanted


def until(moment):
    while time.monotonic() < moment:
        time.sleep(READ_EVERY)


def main(seconds, commands):
    nodes = cluster.Cluster(3, "")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    processes = {}
    try:
        nodes.open()
        environment = {**os.environ, "NORIKV_ADDR": nodes.obey(["addresses"])}
        for name, command in (c.split("=", 1) for c in commands):
            processes[name] = subprocess.Popen(
                [*shlex.split(command), "soak", str(WRITERS), KINDS], env=environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun = time.monotonic()
        kills, wanted = disturb(nodes, seconds, processes.values())
        print(f"the leader of most shards was killed {kills} times in {time.monotonic() - begun:.0f} s, started again {DOWN:g} s later")
        if kills < wanted:
            print(f"FAILED: {wanted} kills fit into {seconds} s")
        return 0 if all([report(name, process) for name, process in processes.items()]) and kills >= wanted else 1
    finally:
        for process in processes.values():
            process.kill()
        nodes.close()


def report(name, process):
    try:
        text, said = process.communicate(timeout=120)
        seen = json.loads(text)
    except (subprocess.TimeoutExpired, ValueError):
        print(f"{name:<11} FAILED: " + (said if process.poll() is not None else "did not end")[-2000:])
        return False
    good = seen["writes"] > 0 and not seen["errors"] and seen["lost"] == seen["doubled"] == 0
    print(f"{name:<11} {'ok' if good else 'FAILED':<7} {seen['writes']} writes, each read back, {len(seen['errors'])} errors, "
          f"{seen['lost']} lost, {seen['doubled']} doubled")
    for error in seen["errors"][:5]:
        print("    " + error)
    return good


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
