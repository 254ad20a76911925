"""A cluster of real processes that grows 1 → 3 → 5, shrinks to 3, loses a node for good, restarts node by node and shrinks to 1, under load.

Each step is verified: every kept key holds what was written, every shard has its replicas and a leader, and as many replicas came as
the bound says. In the end the whole history is judged by `norikv check-history`. See growth.sh.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    pass


def free_ports(count):
    """Free at this moment, and below those that outgoing connections get, one of which could have a node's number while it is down."""
    held = {}
    while len(held) < count:
        port = random.randrange(20000, 32000)
        pair = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        try:
            for s in pair:
                s.bind(("127.0.0.1", port))
            held[port] = pair
        except OSError:
            for s in pair:
                s.close()
    for pair in held.values():
        for s in pair:
            s.close()
    return list(held)


class Node:
    """One server; its directory outlives its process."""

    def __init__(self, name, folder, rpc, http, environment):
        self.name, self.rpc, self.http = name, f"127.0.0.1:{rpc}", f"127.0.0.1:{http}"
        self.data = folder / name
        self.log = folder / f"{name}.log"
        self.environment = environment
        self.process = None

    def start(self, server, seeds, shards, bootstrap=None):
        line = [*server, "server", "--node-id", self.name, "--rpc-addr", self.rpc, "--http-addr", self.http, "--data-dir", str(self.data),
                "--total-shards", str(shards), "--with-parent"]
        if seeds:
            line += ["--seed-nodes", ",".join(seeds)]
        if bootstrap:
            line += ["--bootstrap-expect", str(bootstrap)]
        self.ready = threading.Event()
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=os.environ | self.environment)
        threading.Thread(target=self._read, args=(self.process, self.ready), daemon=True).start()

    def await_ready(self):
        if not self.ready.wait(120) or self.process.poll() is not None:
            raise Failed(f"{self.name} did not serve; {self.log} has what it said:\n{self.log.read_text()[-2000:]}")

    def end(self, number):
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failed(f"{self.name} did not stop within a minute") from None
        if number == signal.SIGTERM and code != 0:
            raise Failed(f"{self.name} ended with {code} on SIGTERM")

    def metric(self, name):
        """The sum of a metric over its labels; None where the node does not answer."""
        try:
            with HTTP.open(f"http://{self.http}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))

    def _read(self, process, ready):
        with open(self.log, "a") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if line.startswith("ready "):
                    ready.set()
        ready.set()


class Run:
    def __init__(self, given):
        self.given = given
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="norikv-growth-"))
        self.server = ["dotnet", given.server]
        self.shards = given.shards
        self.rates = dict(words.split("=") for words in given.clock)
        self.nodes = {}
        self.load = None
        self.began = time.monotonic()
        self.arrived_before = 0
        self.gone = 0
        self.failed_before = 0

    # ---- nodes

    def add(self, name, replacing=False):
        rpc, http = free_ports(2)
        seeds = [n.rpc for n in self.live()]
        node = Node(name, self.folder, rpc, http, self.clock_of(name))
        if replacing:
            shutil.rmtree(node.data)
        self.nodes[name] = node
        node.start(self.server, seeds, self.shards)
        node.await_ready()
        return node

    def clock_of(self, name):
        """What makes all clocks of a process run so many times as fast, from its start on."""
        if name not in self.rates:
            return {}
        return {"LD_PRELOAD": self.given.faketime, "FAKETIME": f"+0 x{self.rates[name]}"}

    def live(self):
        return [n for n in self.nodes.values() if n.process is not None]

    def cli(self, *words, check=True):
        line = [*self.server, "cluster", *words, "--addr", ",".join(n.rpc for n in self.live())]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise Failed(f"norikv cluster {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self, what):
        text = self.cli(what, "--json", check=False)
        return json.loads(text) if text.strip() else {}

    def await_live(self, count, limit=60):
        """Waits until the cluster counts so many nodes as there: one that seems to be there may not be replaced."""
        late = time.monotonic() + limit
        while (live := self.status("status").get("live")) != count:
            if time.monotonic() > late:
                raise Failed(f"{live} nodes seem to be there, not {count}, after {limit} s")
            time.sleep(0.3)

    def settle(self, members, factor, limit=180):
        """Waits until every shard has its voters and a leader, levelled, and nothing wants to move."""
        late = time.monotonic() + limit
        why = "nothing was answered"
        while time.monotonic() < late:
            status = self.status("status")
            if status:
                shards = self.status("shards").get("shards", [])
                why = self.unsettled(status, shards, members, factor)
                if why is None:
                    return shards
            time.sleep(0.3)
        raise Failed(f"not settled within {limit} s: {why}")

    def await_leaders(self, expected, what, limit=120):
        """Waits until these nodes, and nobody else, lead: all of them, or some."""
        late = time.monotonic() + limit
        while not (leaders := {s.get("leader") for s in self.status("shards").get("shards", [])}) or not leaders <= expected:
            if time.monotonic() > late:
                raise Failed(f"{leaders} lead, not {expected}: {what}, after {limit} s")
            time.sleep(0.3)

    def unsettled(self, status, shards, members, factor):
        if status["members"] != members or status["live"] != members:
            return f"{status['members']} members, {status['live']} live, not {members}"
        if status["moves_wanted"] or status["moves_in_flight"]:
            return f"{status['moves_wanted']} moves wanted, {status['moves_in_flight']} under way"
        for shard in shards:
            if not shard.get("leader"):
                return f"shard {shard['id']} has no leader"
            voters = [r for r in shard["replicas"] if not r["learner"]]
            if not shard["meta"] and len(voters) != factor:
                return f"shard {shard['id']} has {len(voters)} voters, not {factor}"
        return None

    # ---- load

    def begin_load(self):
        self.history = self.folder / "history.jsonl"
        line = ["dotnet", self.given.load, ",".join(n.rpc for n in self.live()), str(self.history), str(self.given.kept),
                str(self.given.callers), str(self.given.rate)]
        self.load = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer("ready")

    def answer(self, expected):
        line = self.load.stdout.readline()
        if not line.startswith(expected):
            raise Failed(f"the load said {line!r}, not {expected}")
        return line.split()

    def tell(self, word):
        self.load.stdin.write(word + "\n")
        self.load.stdin.flush()

    def verify(self, what, may_fail=False):
        """Reads every kept key; no call of the load may have failed since the last time."""
        self.tell("check")
        words = self.answer("checked")
        keys, lost, done, failed, longest = (int(words[i]) for i in (1, 3, 5, 7, 9))
        since = failed - self.failed_before
        self.failed_before = failed
        print(f"{time.monotonic() - self.began:6.1f} s  {what}: {keys} kept keys read, {lost} lost; {done} calls, {since} failed since, "
              f"longest {longest} ms", flush=True)
        if lost:
            raise Failed(f"{lost} keys lost behind: {what}")
        if since and not may_fail:
            raise Failed(f"{since} calls failed in: {what}")

    # ---- counting replicas that came

    def arrived(self):
        return self.gone + sum(int(n.metric("norikv_replicas_arrived_total") or 0) for n in self.live())

    def expect_arrivals(self, what, least, most):
        # A learner is in the configuration before its node has heard of that.
        late = time.monotonic() + 60
        while (now := self.arrived()) - self.arrived_before < least and not self.given.no_count and time.monotonic() < late:
            time.sleep(0.1)
        came, self.arrived_before = now - self.arrived_before, now
        print(f"          {what}: {came} replicas came as learners, the bound is {least if least == most else f'{least} to {most}'}", flush=True)
        if not self.given.no_count and not least <= came <= most:
            raise Failed(f"{what}: {came} replicas came, not {least} to {most}")

    def note_end(self, node):
        self.gone += int(node.metric("norikv_replicas_arrived_total") or 0)

    # ---- the steps

    def grow_to_three(self):
        self.add("n1")
        self.settle(1, 1)
        self.begin_load()
        self.verify("one node")
        for i, name in enumerate(("n2", "n3")):
            self.add(name)
            self.settle(2 + i, 1 if i == 0 else 3)
            # The shards, and the meta group.
            self.expect_arrivals(f"{name} joined", self.shards + 1, self.shards + 1)
            self.verify(f"{2 + i} nodes")

    def grow_to_five(self):
        for count, name in ((4, "n4"), (5, "n5")):
            self.add(name)
            self.settle(count, 3)
            # ⌊S·RF/N⌋ of shards; the meta group has five voters once there are five nodes.
            meta = {4: 0, 5: 2}[count]
            least = self.shards * 3 // count
            self.expect_arrivals(f"{name} joined", least, least + meta)
            self.verify(f"{count} nodes")

    def shrink_to_three(self):
        for count, name in ((4, "n5"), (3, "n4")):
            held = sum(any(r["node_id"] == name for r in s["replicas"]) for s in self.status("shards")["shards"])
            self.leave(name, count, 3, held - 1, held)

    def shrink_to_one(self):
        """Two nodes have one vote, so the factor falls with the first that leaves; the last one holds everything, and starts again."""
        for count, name in ((2, "n3"), (1, "n2")):
            only = sum(all(r["node_id"] == name for r in s["replicas"]) for s in self.status("shards")["shards"] if not s["meta"])
            self.leave(name, count, 1, only, only, *(["--replication-factor", "1"] if count == 2 else []))
        node = self.live()[0]
        self.note_end(node)
        node.end(signal.SIGTERM)
        node.start(self.server, [], self.shards)
        node.await_ready()
        self.settle(1, 1)
        self.verify(f"{node.name} restarted alone")
        self.arrived_before = self.arrived()

    def leave(self, name, left, factor, least, most, *words):
        """A node is drained, while as many replicas come to the others as the bound says, and is no member any more."""
        self.cli("drain", name, *words)
        self.expect_arrivals(f"{name} drained", least, most)
        self.cli("decommission", name)
        node = self.nodes[name]
        self.note_end(node)
        node.end(signal.SIGTERM)
        self.settle(left, factor)
        self.arrived_before = self.arrived()
        self.verify(f"{left} node{'s' if left > 1 else ''} again")

    def replace(self):
        """n2 dies for good; a new one takes its name with an empty directory."""
        node = self.nodes["n2"]
        self.note_end(node)
        node.end(signal.SIGKILL)
        time.sleep(self.given.dead)
        self.verify("n2 is dead")
        self.await_live(2)
        self.cli("replace", "n2")
        self.add("n2", replacing=True)
        self.settle(3, 3)
        self.expect_arrivals("n2 replaced", self.shards + 1, self.shards + 1)
        self.verify("n2 replaced")

    def rolling_restart(self):
        for node in list(self.nodes.values()):
            if node.process is None:
                continue
            self.note_end(node)
            seeds = [n.rpc for n in self.live() if n is not node]
            node.end(signal.SIGTERM)
            node.start(self.server, seeds, self.shards)
            node.await_ready()
            self.settle(3, 3)
            self.verify(f"{node.name} restarted")
        self.arrived_before = self.arrived()

    def drift(self):
        """Whose clock is half a second off leads no more, until nobody else can."""
        right = next(n for n in self.live() if n.name not in self.rates)
        others = {n.name for n in self.live() if n is not right}
        self.await_leaders({right.name}, "the others' clocks are far off")
        self.verify(f"only {right.name}, whose clock is right, leads")
        self.note_end(right)
        right.end(signal.SIGKILL)
        self.await_leaders(others, f"{right.name} is dead")
        self.verify(f"{right.name} is dead, the others lead")
        right.start(self.server, [n.rpc for n in self.live()], self.shards)
        right.await_ready()
        self.await_leaders({right.name}, f"{right.name} is back")
        self.settle(3, 3)
        self.verify(f"{right.name} is back and leads")
        self.arrived_before = self.arrived()

    def judge(self):
        self.tell("stop")
        words = self.answer("stopped")
        if self.load.wait(60) != 0:
            raise Failed("the load ended with an error")
        self.load = None
        judged = subprocess.run([*self.server, "check-history", str(self.history)], capture_output=True, text=True, timeout=600)
        print(judged.stdout.strip())
        if judged.returncode != 0:
            kept = ROOT / "artifacts" / "growth-history.jsonl"
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(self.history, kept)
            raise Failed(f"the history is not linearizable; it is kept in artifacts/{kept.name}\n{judged.stderr}")
        print(f"{words[2]} calls, {words[4]} failed, one order explains them all; {time.monotonic() - self.began:.0f} s")

    def close(self):
        for process in [self.load, *(n.process for n in self.nodes.values())]:
            if process is not None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--server", required=True)
    options.add_argument("--load", required=True)
    options.add_argument("--shards", type=int, default=16)
    options.add_argument("--kept", type=int, default=500)
    options.add_argument("--callers", type=int, default=8)
    options.add_argument("--rate", type=int, default=150)
    options.add_argument("--dead", type=float, default=2)
    options.add_argument("--no-count", action="store_true", help="print how many replicas came, but judge nothing by it")
    options.add_argument("--faketime", help="libfaketime: for --clock")
    options.add_argument("--clock", action="append", default=[], metavar="NODE=RATE", help="a node whose clocks run so many times as fast")
    options.add_argument("--steps", default="grow3,replace,rolling")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ["no_proxy"] = "127.0.0.1,localhost"
    run = Run(given)
    steps = {"grow3": run.grow_to_three, "grow5": run.grow_to_five, "shrink": run.shrink_to_three, "replace": run.replace,
             "rolling": run.rolling_restart, "alone": run.shrink_to_one, "drift": run.drift}
    try:
        for step in given.steps.split(","):
            steps[step]()
        run.judge()
        return 0
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        for node in run.nodes.values():
            if node.log.exists():
                print(f"--- {node.name}\n{node.log.read_text()[-3000:]}", file=sys.stderr)
        return 1
    finally:
        run.close()


if __name__ == "__main__":
    sys.exit(main())
