"""One address, a plain gRPC client, and everything around it that moves or dies. See one-address.sh."""
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import grpc

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop", "python"))
from checks import generate  # noqa: E402

generate("proto", "norikv.proto")
import norikv_pb2 as pb  # noqa: E402

PROGRAM = sys.argv[1:]
DEADLINE = 60  # Seconds of one call. The client asks once and waits: the node it knows does the rest.
KEYS = 8
ROUNDS = 3
PATIENCE = 180


class Failed(Exception):
    pass


class Counters:
    """Callers that each count upwards in a key of their own: by compare-and-set, and by reading what they wrote."""

    def __init__(self, address):
        channel = grpc.insecure_channel(address)
        self.put = channel.unary_unary(
            "/norikv.v1.Kv/Put", pb.PutRequest.SerializeToString, pb.PutResponse.FromString)
        self.get = channel.unary_unary(
            "/norikv.v1.Kv/Get", pb.GetRequest.SerializeToString, pb.GetResponse.FromString)
        self.stop = threading.Event()
        self.calls = [0] * KEYS
        self.longest = [0.0] * KEYS
        self.wrong = []
        self.threads = [threading.Thread(target=self.count, args=(i,), daemon=True) for i in range(KEYS)]

    def count(self, number):
        key = b"one-address-%d" % number
        try:
            version = self.call(number, self.put, pb.PutRequest(key=key, value=b"0")).version
            done = 0
            while not self.stop.is_set():
                # Done twice, the second would meet another version and be refused.
                version = self.call(number, self.put, pb.PutRequest(key=key, value=b"%d" % (done + 1), if_match=version)).version
                done += 1
                found = self.call(number, self.get, pb.GetRequest(key=key))
                if found.value != b"%d" % done or found.version != version:
                    raise Failed("key %d holds %r, not %d" % (number, found.value, done))
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append("%r" % (error,))

    def call(self, number, method, request):
        begun = time.monotonic()
        answer = method(request, timeout=DEADLINE, wait_for_ready=True)
        self.calls[number] += 1
        self.longest[number] = max(self.longest[number], time.monotonic() - begun)
        return answer

    def check(self):
        if self.wrong:
            raise Failed("; ".join(self.wrong))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * DEADLINE)
        self.check()
        if any(thread.is_alive() for thread in self.threads):
            raise Failed("a call did not end by its deadline")


def until(what, condition):
    late = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > late:
            raise Failed("%s: not within %d s" % (what, PATIENCE))
        time.sleep(0.1)


def free_port():
    """Free at this moment, and below those that outgoing connections get, one of which could have a node's number while it is down."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(20000, 32000)))
                return probe.getsockname()[1]
            except OSError:
                pass


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cli(*words):
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.out, self.err = os.path.join(folder, "dev.out"), os.path.join(folder, "dev.err")
        self.started = {}
        with open(self.out, "w", encoding="utf-8") as out, open(self.err, "w", encoding="utf-8") as err:
            self.dev = subprocess.Popen(
                [*PROGRAM, "dev", "--nodes", "3", "--total-shards", "64", "--rpc-addr", "127.0.0.1:%d" % free_port(),
                 "--http-addr", "127.0.0.1:%d" % free_port()],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, "NORI_LAUNCHER": "norikv"})
        until("three nodes serve", lambda: text(self.out).count("\nready ") + text(self.out).startswith("ready ") >= 3)
        lines = re.findall(r"^ready node=(\S+) rpc=(\S+) .*pid=(\d+)", text(self.out), re.MULTILINE)
        self.address = {name: rpc for name, rpc, _ in lines}
        self.pid = {name: int(pid) for name, _, pid in lines}

    def kill(self, name):
        """SIGKILL; returns the line that starts it again, as dev prints it."""
        os.kill(self.pid[name], signal.SIGKILL)
        if name in self.started:
            self.started[name].wait()
        else:
            until("dev tells of %s" % name, lambda: re.search(r"%s \(pid \d+\) ended.*\n +norikv .*\n" % name, text(self.err)))
        return shlex.split(re.search(r"%s \(pid \d+\) ended.*\n +norikv (.*)\n" % name, text(self.err)).group(1))

    def start(self, name, line):
        path = os.path.join(self.folder, name + ".again")
        with open(path, "w", encoding="utf-8") as out:
            self.started[name] = subprocess.Popen(
                [*PROGRAM, *line], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.pid[name] = self.started[name].pid
        until("%s serves again" % name, lambda: re.search(r"^ready ", text(path), re.MULTILINE))
        until("the cluster is healthy", lambda: cli("cluster", "health", "--addr", self.address["n1"]).returncode == 0)

    def move(self, count):
        """Leaderships from node to node, as they come; what is refused is refused."""
        moved = 0
        for shard in range(count):
            moved += cli("cluster", "move-leader", str(shard), "n%d" % (1 + shard % 3), "--addr", self.address["n1"]).returncode == 0
        return moved

    def close(self):
        for process in [*self.started.values(), self.dev]:
            process.terminate()
        for process in [*self.started.values(), self.dev]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def main():
    folder = tempfile.mkdtemp(prefix="norikv-one-address-")
    cluster = Cluster(folder)
    try:
        counters = Counters(cluster.address["n1"])
        for thread in counters.threads:
            thread.start()
        moved = killed = 0
        for _ in range(ROUNDS):
            for name in ("n2", "n3"):
                moved += cluster.move(6)
                line = cluster.kill(name)
                killed += 1
                before = sum(counters.calls)
                until("calls go on without %s" % name, lambda: sum(counters.calls) > before + 10 * KEYS or counters.wrong)
                counters.check()
                cluster.start(name, line)
                counters.check()
        counters.end()
        print("one address: %d calls, none failed, longest %.2f s; %d leaderships moved, %d times another node killed"
              % (sum(counters.calls), max(counters.longest), moved, killed))
        return 0
    except Failed as failure:
        print("FAILED: %s" % failure, file=sys.stderr)
        print(text(cluster.err)[-3000:], file=sys.stderr)
        return 1
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)


# Not sys.exit: grpcio joins its threads there.
code = main()
sys.stdout.flush()
os._exit(code)
