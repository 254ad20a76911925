"""The client for asyncio."""
from __future__ import annotations

import asyncio
import dataclasses
from types import TracebackType
from typing import Any, AsyncIterator, Callable, List, Optional, Sequence, Type, Union

from . import _checks, _wire
from ._proto import norikv_pb2 as pb
from ._runner import Runner
from ._session import SessionPool
from ._transport import NodeConnection, Poller
from .errors import Code, error_of
from .options import Options
from .types import (
    BatchResult, Bytes, ClusterView, Consistency, Delete, DeleteResult, Get, GetResult, Operation, Page, Pair, Put, PutResult,
    Version, to_bytes, to_text)

# What a call costs beside its key and value: tags, lengths, id, timeout, idempotency key, version.
_OVERHEAD_BYTES = 160


class AsyncClient:
    """Keys and values over the network. Make one inside a running event loop and share it among its tasks.

    Concurrent operations to one node share a pipelined stream; failures are retried within the deadline, writes under an
    idempotency key, so that each is done at most once. ``deadline`` of an operation, in seconds, replaces the client's.
    """

    def __init__(self, *addresses: str, options: Optional[Options] = None, **settings: Any) -> None:
        """Addresses are host:port; ``settings`` are fields of :class:`norikv.Options`."""
        if options is None:
            options = Options()
        elif not isinstance(options, Options):
            raise _checks.refused("options", "an Options", options)
        if addresses:
            settings["addresses"] = addresses
        self.options = dataclasses.replace(options, **settings)
        problems = self.options.problems()
        if problems:
            raise error_of(Code.INVALID_ARGUMENT, "; ".join(problems))
        Poller.keep()
        self._runner = Runner(self.options)
        self._sessions = SessionPool()
        self._places = asyncio.Semaphore(self.options.in_flight_max)
        self._in_flight = 0
        self._closed = False

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def put(
        self, key: Bytes, value: Bytes, *, ttl: Optional[float] = None, if_match: Optional[Version] = None,
        if_not_exists: bool = False, idempotency_key: Optional[str] = None, deadline: Optional[float] = None,
    ) -> PutResult:
        """Writes a pair; returns once it is durable. Overwriting without a TTL (seconds) removes the key's TTL."""
        put = Put(to_bytes(key), to_bytes(value), ttl, if_match, if_not_exists)
        result = await self._write(
            "put", lambda id_: _wire.put_request(put, id_), put.key, len(put.key) + len(put.value), idempotency_key, deadline)
        return _wire.put_result(result.put)

    async def compare_and_set(
        self, key: Bytes, value: Bytes, expected: Optional[Version], *, ttl: Optional[float] = None,
        idempotency_key: Optional[str] = None, deadline: Optional[float] = None,
    ) -> PutResult:
        """Writes only over the expected version; None expects the key to be missing."""
        return await self.put(
            key, value, ttl=ttl, if_match=expected, if_not_exists=expected is None, idempotency_key=idempotency_key,
            deadline=deadline)

    async def get(
        self, key: Bytes, *, consistency: Union[Consistency, str] = Consistency.LINEARIZABLE,
        max_staleness: Optional[float] = None, deadline: Optional[float] = None,
    ) -> GetResult:
        """Reads a key; a missing one is a result with ``found`` False."""
        get = Get(to_bytes(key), _wire.consistency_of(consistency), max_staleness)
        result = await self._read("get", _wire.get_request(get), get.key, len(get.key), deadline)
        return _wire.get_result(result.get)

    async def get_required(self, key: Bytes, **arguments: Any) -> GetResult:
        """Reads a key that must exist; raises NotFoundError when it does not."""
        result = await self.get(key, **arguments)
        if not result.found:
            raise error_of(Code.NOT_FOUND, f"the key {to_bytes(key)!r} does not exist")
        return result

    async def delete(
        self, key: Bytes, *, if_match: Optional[Version] = None, idempotency_key: Optional[str] = None,
        deadline: Optional[float] = None,
    ) -> DeleteResult:
        """Removes a key; a missing one is no error."""
        delete = Delete(to_bytes(key), if_match)
        result = await self._write(
            "delete", lambda id_: _wire.delete_request(delete, id_), delete.key, len(delete.key), idempotency_key, deadline)
        return _wire.delete_result(result.delete)

    async def batch(
        self, operations: Sequence[Operation], *, require_atomic: bool = False, idempotency_key: Optional[str] = None,
        deadline: Optional[float] = None,
    ) -> List[BatchResult]:
        """Runs many operations, atomic per shard; a result or an error for each, in their order."""
        _checks.key_text(idempotency_key)
        request = _wire.batch_request(operations, require_atomic)
        count = len(request.operations)
        first = request.operations[0] if count else None
        key = getattr(first, first.WhichOneof("operation")).key if first is not None else b""
        size = request.ByteSize()

        def with_key(idempotency: str) -> Any:
            request.idempotency_key = idempotency
            return request

        if all(isinstance(o, Get) for o in operations):
            result = await self._read("batch", request, key, size, deadline)
        else:
            result = await self._write("batch", with_key, key, size, idempotency_key, deadline)
        return _wire.batch_results(result.batch, count)

    async def scan(
        self, *, prefix: Bytes = b"", start: Bytes = b"", end: Bytes = b"", reverse: bool = False, limit: int = 0,
        keys_only: bool = False, page_token: bytes = b"", consistency: Union[Consistency, str] = Consistency.LINEARIZABLE,
        max_staleness: Optional[float] = None, deadline: Optional[float] = None,
    ) -> AsyncIterator[Pair]:
        """The pairs of a prefix, or of a range from start to before end, in key order; resumed by itself."""
        request = _scan_request(
            prefix, start, end, reverse, limit, keys_only, page_token, consistency, max_staleness)
        pages = self._pages(request, deadline)
        try:
            async for page in pages:
                for pair in page.pairs:
                    yield _wire.pair(pair)
        finally:
            await pages.aclose()

    async def scan_page(
        self, *, limit: int, prefix: Bytes = b"", start: Bytes = b"", end: Bytes = b"", reverse: bool = False,
        keys_only: bool = False, page_token: bytes = b"", consistency: Union[Consistency, str] = Consistency.LINEARIZABLE,
        max_staleness: Optional[float] = None, deadline: Optional[float] = None,
    ) -> Page:
        """At most ``limit`` pairs and the token that goes on behind them, for callers that keep their place themselves."""
        if _checks.whole(limit, "limit", _checks.U64_MAX) < 1:
            raise error_of(Code.INVALID_ARGUMENT, "a page needs a positive limit")
        request = _scan_request(
            prefix, start, end, reverse, limit, keys_only, page_token, consistency, max_staleness)
        pairs: List[Pair] = []
        token, count = b"", 0
        async for page in self._pages(request, deadline):
            pairs += [_wire.pair(p) for p in page.pairs]
            token, count = page.next_page_token, page.count
        return Page(tuple(pairs), token, count)

    async def count(
        self, *, prefix: Bytes = b"", start: Bytes = b"", end: Bytes = b"",
        consistency: Union[Consistency, str] = Consistency.LINEARIZABLE, max_staleness: Optional[float] = None,
        deadline: Optional[float] = None,
    ) -> int:
        """How many pairs a scan would give."""
        request = _scan_request(prefix, start, end, False, 0, False, b"", consistency, max_staleness)
        request.count_only = True
        count = 0
        async for page in self._pages(request, deadline):
            count = page.count
        return count

    async def cluster_view(self, *, deadline: Optional[float] = None) -> ClusterView:
        """The newest view of the cluster."""
        views = self.watch_cluster()
        try:
            left = self._runner.deadline(deadline) - asyncio.get_running_loop().time()
            return await asyncio.wait_for(views.__anext__(), left)
        except asyncio.TimeoutError:
            raise error_of(
                Code.UNAVAILABLE, f"no node answered at {', '.join(self.options.addresses)}") from None
        finally:
            await views.aclose()

    async def watch_cluster(self) -> AsyncIterator[ClusterView]:
        """The current view, then each newer one; goes on by itself when its node is gone."""
        self._check_open()
        views = self._runner.views()
        try:
            async for view in views:
                yield view
        finally:
            await views.aclose()

    async def is_serving(self, *, deadline: Optional[float] = None) -> bool:
        """True when the node that was asked says by the standard health service that it serves."""
        self._check_open()
        until = self._runner.deadline(deadline)

        async def ask(node: NodeConnection, _: bool) -> bool:
            with node.waiting():
                return await node.is_serving(until)
        return await self._runner.attempts(ask, b"", False, until)

    @property
    def in_flight(self) -> int:
        """Operations in flight."""
        return self._in_flight

    async def close(self) -> None:
        """Closes the connections; operations in flight fail, those of writes with an unknown outcome."""
        self._closed = True
        await self._runner.close()

    async def _write(
        self, kind: str, request: Callable[[str], Any], key: bytes, size: int, idempotency_key: Optional[str],
        deadline: Optional[float],
    ) -> Any:
        self._check_open()
        own = _checks.key_text(idempotency_key)
        until = self._runner.deadline(deadline)
        await self._enter(until)
        try:
            if own:
                return await self._runner.run(kind, request(to_text(own)), size + _OVERHEAD_BYTES, key, True, until)
            session, sequence, text = self._sessions.acquire()
            try:
                result = await self._runner.run(kind, request(text), size + _OVERHEAD_BYTES, key, True, until)
                if _wire.is_answer_to_another(getattr(result, kind).meta):
                    raise error_of(
                        Code.INTERNAL, f"the node answered another write of the session in {text}: this one was not done")
                return result
            finally:
                session.release(sequence)
        finally:
            self._leave()

    async def _read(self, kind: str, request: Any, key: bytes, size: int, deadline: Optional[float]) -> Any:
        self._check_open()
        until = self._runner.deadline(deadline)
        await self._enter(until)
        try:
            return await self._runner.run(kind, request, size + _OVERHEAD_BYTES, key, False, until)
        finally:
            self._leave()

    def _pages(self, request: Any, deadline: Optional[float]) -> Any:
        self._check_open()
        return self._runner.pages(request, deadline)

    async def _enter(self, until: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            self._in_flight += 1
            return
        left = until - asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self._places.acquire(), max(left, 0))
        except asyncio.TimeoutError:
            raise error_of(
                Code.DEADLINE_EXCEEDED,
                f"the deadline passed while {self.options.in_flight_max} operations were in flight; this one was not tried",
            ) from None
        self._in_flight += 1

    def _leave(self) -> None:
        self._in_flight -= 1
        self._places.release()

    def _check_open(self) -> None:
        if self._closed:
            raise error_of(Code.CANCELLED, "the client is closed")


def _scan_request(
    prefix: Bytes, start: Bytes, end: Bytes, reverse: bool, limit: int, keys_only: bool, page_token: bytes,
    consistency: Union[Consistency, str], max_staleness: Optional[float],
) -> Any:
    if _checks.whole(limit, "limit", _checks.U64_MAX) < 0:
        raise error_of(Code.INVALID_ARGUMENT, f"limit {limit} is negative")
    return pb.ScanRequest(
        prefix=to_bytes(prefix), start=to_bytes(start), end=to_bytes(end), reverse=_checks.flag(reverse, "reverse"), limit=limit,
        keys_only=_checks.flag(keys_only, "keys_only"), page_token=_checks.token(page_token), consistency=_wire.consistency_name(consistency),
        max_staleness_ms=_wire.milliseconds(max_staleness, "a staleness"))
