"""The blocking client: the same operations, run by one background event loop."""
from __future__ import annotations

import asyncio
import sys
import threading
from types import TracebackType
from typing import Any, Coroutine, Dict, Iterator, List, Optional, Sequence, Set, Tuple, Type, TypeVar

from ._transport import Poller
from .aio import AsyncClient
from .errors import NoriKVError
from .options import Options
from .types import (
    BatchResult, Bytes, ClusterView, DeleteResult, GetResult, Operation, Page, Pair, PutResult, Version)

T = TypeVar("T")


class _Loop:
    """One daemon thread with an event loop, shared by all blocking clients of the process."""

    _lock = threading.Lock()
    _loop: Optional[asyncio.AbstractEventLoop] = None
    _thread: Optional[threading.Thread] = None
    _tasks: "Set[asyncio.Task[Any]]" = set()

    @classmethod
    def get(cls) -> asyncio.AbstractEventLoop:
        Poller.check()
        with cls._lock:
            if cls._loop is None:
                cls._loop = asyncio.new_event_loop()
                cls._loop.set_exception_handler(_quiet_poller)
                cls._thread = threading.Thread(target=cls._loop.run_forever, name="norikv", daemon=True)
                cls._thread.start()
            return cls._loop

    @classmethod
    def is_here(cls) -> bool:
        """True on the loop's own thread."""
        return cls._thread is threading.current_thread()

    @classmethod
    def keep(cls, task: "asyncio.Task[Any]") -> None:
        """Until it is done: a loop itself holds its tasks weakly."""
        cls._tasks.add(task)
        task.add_done_callback(cls._tasks.discard)


def _quiet_poller(loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
    # grpc.aio wakes the loops of a process by one pipe: the slower reader finds it empty, which harms nothing but is logged.
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(context)


class Client:
    """As :class:`norikv.AsyncClient`, but each operation blocks until it is done. Threads may share one."""

    def __init__(self, *addresses: str, options: Optional[Options] = None, **settings: Any) -> None:
        """Addresses are host:port; ``settings`` are fields of :class:`norikv.Options`."""
        async def make() -> AsyncClient:
            return AsyncClient(*addresses, options=options, **settings)

        self._loop = _Loop.get()
        self._client = self._run(make())

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def options(self) -> Options:
        """What it was made with."""
        return self._client.options

    def put(self, key: Bytes, value: Bytes, **arguments: Any) -> PutResult:
        """Arguments: ttl (seconds), if_match, if_not_exists, idempotency_key, deadline (seconds)."""
        return self._run(self._client.put(key, value, **arguments))

    def compare_and_set(self, key: Bytes, value: Bytes, expected: Optional[Version], **arguments: Any) -> PutResult:
        """Arguments: ttl, idempotency_key, deadline."""
        return self._run(self._client.compare_and_set(key, value, expected, **arguments))

    def get(self, key: Bytes, **arguments: Any) -> GetResult:
        """Arguments: consistency, max_staleness (seconds), deadline."""
        return self._run(self._client.get(key, **arguments))

    def get_required(self, key: Bytes, **arguments: Any) -> GetResult:
        """As get; raises NotFoundError when the key is missing."""
        return self._run(self._client.get_required(key, **arguments))

    def delete(self, key: Bytes, **arguments: Any) -> DeleteResult:
        """Arguments: if_match, idempotency_key, deadline."""
        return self._run(self._client.delete(key, **arguments))

    def batch(self, operations: Sequence[Operation], **arguments: Any) -> List[BatchResult]:
        """Arguments: require_atomic, idempotency_key, deadline."""
        return self._run(self._client.batch(operations, **arguments))

    def scan(self, **arguments: Any) -> Iterator[Pair]:
        """Arguments: prefix, or start and end; reverse, limit, keys_only, page_token, consistency, max_staleness, deadline."""
        return self._iterate(self._client.scan(**arguments), 256)

    def scan_page(self, **arguments: Any) -> Page:
        """Arguments: limit, and as scan."""
        return self._run(self._client.scan_page(**arguments))

    def count(self, **arguments: Any) -> int:
        """Arguments: prefix, or start and end; consistency, max_staleness, deadline."""
        return self._run(self._client.count(**arguments))

    def cluster_view(self, **arguments: Any) -> ClusterView:
        """Arguments: deadline."""
        return self._run(self._client.cluster_view(**arguments))

    def watch_cluster(self) -> Iterator[ClusterView]:
        """The current view, then each newer one; blocks between them."""
        return self._iterate(self._client.watch_cluster(), 1)

    def is_serving(self, **arguments: Any) -> bool:
        """Arguments: deadline."""
        return self._run(self._client.is_serving(**arguments))

    @property
    def in_flight(self) -> int:
        """Operations in flight."""
        return self._client.in_flight

    def close(self) -> None:
        """Closes the connections; operations in flight fail, those of writes with an unknown outcome."""
        self._run(self._client.close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            Poller.check()
        except NoriKVError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # KeyboardInterrupt: the operation is given up too
            raise

    def _iterate(self, items: Any, at_once: int) -> Iterator[Any]:
        # Several items a crossing of threads: a crossing costs more than an item. Those that came before an error are the caller's, too.
        async def some() -> Tuple[List[Any], Optional[Exception]]:
            taken: List[Any] = []
            try:
                async for item in items:
                    taken.append(item)
                    if len(taken) >= at_once:
                        break
            except Exception as e:
                if not taken:
                    raise
                return taken, e
            return taken, None

        try:
            while True:
                taken, error = self._run(some())
                yield from taken
                if error is not None:
                    raise error
                if len(taken) < at_once:
                    return
        finally:
            self._let_go(items)

    def _let_go(self, items: Any) -> None:
        # An iterator may be left to the garbage collector. Where the loop's thread no longer runs, waiting for it would never end; on
        # that thread itself it would wait for itself.
        if sys.is_finalizing():
            return
        if _Loop.is_here():
            _Loop.keep(self._loop.create_task(items.aclose()))
        else:
            self._run(items.aclose())
