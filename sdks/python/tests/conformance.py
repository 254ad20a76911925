#!/usr/bin/env python3
"""The conformance suite by the Python client: see sdks/conformance/README.md. Ends with 1 when a scenario failed."""
from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
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


class Scenario:
    def __init__(self, scenario, server):
        self.scenario, self.server, self.saved = scenario, server, {}
        self.prefix = f"{scenario['name']}/{uuid.uuid4().hex[:8]}/"
        self.client, self.views, self.view, self.writers = None, None, None, None

    async def run(self):
        self.client = self.connect(self.scenario.get("client", {}))
        try:
            for number, step in enumerate(self.scenario["steps"], 1):
                try:
                    await self.step(step)
                except (Failed, norikv.NoriKVError) as e:
                    raise Failed(f"step {number} ({step['do']}): {e}") from e
        finally:
            if self.writers:
                await self.writers.stop()
            if self.views:
                await self.views.aclose()
            await self.client.close()

    def connect(self, options):
        return norikv.AsyncClient(
            self.server.address, deadline=options.get("deadline_ms", 30000) / 1000,
            retry=norikv.RetryPolicy() if options.get("retries", True) else norikv.RetryPolicy.none(),
            smart_routing=options.get("smart_routing", True))

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
        if do == "client":
            await self.client.close()
            self.client = self.connect(step)
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
            self.writers = Writers(self, step["writers"])
        elif do == "written":
            await self.writers.written(step["more"])
        elif do == "stop_writing":
            await self.writers.finish(step["more"], step["expect"])
        elif do == "hash_vectors":
            hash_vectors(ROOT / step["file"])
        else:
            await self.one(step)

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
            return {"pairs": [p async for p in client.scan(**self.scanning(step))]}
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
        if name == "within_ms":
            return o["took"] <= value
        if name in ("found", "tombstoned", "count", "serving"):
            return o.get(name) == value
        raise Failed(f"the runner does not know the expectation {name}")


class Writers:
    """Each counts up its own key with compare-and-set: a write done twice meets its own effect, a lost one is missed."""

    def __init__(self, run, count):
        self.client, self.done, self.errors, self.lost, self.doubled = run.client, [0] * count, [], 0, 0
        self.stopping = False
        self.tasks = [asyncio.ensure_future(self.write(w, run.key(f"writer-{w}"))) for w in range(count)]

    async def write(self, writer, key):
        version, value = None, b""
        try:
            while not self.stopping:
                value = str(self.done[writer] + 1).encode()
                version = (await self.client.compare_and_set(key, value, version)).version
                await self.check(key, value, version)
                self.done[writer] += 1
            await self.check(key, value, version)
        except (norikv.VersionMismatchError, norikv.AlreadyExistsError):
            self.doubled += 1
        except norikv.NoriKVError as e:
            self.errors.append(e)

    async def check(self, key, value, version):
        got = await self.client.get(key)
        self.lost += got.version != version or got.value != value

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


def result(r):
    if isinstance(r, norikv.NoriKVError):
        return {"error": r}
    found = {"version": r.version, "meta": r.meta}
    if isinstance(r, norikv.GetResult):
        found.update(found=r.found, value=r.value)
    if isinstance(r, norikv.DeleteResult):
        found.update(tombstoned=r.tombstoned)
    return found


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


def run_one(scenario, shared):
    if "needs" in scenario:
        return "not_runnable", f"needs a {scenario['needs']}"
    own = scenario.get("server")
    try:
        if own is None:
            if not shared:
                shared.append(EphemeralServer().start())
            asyncio.run(Scenario(scenario, shared[0]).run())
        else:
            settings = json.dumps(own["settings"]) if "settings" in own else None
            with EphemeralServer(configuration=settings) as server:
                asyncio.run(Scenario(scenario, server).run())
        return "passed", ""
    except Exception as e:
        while own is None and shared:  # perhaps it is stopped or frozen: the next scenario gets another
            shared.pop().close()
        return "failed", str(e) if isinstance(e, Failed) else traceback.format_exc()


def main():
    only = [n for n in os.environ.get("NORIKV_CONFORMANCE_ONLY", "").split(",") if n]
    results, shared = [], []
    try:
        for path in sorted((ROOT / "scenarios").glob("*.json")):
            for scenario in json.loads(path.read_text())["scenarios"]:
                if only and scenario["name"] not in only:
                    continue
                begun = time.monotonic()
                status, detail = run_one(scenario, shared)
                ms = round((time.monotonic() - begun) * 1000)
                print(f"{status:<12} {scenario['name']} ({ms} ms){': ' + detail if detail else ''}", flush=True)
                results.append({"scenario": scenario["name"], "status": status, "detail": detail, "ms": ms})
    finally:
        for server in shared:
            server.close()
    if os.environ.get("NORIKV_CONFORMANCE_RESULTS"):
        pathlib.Path(os.environ["NORIKV_CONFORMANCE_RESULTS"]).write_text(
            json.dumps({"language": "python", "results": results}))
    return 1 if any(r["status"] == "failed" for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
