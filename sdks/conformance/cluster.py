#!/usr/bin/env python3
"""A cluster of server processes on loopback for the runners of all languages; ends, and all nodes with it, when its input does.

    cluster.py [NODES [SETTINGS]]

SETTINGS is the text of the nodes' configuration file. It prints "ready ADDRESS,ADDRESS,…" once every shard is led, then obeys one command
a line and answers each with "ok …" or "error …":

    kill NODE | stop NODE | start NODE | restart NODE
    pause NODE | resume paused
    transfer shards COUNT | transfer key HEX
    addresses

NODE is a number from 1, leading-most, leading HEX (the leader of that key), stopped (all that do not run), or paused (all that stand).
"""
import concurrent.futures
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
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import grpc  # noqa: E402
from norikv._proto import norikv_pb2 as pb  # noqa: E402
from norikv.hashing import shard_of  # noqa: E402

START_LIMIT = 60.0
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Node:
    def __init__(self, name, folder, addresses, i, settings):
        self.name = name
        self.address = addresses[i]
        self.http = f"127.0.0.1:{free_port()}"
        self.output = []
        self.process = None
        self.paused = False
        channel = grpc.insecure_channel(self.address, options=[("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 500)])
        self.transfer = channel.unary_unary(
            "/norikv.v1.Admin/TransferShard", request_serializer=pb.ShardInfo.SerializeToString,
            response_deserializer=pb.ShardInfo.FromString)
        self.line = os.environ.get("NORIKV_SERVER", "norikv").split() + ["server"]
        if settings:
            path = folder / f"{name}.yaml"
            path.write_text(settings)
            self.line.append(str(path))
        self.line += [
            "--node-id", name, "--rpc-addr", self.address, "--advertise-addr", self.address, "--http-addr", self.http,
            "--data-dir", str(folder / name), "--seed-nodes", ",".join(addresses), "--bootstrap-expect", str(len(addresses)),
            "--with-parent"]

    def begin(self):
        if self.process is not None:
            raise RuntimeError(f"{self.name} runs already")
        self.ready = threading.Event()
        self.process = subprocess.Popen(
            self.line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self.read, args=(self.process, self.ready), daemon=True).start()

    def await_ready(self):
        if not self.ready.wait(START_LIMIT) or self.process.poll() is not None:
            raise RuntimeError(f"{self.name} did not serve: " + " | ".join(self.output[-20:]))

    def end(self, number):
        process, self.process = self.process, None
        if process is None:
            raise RuntimeError(f"{self.name} does not run")
        self.paused = False
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{self.name} did not stop within 30 s") from None
        finally:
            process.stdin.close()

    def pause(self):
        """SIGSTOP; back when all its threads stand: a thread that runs on may still answer."""
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        while not all(stands(task) for task in tasks.iterdir()):
            time.sleep(0.005)

    def resume(self):
        self.paused = False
        self.process.send_signal(signal.SIGCONT)

    def read(self, process, ready):
        for line in process.stdout:
            self.output.append(line.rstrip())
            del self.output[:-100]
            if line.startswith("ready "):
                ready.set()
        ready.set()  # it ended: do not wait for it any longer

    def health(self):
        """What it says of itself; None where it does not run or answer."""
        if self.process is None or self.paused:
            return None
        try:
            with HTTP.open(f"http://{self.http}/health", timeout=5) as answer:
                return json.load(answer)
        except OSError as e:
            return json.load(e) if isinstance(e, urllib.error.HTTPError) else None
        except ValueError:
            return None


class Cluster:
    def __init__(self, count, settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="norikv-cluster-"))
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)]
        self.nodes = [Node(f"n{i + 1}", self.folder, addresses, i, settings) for i in range(count)]

    def open(self):
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.await_ready()
        self.until_led()

    def close(self):
        for node in self.nodes:
            if node.process is not None:
                node.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def until_led(self):
        late = time.monotonic() + START_LIMIT
        while True:
            leaders = self.leaders()
            total = max((h["total_shards"] for h in map(Node.health, self.nodes) if h), default=0)
            if total and len(leaders) == total:
                return
            if time.monotonic() > late:
                raise RuntimeError(f"{len(leaders)} of {total} shards are led")
            time.sleep(0.1)

    def leaders(self):
        """Shard → the node that says that it leads it, of the highest term."""
        leaders = {}
        for node in self.nodes:
            for shard in (node.health() or {"shards": []})["shards"]:
                if shard["is_leader"] and shard["raft_term"] >= leaders.get(shard["id"], (0, None))[0]:
                    leaders[shard["id"]] = (shard["raft_term"], node)
        return {shard: node for shard, (_, node) in leaders.items()}

    def leader_of(self, key):
        shard = shard_of(bytes.fromhex(key), next(h["total_shards"] for h in map(Node.health, self.nodes) if h))
        late = time.monotonic() + START_LIMIT
        while time.monotonic() < late:
            leader = self.leaders().get(shard)
            if leader is not None:
                return shard, leader
            time.sleep(0.1)
        raise RuntimeError(f"shard {shard} has no leader")

    def pick(self, words):
        if words[0] == "leading-most":
            led = list(self.leaders().values())
            return [max((n for n in self.nodes if n.process is not None and not n.paused), key=led.count)]
        if words[0] == "paused":
            return [n for n in self.nodes if n.paused]
        if words[0] == "leading":
            return [self.leader_of(words[1])[1]]
        if words[0] == "stopped":
            return [n for n in self.nodes if n.process is None]
        return [self.nodes[int(words[0]) - 1]]

    def transfer(self, words):
        if words[0] == "key":
            shard, leader = self.leader_of(words[1])
            moves = [(shard, leader)]
        else:
            leaders = self.leaders()
            moves = [(shard, leaders[shard]) for shard in random.Random(1).sample(sorted(leaders), int(words[1]))]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            moved = sum(pool.map(lambda move: self.transferred(*move), moves))
        if moved < len(moves):
            raise RuntimeError(f"only {moved} of {len(moves)} leaderships moved within {START_LIMIT:.0f} s")
        return f"{moved} of {len(moves)}"

    def transferred(self, shard, leader):
        """Asks until another node than the leader leads: one that leads since a moment, or whose followers are behind, says no at first."""
        late = time.monotonic() + START_LIMIT
        turn = shard
        while True:
            others = [n for n in self.nodes if n is not leader and n.process is not None and not n.paused]
            target = others[turn % len(others)]
            turn += 1
            wanted = pb.ShardInfo(id=shard, replicas=[pb.ShardReplica(node_id=target.name, leader=True)])
            try:
                leader.transfer(wanted, timeout=10)
                return True
            except grpc.RpcError as e:
                print(f"shard {shard} to {target.name}: {e.code()} {e.details()}", file=sys.stderr)
            if self.leaders().get(shard, leader) is not leader:
                return True
            if time.monotonic() > late:
                return False
            time.sleep(0.2)

    def obey(self, words):
        if words[0] == "addresses":
            return ",".join(n.address for n in self.nodes)
        if words[0] == "transfer":
            return self.transfer(words[1:])
        if words[0] not in ("kill", "stop", "start", "restart", "pause", "resume"):
            raise RuntimeError(f"no such command: {words[0]}")
        nodes = self.pick(words[1:])
        for node in nodes:
            if words[0] in ("pause", "resume"):
                getattr(node, words[0])()
            if words[0] == "kill":
                node.end(signal.SIGKILL)
            if words[0] in ("stop", "restart"):
                node.end(signal.SIGTERM)
        if words[0] in ("start", "restart"):
            for node in nodes:
                node.begin()
            for node in nodes:
                node.await_ready()
        return ",".join(n.name for n in nodes)


def stands(task):
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return True  # it has ended


def free_port():
    """One below those that the system gives to outgoing connections, which could take it while its server is down."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def main(count=3, settings=""):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cluster = Cluster(int(count), settings)
    try:
        cluster.open()
        print("ready " + cluster.obey(["addresses"]), flush=True)
        for line in sys.stdin:
            try:
                print("ok " + cluster.obey(line.split()), flush=True)
            except (RuntimeError, OSError) as e:
                print("error " + str(e).replace("\n", " | "), flush=True)
    except RuntimeError as e:
        print("error " + str(e).replace("\n", " | "), flush=True)
        sys.exit(1)
    finally:
        cluster.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
