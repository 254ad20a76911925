#!/usr/bin/env python3
"""The conformance suite by the Python client: see sdks/conformance/README.md. Ends with 1 when a scenario failed."""
from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import norikv  # noqa: E402
from norikv import hashing  # noqa: E402
from norikv.testing import EphemeralServer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2] / "conformance"
NOTHING = object()


class Failed(Exception):
    pass


class Cluster:
    """The nodes of a scenario that needs several: a process of sdks/conformance/cluster.py that is told what to do with them."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "cluster.py"), str(wanted["nodes"]), json.dumps(wanted["settings"]) if "settings" in wanted else ""],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addresses = self.answer("ready ").split(",")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.answer("ok")

    def answer(self, wanted):
        line = self.process.stdout.readline()
        if not line.startswith(wanted):
            raise Failed(f"the cluster: {line}")
        return line[len(wanted):].strip()

    def close(self):
        self.process.stdin.close()  # its end, and that of the nodes
        self.process.wait()


class Scenario:
    def __init__(self, scenario, server):
        self.scenario, self.server, self.saved = scenario, server, {}
        self.prefix = f"{scenario['name']}/{uuid.uuid4().hex[:8]}/"
        self.client, self.views, self.view, self.writers, self.scanner, self.silent = None, None, None, None, None, None
        self.begun, self.occupied = {}, None

    async def run(self):
        self.client = self.connect(self.scenario.get("client", {}))
        try:
            for number, step in enumerate(self.scenario["steps"], 1):
                try:
                    await self.step(step)
                except (Failed, norikv.NoriKVError) as e:
                    raise Failed(f"step {number} ({step['do']}): {e}") from e
        finally:
            for task in self.begun.values():
                task.cancel()
            await asyncio.gather(*self.begun.values(), return_exceptions=True)
            if self.writers:
                await self.writers.stop()
            if self.scanner:
                await self.scanner.stop()
            if self.views:
                await self.views.aclose()
            await self.client.close()
            for listener in (self.silent, self.occupied):
                if listener:
                    listener.close()

    def connect(self, options):
        own = self.server.addresses if isinstance(self.server, Cluster) else [self.server.address]
        return norikv.AsyncClient(
            *(a for name in options.get("addresses", ["server"]) for a in self.named(name, own)), deadline=options.get("deadline_ms", 30000) / 1000,
            retry=norikv.RetryPolicy(attempts_max=options.get("attempts", 1000 if options.get("retries", True) else 1)),
            smart_routing=options.get("smart_routing", True), in_flight_max=options.get("in_flight_max", 1024),
            tls=norikv.Tls(root_certificates=(ROOT / options["tls"]).read_bytes(), server_name=options.get("server_name"))
            if "tls" in options else None)

    def named(self, name, own):
        if name == "silent":  # it takes connections and says nothing: nobody accepts them
            self.silent = self.silent or socket.create_server(("127.0.0.1", 0))
            return [f"127.0.0.1:{self.silent.getsockname()[1]}"]
        return own if name == "server" else [name]

    # Bytes and keys

    def text(self, form, i=""):
        return form.replace("{run}", self.prefix).replace("{i}", i)

    def data(self, form, i=""):
        if isinstance(form, str):
            return self.text(form, i).encode()
        return bytes.fromhex(form["hex"]) if "hex" in form else bytes.fromhex(form["fill"]) * form["times"]

    def key(self, form, i=""):
        if isinstance(form, dict) and "raw" in form:
            return form["raw"].encode()
        if isinstance(form, dict) and "size" in form:
            return self.prefix.ljust(form["size"], "k").encode()
        return self.prefix.encode() + self.data(form, i)

    def keys(self, form):
        if isinstance(form, list):
            return [self.key(k) for k in form]
        first, last = form["first"], form["last"]
        numbers = range(first, last - 1, -1) if last < first else range(first, last + 1)
        return [self.key(form["numbered"] + str(n).zfill(form["digits"])) for n in numbers]

    # Steps

    async def step(self, step):
        do = step["do"]
        if "node" in step:
            leading = " " + self.key(step["key"]).hex() if step["node"] == "leading" else ""
            await asyncio.to_thread(self.server.tell, f"{do} {step['node']}{leading}")
        elif do == "transfer":
            which = "key " + self.key(step["key"]).hex() if "key" in step else f"shards {step['shards']}"
            await asyncio.to_thread(self.server.tell, f"transfer {which}")
        elif do == "start" and step.get("fails"):
            try:
                await asyncio.to_thread(self.server.start)
            except RuntimeError:
                return
            raise Failed("it started")
        elif do == "occupy":
            self.occupied = socket.create_server(("127.0.0.1", int(self.server.address.rpartition(":")[2])))
        elif do == "free":
            self.occupied.close()
        elif do == "orphan":
            await asyncio.to_thread(outlived, step["how"])
        elif do in ("stop", "start", "kill"):
            await asyncio.to_thread(getattr(self.server, do))
        elif do == "restart":
            await asyncio.to_thread(self.server.stop)
            await asyncio.to_thread(self.server.start)
        elif do in ("pause", "resume"):
            os.kill(self.server.pid, signal.SIGSTOP if do == "pause" else signal.SIGCONT)
            # The signal is under way when kill ends: a thread that runs on may still answer.
            while do == "pause" and not all_threads_stand(self.server.pid):
                await asyncio.sleep(0.005)
        elif do == "many":
            await self.many(step)
        elif do == "start_writing":
            self.writers = Writers(self, step["writers"], step.get("kinds", ["put"]))
        elif do == "written":
            await self.writers.written(step["more"])
        elif do == "stop_writing":
            await self.writers.finish(step["more"], step["expect"])
        elif do == "start_scanning":
            self.scanner = Scanner(self.client, self.key(step["prefix"]), self.keys(step["expect_keys"]))
        elif do == "stop_scanning":
            await self.scanner.finish(step["more"], step["expect"])
        elif do == "begin":
            self.begun[step["as"]] = asyncio.ensure_future(self.attempt(step["step"]))
            await asyncio.sleep(0)
        elif do == "cancel":
            self.begun[step["of"]].cancel()
        elif do == "end":
            await self.end(step)
        elif do == "printed":
            await self.printed(step["lines"])
        elif do == "hash_vectors":
            hash_vectors(ROOT / step["file"])
        else:
            await self.one(step)

    async def end(self, step):
        task = self.begun.pop(step["of"])
        done, _ = await asyncio.wait({task}, timeout=10)
        if not done:
            task.cancel()
            raise Failed(f"{step['of']} did not end")
        wrong = self.differs({"cancelled": True} if task.cancelled() else {"cancelled": False, **task.result()}, step["expect"])
        if wrong:
            raise Failed(wrong)

    async def printed(self, lines):
        begun = time.monotonic()
        while (got := [line for line in self.server.output.splitlines() if line.startswith("got ")]) != lines:
            if len(got) > len(lines) or time.monotonic() - begun > 30:
                raise Failed(f"the node printed {got}")
            await asyncio.sleep(0.02)

    async def many(self, many):
        step, expect = many["step"], many.get("expect")
        numbers = [str(i).zfill(many.get("digits", 1)) for i in range(many["count"])]
        if expect is None:
            await asyncio.gather(*(self.one(step, i) for i in numbers))
            return
        outcomes = await asyncio.gather(*(self.attempt(step, i) for i in numbers))
        errors = [o["error"] for o in outcomes if "error" in o]
        for error in errors:
            if error.code not in expect["errors"]:
                raise Failed(f"one of the many ended with {error.code}: {error}")
        succeeded = len(outcomes) - len(errors)
        if succeeded != expect.get("succeeded", succeeded) or succeeded < expect.get("succeeded_at_least", 0):
            raise Failed(f"{succeeded} succeeded")

    async def one(self, step, i=""):
        if "until" in step:
            begun = time.monotonic()
            while time.monotonic() - begun < step["within_ms"] / 1000:
                if self.differs(await self.attempt(step, i), step["until"], i) is None:
                    return
                await asyncio.sleep(0.02)
            raise Failed(f"never came to {step['until']}")
        outcome = await self.attempt(step, i)
        wrong = self.differs(outcome, step.get("expect", {}), i)
        if wrong:
            raise Failed(wrong)
        if "save" in step:
            self.saved[step["save"]] = outcome.get("token", outcome.get("version"))

    async def attempt(self, step, i=""):
        begun = time.monotonic()
        try:
            outcome = await self.operation(step, i)
        except norikv.NoriKVError as e:
            outcome = {"error": e}
        return {**outcome, "took": (time.monotonic() - begun) * 1000}

    async def operation(self, step, i):
        do, client = step["do"], self.client
        if do in ("client", "close"):
            await client.close()
            self.client = self.connect(step) if do == "client" else client
            return {}
        late = {"deadline": step["deadline_ms"] / 1000} if "deadline_ms" in step else {}
        if do == "put":
            return result(await client.put(
                self.key(step["key"], i), self.data(step["value"], i), **self.conditions(step, i), **late))
        if do == "get":
            read = client.get_required if step.get("must_exist") else client.get
            return result(await read(self.key(step["key"], i), **reading(step), **late))
        if do == "delete":
            return result(await client.delete(self.key(step["key"], i), **self.conditions(step, i), **late))
        if do == "batch":
            more = {"idempotency_key": self.text(step["idempotency_key"])} if "idempotency_key" in step else {}
            results = await client.batch(
                [self.batched(o) for o in step["operations"]], require_atomic=step.get("require_atomic", False), **more)
            return {"results": [result(r) for r in results]}
        if do == "scan":
            pairs, slow = [], step.get("slow", {"at": 0})
            async for pair in client.scan(**self.scanning(step)):
                pairs.append(pair)
                if len(pairs) == slow["at"]:
                    await asyncio.sleep(slow["ms"] / 1000)
            return {"pairs": pairs}
        if do == "page":
            page = await client.scan_page(**self.scanning(step))
            return {"pairs": list(page.pairs), "token": page.next_page_token}
        if do == "count":
            return {"count": await client.count(**self.scanning(step))}
        if do == "view":
            return {"view": await client.cluster_view()}
        if do == "health":
            return {"serving": await client.is_serving()}
        if do == "watch":
            self.views = client.watch_cluster()
            self.view = await self.views.__anext__()
            return {"view": self.view}
        if do == "watch_newer":
            return {"view": await asyncio.wait_for(self.newer(self.view.epoch), 60)}
        raise Failed(f"the runner does not know the step {do}")

    async def newer(self, epoch):
        async for view in self.views:
            if view.epoch > epoch and every_shard_led(view):
                return view

    def conditions(self, step, i=""):
        found = {}
        if "ttl_ms" in step:
            found["ttl"] = step["ttl_ms"] / 1000
        if "if_match" in step:
            found["if_match"] = self.saved[step["if_match"][1:]]
        if "if_not_exists" in step:
            found["if_not_exists"] = step["if_not_exists"]
        if "idempotency_key" in step:
            found["idempotency_key"] = self.text(step["idempotency_key"], i)
        return found

    def batched(self, operation):
        (kind, fields), = operation.items()
        if kind == "put":
            return norikv.Put(self.key(fields["key"]), self.data(fields["value"]), **self.conditions(fields))
        if kind == "delete":
            return norikv.Delete(self.key(fields["key"]), **self.conditions(fields))
        return norikv.Get(self.key(fields["key"]), **reading(fields))

    def scanning(self, step):
        found = {name: self.key(step[name]) for name in ("prefix", "start", "end") if name in step}
        found.update({name: step[name] for name in ("reverse", "limit", "keys_only") if name in step})
        if "page_token" in step:
            found["page_token"] = self.saved[step["page_token"][1:]]
        return {**found, **reading(step)}

    # Expectations

    def differs(self, o, expect, i=""):
        if "error" in o and "error" not in expect:
            return f"ended with {o['error'].code}: {o['error']}"
        for name, value in expect.items():
            if not self.holds(o, name, value, i):
                return f"expected {name} {value}, got {str({k: v for k, v in o.items() if k != 'view'})[:600]}"
        return None

    def holds(self, o, name, value, i):
        if name == "error":
            return "error" in o and o["error"].code in (value if isinstance(value, list) else [value])
        if name == "message":
            return "error" in o and value in str(o["error"])
        if name == "without":
            return "error" in o and value not in str(o["error"])
        if name == "value":
            return any(o.get("value") == self.data(v, i) for v in (value if isinstance(value, list) else [value]))
        if name == "size":
            return len(o.get("value", b"")) == value
        if name == "version":
            return o.get("version") == self.saved[value[1:]]
        if name == "newer_than":
            return o.get("version") is not None and o["version"] > self.saved[value[1:]]
        if name == "meta":
            meta = o.get("meta", {})
            return all(meta.get(k) if v is True else meta.get(k) == v for k, v in value.items())
        if name == "keys":
            return [p.key for p in o["pairs"]] == self.keys(value)
        if name == "values":
            return [p.value for p in o["pairs"]] == [self.data(v, i) for v in value]
        if name == "bytes":
            return sum(len(p.value) for p in o["pairs"]) == value
        if name == "more":
            return bool(o["token"]) == value
        if name == "results":
            return len(o["results"]) == len(value) and not any(self.differs(r, v, i) for r, v in zip(o["results"], value))
        if name == "result_errors":
            errors = sorted(str(r["error"].code) for r in o["results"] if "error" in r)
            return errors == sorted(code for code, count in value.items() for _ in range(count))
        if name == "epoch_at_least":
            return o["view"].epoch >= value
        if name == "total_shards":
            return o["view"].total_shards == len(o["view"].shards) == value
        if name == "every_shard_led":
            return every_shard_led(o["view"])
        if name == "after_ms":
            return o["took"] >= value
        if name == "within_ms":
            return o["took"] <= value
        if name in ("found", "tombstoned", "count", "serving", "cancelled"):
            return o.get(name) == value
        raise Failed(f"the runner does not know the expectation {name}")


class Writers:
    """Each counts up its own key with compare-and-set: a write done twice meets its own effect, a lost one is missed.

    By kind: put; plain: without a condition; large: values of 1 MiB; batch: with a second key; delete: the key is made and deleted again.
    """

    def __init__(self, run, count, kinds=("put",)):
        self.kinds = kinds
        self.client, self.done, self.errors, self.lost, self.doubled = run.client, [0] * count, [], 0, 0
        self.stopping = False
        self.tasks = [asyncio.ensure_future(self.write(w, run.key(f"writer-{w}"))) for w in range(count)]

    async def write(self, writer, key):
        version, value, kind = None, b"", self.kinds[writer % len(self.kinds)]
        try:
            while not self.stopping:
                value = str(self.done[writer] + 1).encode().ljust(1 << 20 if kind == "large" else 0)
                version = await self.once(kind, key, value, version)
                await self.check(key, value, version)
                if kind == "batch":
                    self.lost += (await self.client.get(key + b"-too")).value != value
                if kind == "delete":
                    # Deleted once: twice would find nothing.
                    self.doubled += not (await self.client.delete(key, if_match=version)).tombstoned
                    version = None
                    await self.check(key, value, version)
                self.done[writer] += 1
            await self.check(key, value, version)
        except (norikv.VersionMismatchError, norikv.AlreadyExistsError):
            self.doubled += 1
        except norikv.NoriKVError as e:
            self.errors.append(e)

    async def once(self, kind, key, value, version):
        if kind == "plain":
            return (await self.client.put(key, value)).version
        if kind != "batch":
            return (await self.client.compare_and_set(key, value, version)).version
        for result in (results := await self.client.batch([
                norikv.Put(key, value, if_match=version, if_not_exists=version is None), norikv.Put(key + b"-too", value)])):
            if isinstance(result, norikv.NoriKVError):
                raise result
        return results[0].version

    async def check(self, key, value, version):
        got = await self.client.get(key)
        self.lost += got.version != version or got.value != (value if version else b"")

    async def written(self, more):
        before, begun = list(self.done), time.monotonic()
        while any(not t.done() and d < b + more for t, d, b in zip(self.tasks, self.done, before)):
            if time.monotonic() - begun > 60:
                raise Failed(f"the writers stand at {self.done}")
            await asyncio.sleep(0.02)

    async def finish(self, more, expect):
        await self.written(more)
        await self.stop()
        for error in self.errors:
            if error.code not in expect["errors"]:
                raise Failed(f"a writer saw {error.code}: {error}")
        if (self.lost, self.doubled) != (expect["lost"], expect["doubled"]):
            raise Failed(f"{self.lost} lost, {self.doubled} doubled")

    async def stop(self):
        self.stopping = True
        await asyncio.gather(*self.tasks)


class Scanner:
    """Scans one prefix again and again and compares with the keys that must be there."""

    def __init__(self, client, prefix, keys):
        self.client, self.prefix, self.keys, self.done, self.stopping = client, prefix, keys, 0, False
        self.task = asyncio.ensure_future(self.scan())

    async def scan(self):
        while not self.stopping:
            got = [p.key async for p in self.client.scan(prefix=self.prefix)]
            if got != self.keys:
                raise Failed(f"{len(got)} keys, or others, not {len(self.keys)}")
            self.done += 1

    async def finish(self, more, expect):
        before, begun = self.done, time.monotonic()
        while not self.task.done() and self.done < before + more:
            if time.monotonic() - begun > 60:
                raise Failed(f"the scanner stands at {self.done}")
            await asyncio.sleep(0.02)
        self.stopping = True
        try:
            await self.task
        except norikv.NoriKVError as e:
            if e.code not in expect["errors"]:
                raise Failed(f"the scanner saw {e.code}: {e}") from e

    async def stop(self):
        self.stopping = True
        await asyncio.wait([self.task])


def result(r):
    if isinstance(r, norikv.NoriKVError):
        return {"error": r}
    found = {"version": r.version, "meta": r.meta}
    if isinstance(r, norikv.GetResult):
        found.update(found=r.found, value=r.value)
    if isinstance(r, norikv.DeleteResult):
        found.update(tombstoned=r.tombstoned)
    return found


def outlived(how):
    """A program of its own starts a server and ends: the server ends, too."""
    with subprocess.Popen([sys.executable, __file__, "orphan", how], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as program:
        server = int(program.stdout.readline())
        if how != "exit":
            program.send_signal(getattr(signal, "SIG" + how))
    begun = time.monotonic()
    while is_alive(server):
        if time.monotonic() - begun > 60:
            os.kill(server, signal.SIGKILL)
            raise Failed(f"the server outlived its program ({how})")
        time.sleep(0.02)


def is_alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return stat[stat.rindex(")") + 2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def orphan(how):
    print(EphemeralServer().start().pid, flush=True)
    if how == "exit":
        os._exit(0)
    time.sleep(600)


def all_threads_stand(pid):
    stats = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat[stat.rindex(")") + 2] == "T" for stat in stats)


def reading(step):
    found = {"consistency": step["consistency"]} if "consistency" in step else {}
    if "max_staleness_ms" in step:
        found["max_staleness"] = step["max_staleness_ms"] / 1000
    return found


def every_shard_led(view):
    dialable = {n.id for n in view.nodes if ":" in n.address and not n.address.startswith("0.0.0.0")}
    leaders = [[r.node_id for r in s.replicas if r.leader] for s in view.shards]
    return bool(leaders) and all(len(ids) == 1 and ids[0] in dialable for ids in leaders)


def hash_vectors(path):
    document = json.loads(path.read_text())
    counts = document["shard_counts"]
    for tags, vectors in ((False, document["vectors"]), (True, document["hash_tags"])):
        for vector in vectors:
            key = bytes.fromhex(vector["key_hex"])
            for implementation in (hashing.xxhash64, hashing._python_xxhash64):
                hashed = implementation(hashing.hashed_part(key) if tags else key)
                if hashed != int(vector["xxh64"]):
                    raise Failed(f"hash of {vector['key_hex']}")
            if [norikv.shard_of(key, n, tags) for n in counts] != vector["shards"]:
                raise Failed(f"shards of {vector['key_hex']}")


class Servers:
    """One server, and one cluster, for all scenarios that want the same."""

    def __init__(self):
        self.one, self.cluster = None, None

    def of(self, wanted):
        if wanted is None:
            self.one = self.one or EphemeralServer().start()
            return self.one
        if self.cluster and self.cluster.wanted != wanted:
            self.close(wanted)
        self.cluster = self.cluster or Cluster(wanted)
        self.cluster.tell("start stopped")
        return self.cluster

    def close(self, wanted):
        if wanted is None and self.one:
            self.one.close()
            self.one = None
        if wanted and self.cluster:
            self.cluster.close()
            self.cluster = None


def run_one(scenario, servers):
    wanted = scenario.get("server")
    try:
        if wanted is None or "nodes" in wanted:
            asyncio.run(Scenario(scenario, servers.of(wanted)).run())
        else:
            with EphemeralServer(
                    command=["/usr/bin/python3", str(ROOT / "scripted.py")] if wanted.get("scripted") else None,
                    configuration=json.dumps(wanted["settings"]).replace("{root}", str(ROOT))) as server:
                asyncio.run(Scenario(scenario, server).run())
        return "passed", ""
    except Exception as e:
        servers.close(wanted)  # perhaps it is stopped or frozen: the next scenario gets another
        return "failed", str(e) if isinstance(e, Failed) else traceback.format_exc()


def tell_where_it_stands():
    """On SIGQUIT, of a run that took too long: what each thread does, then what each task of the loop waits for; then it ends."""
    def tell_tasks(number, frame):
        loop = asyncio._get_running_loop()
        for task in asyncio.all_tasks(loop) if loop else ():
            task.print_stack(file=sys.stderr)
        os._exit(128 + number)

    signal.signal(signal.SIGQUIT, tell_tasks)
    faulthandler.register(signal.SIGQUIT, chain=True)


async def soak(count, kinds):
    """Writers against the nodes of NORIKV_ADDR until standard input ends; prints what they saw."""
    async with norikv.AsyncClient(deadline=10) as client:
        class Run:
            def key(self, form):
                return f"soak/python/{uuid.uuid4().hex[:8]}/{form}".encode()
        run = Run()
        run.client = client
        writers = Writers(run, count, kinds)
        await asyncio.to_thread(sys.stdin.read)
        await writers.stop()
        print(json.dumps({
            "language": "python", "writes": sum(writers.done), "errors": [str(e) for e in writers.errors], "lost": writers.lost,
            "doubled": writers.doubled}), flush=True)


def main():
    if sys.argv[1:2] == ["soak"]:
        asyncio.run(soak(int(sys.argv[2]), sys.argv[3].split(",")))
        return 0
    if sys.argv[1:2] == ["orphan"]:
        orphan(sys.argv[2])
        return 0
    tell_where_it_stands()
    only = [n for n in os.environ.get("NORIKV_CONFORMANCE_ONLY", "").split(",") if n]
    results, servers = [], Servers()
    try:
        for path in sorted((ROOT / "scenarios").glob("*.json")):
            for scenario in json.loads(path.read_text())["scenarios"]:
                if only and scenario["name"] not in only:
                    continue
                begun = time.monotonic()
                status, detail = run_one(scenario, servers)
                ms = round((time.monotonic() - begun) * 1000)
                print(f"{status:<12} {scenario['name']} ({ms} ms){': ' + detail if detail else ''}", flush=True)
                results.append({"scenario": scenario["name"], "status": status, "detail": detail, "ms": ms})
    finally:
        servers.close(None)
        servers.close(True)
    if os.environ.get("NORIKV_CONFORMANCE_RESULTS"):
        pathlib.Path(os.environ["NORIKV_CONFORMANCE_RESULTS"]).write_text(
            json.dumps({"language": "python", "results": results}))
    return 1 if any(r["status"] == "failed" for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
