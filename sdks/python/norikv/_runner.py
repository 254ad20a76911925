"""Runs operations to their end: attempt, judge, wait, attempt again, all within one deadline."""
from __future__ import annotations

import asyncio
import random
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Optional

from . import _checks
from ._batch import BatchParts
from ._proto import norikv_pb2 as pb
from ._routing import MISMATCH, Backoff, Router, RoutingTable
from ._transport import NodeConnection, RpcFailure
from ._wire import status_error, view
from .errors import RETRIABLE, Code, NoriKVError, error_of
from .options import Options
from .types import ClusterView

# Below this there is no time for another round trip.
_LEAST_TIME = 0.010
# Nodes that name each other as leaders would keep a client running in a circle: behind so many hints it waits.
_HINTS_AT_ONCE_MAX = 2

# Timers and messages count in whole numbers: infinity, which is no deadline, is a year.
_LONGEST = 365.0 * 24 * 3600


class Runner:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.router = Router(options)
        self._backoff = Backoff(options.retry, random.Random())
        self._nodes: Dict[str, NodeConnection] = {}
        self._watching: Optional["asyncio.Task[None]"] = None
        self._closed = asyncio.Event()

    def deadline(self, seconds: Optional[float]) -> float:
        """The moment at which an operation that begins now ends."""
        if seconds is None:
            seconds = self.options.deadline
        if not _checks.number(seconds, "the deadline") > 0:  # nor is NaN
            raise error_of(Code.INVALID_ARGUMENT, "the deadline must be positive")
        return asyncio.get_running_loop().time() + min(seconds, _LONGEST)

    async def run(self, kind: str, request: Any, size: int, key: bytes, writes: bool, deadline: float) -> Any:
        """The node's StreamResult, or a NoriKVError."""
        parts = BatchParts(request.operations) if kind == "batch" else None

        async def attempt(node: NodeConnection, perhaps_done: bool) -> Any:
            result = await node.call(kind, request, size, deadline)
            case = result.WhichOneof("result")
            if case == "error":
                raise RpcFailure(status_error(result.error), True, said=True)
            if case is None:
                raise RpcFailure(error_of(Code.INTERNAL, f"{node.address} answered an empty result"), True)
            if parts is None:
                return result
            parts.take(result.batch, perhaps_done)
            return pb.StreamResult(batch=parts.answer)
        try:
            return await self.attempts(attempt, key, writes, deadline)
        except NoriKVError as e:
            if parts is None or parts.answer is None or e.code is Code.CANCELLED:
                raise
            return pb.StreamResult(batch=parts.end(e))  # the operations say what came of each

    async def attempts(
            self, attempt: Callable[[NodeConnection, bool], Awaitable[Any]], key: bytes, writes: bool, deadline: float) -> Any:
        """``attempt`` is told the node, and whether an attempt before may have been done."""
        self._watch()
        perhaps_done, hint, number, followed = False, None, 0, 0
        while True:
            address = self.router.pick(key, number, hint)
            refusal = self.router.refusal(address)
            if refusal is not None:
                raise _conclusion(error_of(Code.FAILED_PRECONDITION, refusal), writes and perhaps_done, number, address)
            try:
                result = await attempt(self.node(address), perhaps_done)
                self.router.reached(address)
                self._backoff.succeeded()
                return result
            except RpcFailure as e:
                failure = e
            error = failure.error
            if not failure.reached and error.code is Code.UNAVAILABLE:
                self.router.unreachable(address)
            # What the node itself says of an operation is exact; of a call or stream that broke nobody knows.
            retriable = _is_retriable(failure)
            perhaps_done |= error.code is Code.COMMIT_TIMEOUT if failure.said else failure.reached and retriable
            number += 1
            if _is_foreign(error):  # refused before it was looked at; another node may be of our cluster
                self.router.foreign(address, error.message)
                hint = None
                continue
            if not retriable or failure.final:
                raise _conclusion(error, writes and perhaps_done, number, address) from failure.__cause__
            followed = followed + 1 if error.leader_hint is not None and error.leader_hint != hint else 0
            at_once = 0 < followed <= _HINTS_AT_ONCE_MAX
            wait = self._next_wait(number - 1, error, at_once, deadline) if number < self.options.retry.attempts_max else None
            if wait is None:
                raise _final(error, writes and perhaps_done, number, address) from error
            if wait > 0:
                followed = 0
            hint = error.leader_hint
            await self.sleep(wait)
            # A busy machine may sleep past the deadline: an attempt begun then could only make unknown what is known.
            if asyncio.get_running_loop().time() >= deadline:
                raise _final(error, writes and perhaps_done, number, address) from error

    async def sleep(self, seconds: float) -> None:
        """Waits before another attempt; ends early when the client is closed."""
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise error_of(Code.CANCELLED, "the client was closed")

    def node(self, address: str) -> NodeConnection:
        if self._closed.is_set():
            raise error_of(Code.CANCELLED, "the client was closed")
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = NodeConnection(address, self.options, self.router, self._silent)
        return node

    def _pick(self, key: bytes, number: int, hint: Optional[str]) -> str:
        address = self.router.pick(key, number, hint)
        why = self.router.refusal(address)
        if why is not None:
            raise error_of(Code.FAILED_PRECONDITION, why)
        return address

    async def _silent(self, node: NodeConnection) -> None:
        """Its calls go elsewhere, and the next one to it makes a connection of its own."""
        self.router.silent(node.address)
        if self._nodes.get(node.address) is node:
            del self._nodes[node.address]
        await node.end(error_of(
            Code.UNAVAILABLE, f"{node.address} said nothing for {2 * self.options.silence_max:g} s while calls waited"))

    async def pages(self, request: Any, seconds: Optional[float]) -> AsyncIterator[Any]:
        """The pages of a scan, each once; after a failure it goes on behind the last page that came.

        The deadline counts from page to page, not over the whole scan.
        """
        deadline = self.deadline(seconds)
        self._watch()
        limit, received, failures = request.limit, 0, 0
        while True:
            address = self._pick(b"", failures, None)
            if limit and not request.count_only:
                request.limit = limit - received  # a limit is the call's: go on with the rest
            node = self.node(address)
            call = node.stream("/norikv.v1.Kv/Scan", request, pb.ScanResponse)
            pages = node.messages(call).__aiter__()
            try:
                while True:
                    with node.waiting():
                        page = await self._next_page(pages, call, deadline)
                    if page is None:
                        return
                    failures = 0
                    self._backoff.succeeded()
                    self.router.reached(address)
                    request.page_token = page.next_page_token
                    received += len(page.pairs)
                    yield page
                    # A page without a token, or that fills the limit, is the last: a failure behind it loses nothing.
                    if not page.next_page_token or (limit and received >= limit):
                        return
                    deadline = self.deadline(seconds)
            except RpcFailure as e:
                failure = e
            finally:
                call.cancel()
            await self._retry_scan(failure, address, failures, deadline)
            failures += 1

    async def views(self, refuses: bool = True) -> AsyncIterator[ClusterView]:
        """Views as they come, none older than the one before and none of another cluster; ends only by closing or a refusal.

        ``refuses``: ends with an error where only nodes of another cluster are left; otherwise it goes on asking.
        """
        last: Optional[ClusterView] = None
        failures = 0
        while True:
            address = self._pick(b"", 1, None) if refuses else self.router.pick(b"", 1, None)
            node = self.node(address)
            call = node.stream("/norikv.v1.Meta/WatchCluster", pb.ClusterView(), pb.ClusterView)
            try:
                async for message in node.messages(call, wait_for_first=True):
                    if not self.router.accepts(message.cluster_id, address):
                        break
                    failures = 0
                    self.router.reached(address)
                    if last is not None and message.epoch <= last.epoch:
                        continue
                    last = view(message)
                    yield last
            except RpcFailure as e:
                if not e.reached:
                    self.router.unreachable(address)
                if not _is_retriable(e) or (refuses and e.final):
                    raise e.error from e
            finally:
                call.cancel()
            await self.sleep(self._backoff.next_wait(failures, None))
            failures += 1

    async def close(self) -> None:
        self._closed.set()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        nodes, self._nodes = list(self._nodes.values()), {}
        await asyncio.gather(*(n.close() for n in nodes))

    def _watch(self) -> None:
        if self.options.smart_routing and self._watching is None and not self._closed.is_set():
            self._watching = asyncio.ensure_future(self._keep_table())

    async def _keep_table(self) -> None:
        try:
            async for newest in self.views(refuses=False):
                table = RoutingTable(newest)
                self.router.update(table)
                await self._prune(table)
        except NoriKVError:
            pass  # refused or closed: without a view any node takes any request

    async def _prune(self, table: RoutingTable) -> None:
        if len(self._nodes) <= self.options.nodes_max:
            return
        for address in [a for a in self._nodes if a not in table.nodes and a not in self.options.addresses]:
            await self._nodes.pop(address).end(
                error_of(Code.UNAVAILABLE, f"{address} is not a node of the cluster any more"))

    async def _next_page(self, pages: Any, call: Any, deadline: float) -> Any:
        left = deadline - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(pages.__anext__(), max(left, 0))
        except StopAsyncIteration:
            return None
        except asyncio.TimeoutError:
            raise RpcFailure(error_of(Code.COMMIT_TIMEOUT, "no page of the scan came in time"), True) from None

    async def _retry_scan(self, failure: RpcFailure, address: str, failures: int, deadline: float) -> None:
        error = failure.error
        if _is_foreign(error):
            self.router.foreign(address, error.message)
            return
        if not failure.reached and error.code is Code.UNAVAILABLE:
            self.router.unreachable(address)
        again = not failure.final and _is_retriable(failure) and failures + 1 < self.options.retry.attempts_max
        wait = self._next_wait(failures, error, False, deadline) if again else None
        if wait is not None:
            await self.sleep(wait)
        if wait is None or asyncio.get_running_loop().time() >= deadline:
            raise _of_read(error, error.message) from failure

    def _next_wait(
            self, attempt: int, error: NoriKVError, at_once: bool, deadline: float) -> Optional[float]:
        """None when no further attempt fits before the deadline."""
        # A fresh hint is followed at once; the same one again means that the cluster is still deciding.
        wait = 0.0 if at_once else self._backoff.next_wait(attempt, error.retry_after)
        left = deadline - asyncio.get_running_loop().time()
        if left < _LEAST_TIME or (error.retry_after or 0) > left:
            return None
        # A long wait near the end is halved, so that the last moments are used and not slept through.
        return min(wait, left / 2)


def _is_retriable(failure: RpcFailure) -> bool:
    # INTERNAL: of the connection where a call or stream ended with it, of the operation where the node said it.
    return failure.error.code in RETRIABLE or (failure.error.code is Code.INTERNAL and not failure.said)


def _is_foreign(error: NoriKVError) -> bool:
    return error.code is Code.FAILED_PRECONDITION and MISMATCH in error.message


def _conclusion(error: NoriKVError, unknown: bool, attempts: int, address: str) -> NoriKVError:
    """What an operation ends with that is not tried again.

    Where an attempt before may have been done, only an answer that looked at the key says what came of it: a refusal, or a node of another
    cluster, knows nothing of that attempt. CANCELLED leaves it open by itself.
    """
    decided = error.code in (Code.VERSION_MISMATCH, Code.ALREADY_EXISTS, Code.CANCELLED)
    return _final(error, True, attempts, address) if unknown and not decided else error


def _final(error: NoriKVError, unknown: bool, attempts: int, address: str) -> NoriKVError:
    tried = f"(after {attempts} attempt{'' if attempts == 1 else 's'}, last at {address})"
    if unknown:
        message = f"COMMIT_TIMEOUT: the outcome is unknown {tried}: {error.message}"
        return error_of(Code.COMMIT_TIMEOUT, message, error.leader_hint, error.retry_after)
    return _of_read(error, f"{error.message} {tried}")


def _of_read(error: NoriKVError, message: str) -> NoriKVError:
    """A read has no outcome to be unknown, nor has what was never sent."""
    if error.code is not Code.COMMIT_TIMEOUT:
        return error_of(error.code, message, error.leader_hint, error.retry_after)
    return error_of(Code.DEADLINE_EXCEEDED, message.replace("COMMIT_TIMEOUT: ", ""), error.leader_hint, error.retry_after)
