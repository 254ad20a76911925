"""Against the real server: what the conformance suite does not say, the README and the examples."""
import asyncio
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import norikv  # noqa: E402
from norikv.testing import EphemeralServer  # noqa: E402


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = EphemeralServer().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def program(self, *arguments):
        environment = {**os.environ, "NORIKV_ADDR": self.server.address, "PYTHONPATH": str(HERE.parent)}
        done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_the_programs_of_the_readme_run_as_they_stand(self):
        blocks = re.findall(r"```python\n(.*?)```", (HERE.parent / "README.md").read_text(), re.S)
        printed = [self.program("-c", block) for block in blocks]
        self.assertEqual("VERSION_MISMATCH\nb'user:1' b'Ada Lovelace'\nAda Lovelace\n", printed[0])
        self.assertEqual("item:0 0\nitem:1 1\nitem:10 10\n100\n", printed[1])
        self.assertEqual("still there\n", printed[2])

    def test_the_examples_run(self):
        self.assertEqual("counted to 20\n", self.program(str(HERE.parent / "examples" / "counter.py")))
        self.assertTrue(self.program(str(HERE.parent / "examples" / "pages.py")).endswith("shown 25\n"))

    def test_threads_share_a_blocking_client(self):
        with self.server.client() as kv:
            def work(number):
                for i in range(20):
                    kv.put(f"threads:{number}:{i}", str(i))
            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(160, kv.count(prefix="threads:"))
            self.assertEqual(160, len(list(kv.scan(prefix="threads:"))))
            self.assertEqual(1, len(kv.cluster_view().nodes))
            self.assertTrue(kv.is_serving())

    def test_a_program_that_leaves_a_walk_unfinished_ends(self):
        for walk in ("kv.scan()", "kv.watch_cluster()"):
            printed = self.program("-c", (
                "import os, norikv\nwith norikv.Client(os.environ['NORIKV_ADDR']) as kv:\n"
                "    for i in range(300): kv.put(f'left:{i}', 'v')\n"
                f"    walk = {walk}\n    next(walk)\nprint('over')"))
            self.assertEqual("over\n", printed)

    def test_a_walk_that_is_collected_on_the_clients_own_thread_ends_there(self):
        printed = self.program("-c", (
            "import asyncio, gc, os, norikv\nfrom norikv.client import _Loop\ngc.disable()\n"
            "kv = norikv.Client(os.environ['NORIKV_ADDR'])\nfor i in range(300): kv.put(f'left:{i}', 'v')\n"
            "class Job:\n    def __init__(self): self.walk, self.me = kv.scan(), self\n"
            "job = Job()\nnext(job.walk)\ndel job\nasync def collect(): gc.collect()\n"
            "asyncio.run_coroutine_threadsafe(collect(), _Loop.get()).result(30)\nprint(kv.get('left:1').text)"))
        self.assertEqual("v\n", printed)

    def test_a_scan_can_be_left_early(self):
        with self.server.client() as kv:
            for i in range(50):
                kv.put(f"early:{i:02}", "x" * 1000)
            for pair in kv.scan(prefix="early:"):
                if pair.key.endswith(b"10"):
                    break
            self.assertEqual(b"early:49", next(iter(kv.scan(prefix="early:", reverse=True))).key)

    def test_a_cancelled_operation_leaves_the_others_alone(self):
        async def run():
            async with norikv.AsyncClient(self.server.address) as kv:
                await kv.put("cancel:0", "x")
                tasks = [asyncio.ensure_future(kv.put(f"cancel:{i}", "x")) for i in range(100)]
                await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertTrue(all(isinstance(r, norikv.PutResult) for r in done[1::2]))
                self.assertEqual(b"x", (await kv.get("cancel:0")).value)
        asyncio.run(run())

    def test_a_closed_client_says_so(self):
        kv = self.server.client()
        kv.put("closed", "x")
        kv.close()
        with self.assertRaises(norikv.NoriKVError) as e:
            kv.get("closed")
        self.assertEqual(norikv.Code.CANCELLED, e.exception.code)

    def test_more_than_the_places_wait_for_one(self):
        async def run():
            async with norikv.AsyncClient(self.server.address, in_flight_max=3) as kv:
                await asyncio.gather(*(kv.put(f"places:{i}", "x") for i in range(50)))
                self.assertEqual(50, await kv.count(prefix="places:"))
        asyncio.run(run())

    def test_nobody_there_is_said_with_the_address(self):
        with norikv.Client("127.0.0.1:1", retry=norikv.RetryPolicy(attempts_max=2)) as kv:
            with self.assertRaises(norikv.UnavailableError) as e:
                kv.put("a", "1")
            self.assertIn("127.0.0.1:1", str(e.exception))


if __name__ == "__main__":
    unittest.main()
