"""What needs no server."""
import asyncio
import dataclasses
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import norikv  # noqa: E402
from norikv import _wire, hashing  # noqa: E402
from norikv._proto import norikv_pb2 as pb  # noqa: E402
from norikv._routing import Backoff, Router, RoutingTable  # noqa: E402
from norikv._transport import RpcFailure  # noqa: E402
from norikv._session import WINDOW, SessionPool  # noqa: E402
from norikv.options import Options, is_address  # noqa: E402


class Sessions(unittest.TestCase):
    def test_a_sequence_stays_within_the_window_of_the_oldest_unresolved_one(self):
        for seed in range(5):
            draw, pool, held = random.Random(seed), SessionPool(), []
            for _ in range(20000):
                if held and (len(held) > 900 or draw.random() < 0.5):
                    # Mostly the newest, so that one old write stays unresolved for long.
                    session, sequence = held.pop(draw.choice((-1, -1, -1, draw.randrange(len(held)))))
                    session.release(sequence)
                else:
                    session, sequence, text = pool.acquire()
                    self.assertTrue(text.startswith(f"s1:{session.name}:{sequence}:"), text)
                    oldest = min([q for s, q in held if s is session], default=sequence)
                    self.assertLess(sequence - oldest, WINDOW, f"seed {seed}")
                    held.append((session, sequence))

    def test_one_slow_write_moves_the_others_to_another_session(self):
        pool = SessionPool()
        slow, _, _ = pool.acquire()
        for _ in range(WINDOW - 1):
            session, sequence, _ = pool.acquire()
            session.release(sequence)
            self.assertIs(slow, session)
        self.assertIsNot(slow, pool.acquire()[0])

    def test_no_two_clients_share_a_session(self):
        self.assertNotEqual(SessionPool().acquire()[0].name, SessionPool().acquire()[0].name)


class Waits(unittest.TestCase):
    def test_waits_grow_to_their_bound_and_never_undercut_the_server(self):
        policy = norikv.RetryPolicy()
        backoff = Backoff(policy, random.Random(1))
        for retry in range(40):
            bound = min(policy.backoff_max, policy.backoff_initial * 2 ** retry)
            self.assertLessEqual(backoff.next_wait(retry, None), bound)
            self.assertGreaterEqual(backoff.next_wait(retry, 0.3), 0.3)

    def test_an_exhausted_budget_slows_and_success_pays_it_back(self):
        backoff = Backoff(norikv.RetryPolicy(budget_max=3), random.Random(1))
        for _ in range(3):
            self.assertLessEqual(backoff.next_wait(0, None), 0.010)
        self.assertGreater(max(backoff.next_wait(0, None) for _ in range(50)), 0.010)
        for _ in range(20):
            backoff.succeeded()
        self.assertLessEqual(backoff.next_wait(0, None), 0.010)


def view(leaders, total=16, epoch=1):
    nodes = sorted(set(leaders))
    return norikv.ClusterView(
        epoch, tuple(norikv.Node(n, f"{n}:1", "leader") for n in nodes),
        tuple(norikv.Shard(i, tuple(norikv.Replica(n, n == leaders[i % len(leaders)]) for n in nodes)) for i in range(total)),
        "c", total, False)


class Routing(unittest.TestCase):
    def test_a_key_goes_to_its_leader_a_hint_goes_first_and_every_other_attempt_elsewhere(self):
        router = Router(Options(addresses=("seed:1",)))
        self.assertEqual("seed:1", router.pick(b"k", 0, None))
        router.table = RoutingTable(view(["a", "b", "c"]))
        leader = ["a", "b", "c"][norikv.shard_of(b"k", 16) % 3] + ":1"
        self.assertEqual(leader, router.pick(b"k", 0, None))
        self.assertEqual("hint:9", router.pick(b"k", 0, "hint:9"))
        self.assertGreater(len({router.pick(b"k", 1, None) for _ in range(8)}), 2)

    def test_an_unreachable_address_is_left_out_while_there_is_another(self):
        router = Router(Options(addresses=("a:1", "b:1")))
        router.unreachable("a:1")
        self.assertEqual({"b:1"}, {router.pick(b"", 0, None) for _ in range(4)})
        router.unreachable("b:1")
        self.assertEqual({"a:1", "b:1"}, {router.pick(b"", 0, None) for _ in range(4)})
        router.reached("a:1")
        self.assertEqual({"a:1"}, {router.pick(b"", 0, None) for _ in range(4)})

    def test_addresses(self):
        for good in ("h:1", "[::1]:7447", "127.0.0.1:65535"):
            self.assertTrue(is_address(good), good)
        for bad in ("h", "h:", ":1", "h:0", "h:65536", "a:b:1", "http://h:1", None, ""):
            self.assertFalse(is_address(bad), bad)


class Wire(unittest.TestCase):
    def test_statuses_become_the_codes_of_the_contract(self):
        for code, message, expected in (
                (9, "Version mismatch: x", "VERSION_MISMATCH"), (9, "other", "FAILED_PRECONDITION"), (6, "", "ALREADY_EXISTS"),
                (14, "NOT_LEADER", "NOT_LEADER"), (14, "QUORUM_UNAVAILABLE", "QUORUM_UNAVAILABLE"), (14, "gone", "UNAVAILABLE"),
                (4, "", "COMMIT_TIMEOUT"), (8, "", "OVERLOADED"), (3, "", "INVALID_ARGUMENT"), (13, "", "INTERNAL"),
                (16, "", "PERMISSION_DENIED"), (7, "", "PERMISSION_DENIED"), (15, "", "DATA_LOSS"), (12, "", "UNIMPLEMENTED")):
            self.assertEqual(expected, str(_wire.grpc_error(code, message).code), (code, message))

    def test_what_a_node_says_of_a_deadline_is_exact(self):
        self.assertEqual(
            norikv.Code.DEADLINE_EXCEEDED, _wire.status_error(pb.Status(code=4, message="not tried")).code)
        unknown = _wire.status_error(pb.Status(code=4, message="COMMIT_TIMEOUT: x", leader_hint="h:1", retry_after_ms=50))
        self.assertIsInstance(unknown, norikv.OutcomeUnknownError)
        self.assertEqual(("h:1", 0.05), (unknown.leader_hint, unknown.retry_after))

    def test_a_ttl_is_rounded_up_and_never_silently_none(self):
        self.assertEqual(1, _wire.put_request(norikv.Put("k", "v", ttl=0.0001)).ttl_ms)
        self.assertEqual(1500, _wire.put_request(norikv.Put("k", "v", ttl=1.5)).ttl_ms)
        with self.assertRaises(norikv.InvalidArgumentError):
            _wire.put_request(norikv.Put("k", "v", ttl=0))

    def test_errors_are_also_what_python_programs_expect(self):
        self.assertTrue(issubclass(norikv.DeadlineExceededError, TimeoutError))
        self.assertTrue(issubclass(norikv.UnavailableError, ConnectionError))
        self.assertTrue(issubclass(norikv.NotFoundError, KeyError))
        self.assertEqual("gone", str(norikv.NotFoundError(norikv.Code.NOT_FOUND, "gone")))

    def test_the_generated_messages_are_those_of_the_proto_file(self):
        proto = HERE.parents[2] / "proto"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["protoc", "-I", str(proto), f"--descriptor_set_out={folder}/set", "norikv.proto"], check=True)
            from google.protobuf import descriptor_pb2
            fresh = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(folder, "set").read_bytes()).file[0]
        checked_in = descriptor_pb2.FileDescriptorProto()
        pb.DESCRIPTOR.CopyToProto(checked_in)
        fresh.ClearField("source_code_info")
        for one in (fresh, checked_in):
            for message in one.message_type:
                for field in [*message.field, *(f for n in message.nested_type for f in n.field)]:
                    field.ClearField("json_name")
        self.assertEqual(fresh, checked_in, "run the line in norikv/_proto/__init__.py")


class Choices(unittest.TestCase):
    def test_every_problem_of_the_options_is_named(self):
        problems = Options(addresses=(), deadline=0, keep_alive=0).problems()
        self.assertEqual(3, len(problems), problems)
        with self.assertRaisesRegex(ValueError, "host:port"):
            norikv.Client("nonsense")
        self.assertEqual([], dataclasses.replace(Options(), addresses=("h:1",)).problems())

    def test_the_hash_without_the_c_library_is_the_same(self):
        draw = random.Random(3)
        for length in range(200):
            data = draw.randbytes(length)
            self.assertEqual(hashing.xxhash64(data), hashing._python_xxhash64(data))


class Nobody(unittest.IsolatedAsyncioTestCase):
    """Connections that are never made."""

    async def ends(self, work):
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({task}, timeout=60)
        self.assertTrue(done, "it runs without end")
        return await task

    async def test_closing_ends_where_a_connection_was_never_made(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
            for smart in (False, True):
                client = norikv.AsyncClient(f"127.0.0.1:{silent.getsockname()[1]}", smart_routing=smart)
                with self.assertRaises(norikv.UnavailableError):  # nothing was sent, so it is known
                    await self.ends(client.put("a", "b", deadline=0.05))
                await self.ends(client.close())

    async def test_a_closed_client_lets_its_process_end(self):
        program = """if True:
            import norikv, sys
            kv = norikv.Client(sys.argv[1])
            try:
                kv.put("a", "b", deadline=0.2)
            except norikv.UnavailableError as e:
                print(e.code.value)
            kv.close()
            print("closed")"""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            done = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", program, f"127.0.0.1:{silent.getsockname()[1]}"], capture_output=True, text=True,
                timeout=60, cwd=pathlib.Path(__file__).resolve().parents[1])
        self.assertEqual("UNAVAILABLE\nclosed\n", done.stdout, done.stderr)

    async def test_mistakes_are_refused_before_anything_is_sent(self):
        client = norikv.AsyncClient("127.0.0.1:1", deadline=float("inf"))
        nan = float("nan")
        for mistake in (
            lambda: client.get("k", deadline=0), lambda: client.get("k", deadline=-1), lambda: client.get("k", deadline=nan),
            lambda: client.cluster_view(deadline=0), lambda: client.is_serving(deadline=-1), lambda: client.count(deadline=0),
            lambda: client.put("k", "v", ttl=0), lambda: client.put("k", "v", ttl=-1), lambda: client.put("k", "v", ttl=nan),
            lambda: client.put("k", "v", ttl=float("inf")), lambda: client.put("k", "v", ttl=1e30),
            lambda: client.get("k", consistency="weird"), lambda: client.get("k", max_staleness=-1),
            lambda: client.scan(limit=-1).__anext__(), lambda: client.scan(consistency="weird").__anext__(),
            lambda: client.scan_page(limit=-1), lambda: client.put("a\ud800", "v"), lambda: client.put("k", "a\udc00"),
            lambda: client.put("k", "v", idempotency_key="a\ud800"), lambda: client.put("k", 5), lambda: client.put(5, "v"),
            lambda: client.batch([norikv.Put("a\ud800", "v")]), lambda: client.batch([norikv.Get("k", "weird")]),
        ):
            with self.assertRaises(norikv.InvalidArgumentError):
                await self.ends(mistake())
        await client.close()
        pem = b"-----BEGIN CERTIFICATE-----"
        for settings in (
                {"tls": norikv.Tls(root_certificates="path.pem")}, {"tls": norikv.Tls(root_certificates=b"nonsense")}, {"tls": 5},
                {"tls": norikv.Tls(client_certificate=pem)}, {"tls": norikv.Tls(client_key=pem)}, {"retry": 3}, {"deadline": "5"},
                {"cluster_id": ""}, {"deadline": 0}, {"deadline": nan}, {"addresses": ("a:70000",)}, {"addresses": (":1",)}):
            with self.assertRaises(norikv.InvalidArgumentError):
                norikv.AsyncClient(**settings)

    async def test_bytes_are_whatever_holds_bytes(self):
        for data in (b"a", bytearray(b"a"), memoryview(b"a"), "a"):
            self.assertEqual(b"a", norikv.types.to_bytes(data))


class Broken(unittest.IsolatedAsyncioTestCase):
    async def test_no_attempt_begins_past_the_deadline(self):
        client = norikv.AsyncClient("127.0.0.1:1", smart_routing=False)
        runner, tried = client._runner, []

        async def attempt(node, _perhaps_done):
            tried.append(node)
            raise RpcFailure(norikv.errors.error_of(norikv.Code.UNAVAILABLE, "refused"), False)

        async def overslept(_):
            await asyncio.sleep(deadline - asyncio.get_running_loop().time() + 0.01)

        runner.sleep, deadline = overslept, runner.deadline(0.2)
        with self.assertRaises(norikv.UnavailableError):
            await runner.attempts(attempt, b"k", True, deadline)
        self.assertEqual(1, len(tried))
        await client.close()

    async def test_a_write_whose_stream_broke_by_INTERNAL_is_tried_again_and_never_called_not_done(self):
        client = norikv.AsyncClient("127.0.0.1:1", smart_routing=False, retry=norikv.RetryPolicy(attempts_max=3))
        tried = []

        async def attempt(node, _perhaps_done):
            tried.append(node)
            raise RpcFailure(norikv.errors.error_of(norikv.Code.INTERNAL, "a reset"), True)

        runner = client._runner
        with self.assertRaises(norikv.OutcomeUnknownError):
            await runner.attempts(attempt, b"k", True, runner.deadline(60))
        self.assertEqual(3, len(tried))
        await client.close()


class Mistakes(unittest.TestCase):
    def test_what_is_of_another_type_is_an_invalid_argument_with_its_name(self):
        wrong = norikv.InvalidArgumentError
        with norikv.Client("127.0.0.1:1", deadline=60, smart_routing=False) as kv:
            mistakes = [
                ("deadline", lambda: kv.get("a", deadline="5")), ("deadline", lambda: kv.get("a", deadline=True)),
                ("deadline", lambda: kv.cluster_view(deadline="5")), ("TTL", lambda: kv.put("a", "b", ttl="5")),
                ("staleness", lambda: kv.get("a", max_staleness="5")), ("version", lambda: kv.put("a", "b", if_match="1.2")),
                ("version", lambda: kv.compare_and_set("a", "b", (1, 2))), ("version", lambda: kv.delete("a", if_match=5)),
                ("term", lambda: kv.put("a", "b", if_match=norikv.Version(-1, 2))),
                ("index", lambda: kv.put("a", "b", if_match=norikv.Version(1, 1 << 64))),
                ("term", lambda: kv.put("a", "b", if_match=norikv.Version("1", 2))),
                ("if_not_exists", lambda: kv.put("a", "b", if_not_exists="no")),
                ("idempotency_key", lambda: kv.put("a", "b", idempotency_key=5)),
                ("idempotency_key", lambda: kv.delete("a", idempotency_key=b"5")),
                ("idempotency_key", lambda: kv.batch([norikv.Get("a")], idempotency_key=5)),
                ("limit", lambda: list(kv.scan(limit=1.5))), ("limit", lambda: list(kv.scan(limit=1 << 64))),
                ("limit", lambda: kv.scan_page(limit="5")), ("page_token", lambda: kv.scan_page(limit=1, page_token="x")),
                ("reverse", lambda: list(kv.scan(reverse=1))), ("keys_only", lambda: list(kv.scan(keys_only="no"))),
                ("consistency", lambda: kv.get("a", consistency=None)), ("operations", lambda: kv.batch("a")),
                ("operations", lambda: kv.batch(5)), ("operation of a batch", lambda: kv.batch(["a"])),
                ("require_atomic", lambda: kv.batch([norikv.Put("a", "b")], require_atomic=1)),
                ("version", lambda: kv.batch([norikv.Put("a", "b", if_match="c")])),
            ]
            for name, mistake in mistakes:
                with self.assertRaisesRegex(wrong, name):
                    mistake()
        for name, settings in [
            ("in_flight_max", {"in_flight_max": "5"}), ("addresses", {"addresses": "localhost:7447"}), ("keep_alive", {"keep_alive": None}),
            ("smart_routing", {"smart_routing": "no"}), ("cluster_id", {"cluster_id": 5}), ("tls", {"tls": {}}), ("options", {"options": 5}),
            ("retry.attempts_max", {"retry": norikv.RetryPolicy(attempts_max="1")}), ("retry", {"retry": 3}),
        ]:
            with self.assertRaisesRegex(wrong, name):
                norikv.Client(**settings)

    def test_the_digits_of_a_port_are_those_of_ascii(self):
        for address in ("a:\u0667", "a:7\u0667", "a: 7", "a:+7", "a:7_0", "a:007447"):
            self.assertFalse(is_address(address), address)
            with self.assertRaises(norikv.InvalidArgumentError):
                norikv.Client(address)

    def test_pem_is_bytes_or_text_and_damage_is_found_before_a_connection_is_made(self):
        folder = HERE.parents[1] / "conformance" / "tls"
        certificate, key = (folder / "node.pem").read_text(), (folder / "node.key").read_text()
        for pem in (certificate, certificate.encode(), certificate + certificate):
            self.assertEqual([], Options(tls=norikv.Tls(root_certificates=pem, client_certificate=pem, client_key=key)).problems())
        begun = "-----BEGIN CERTIFICATE-----\n"
        for pem in ("node.pem", 5, key, begun + "xx\n-----END CERTIFICATE-----\n", certificate[:200], certificate + begun,
                    certificate + certificate.replace("A", "B", 9)):
            problems = Options(tls=norikv.Tls(root_certificates=pem)).problems()
            self.assertEqual(1, len(problems), problems)
            self.assertTrue(problems[0].startswith("tls.root_certificates "), problems)
        self.assertEqual(1, len(Options(tls=norikv.Tls(client_certificate=certificate, client_key=certificate)).problems()))


class Iterators(unittest.TestCase):
    def test_what_was_read_before_an_error_comes_before_it(self):
        async def items(count):
            for i in range(count):
                yield i
            raise norikv.errors.error_of(norikv.Code.UNAVAILABLE, "gone")

        with norikv.Client("127.0.0.1:1", smart_routing=False) as kv:
            for count in (0, 1, 255, 256, 300):
                seen = []
                with self.assertRaisesRegex(norikv.UnavailableError, "gone"):
                    for item in kv._iterate(items(count), 256):
                        seen.append(item)
                self.assertEqual(list(range(count)), seen)


class Forked(unittest.TestCase):
    def test_a_child_of_a_process_with_a_client_is_told_and_the_parent_goes_on(self):
        program = """
import os, sys
sys.path.insert(0, sys.argv[1])
import norikv
old = norikv.Client("127.0.0.1:1", deadline=0.5)
def code(client):
    try:
        client.get("a")
    except norikv.NoriKVError as e:
        return e.code.value
code(old)
child = os.fork()
if child == 0:
    answers = []
    for make in (lambda: old, lambda: norikv.Client("127.0.0.1:1", deadline=0.5), lambda: norikv.AsyncClient("127.0.0.1:1")):
        try:
            answers.append(code(make()))
        except norikv.NoriKVError as e:
            answers.append(e.code.value)
    os._exit(0 if answers == ["INVALID_ARGUMENT"] * 3 else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code(old))
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(HERE.parent)], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((0, "0 UNAVAILABLE\n"), (done.returncode, done.stdout), done.stderr)


class Ended(unittest.TestCase):
    def test_a_program_whose_client_closes_in_a_busy_moment_ends(self):
        # The answers of all calls wait for a loop that does something else, and more of them than a socket takes wake-ups.
        program = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
import norikv
async def main():
    client = norikv.AsyncClient("127.0.0.1:1", deadline=0.3)
    asked = [asyncio.ensure_future(client.is_serving()) for _ in range(2000)]
    await asyncio.sleep(0.05)
    time.sleep(1)
    for task in asked:
        task.cancel()
    await client.close()
for _ in range(2):
    asyncio.run(main())
print("ended")
"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(HERE.parent)], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((0, "ended\n"), (done.returncode, done.stdout), done.stderr)


class Documented(unittest.TestCase):
    def test_everything_public_says_what_it_is(self):
        import inspect
        import norikv.testing
        silent = []
        for module in (norikv, norikv.testing):
            for name in getattr(module, "__all__", [n for n in vars(module) if n[0] != "_"]):
                thing = getattr(module, name)
                if not getattr(thing, "__module__", "").startswith("norikv"):
                    continue
                if not inspect.getdoc(thing):
                    silent.append(name)
                if inspect.isclass(thing):
                    silent += [
                        f"{name}.{n}" for n, member in vars(thing).items()
                        if n[0] != "_" and (inspect.isfunction(member) or isinstance(member, property)) and not member.__doc__]
        self.assertEqual([], silent)


if __name__ == "__main__":
    unittest.main()
