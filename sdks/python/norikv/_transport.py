"""One node: a channel, a pipelined stream opened when first used and again after a failure, and calls alone."""
from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import re
from typing import Any, AsyncIterator, Awaitable, Callable, Deque, Dict, Iterator, List, Optional, Set, Tuple

import grpc

from . import __version__, _wire
from ._proto import norikv_pb2 as pb
from ._routing import Router
from .errors import Code, NoriKVError, error_of
from .options import Options, pem_bytes

# A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
_SHARED_CALL_BYTES_MAX = 1 << 20

# More than any node takes: it would end the connection in the middle of it, and what for nobody could say.
_CALL_BYTES_MAX = 64 << 20

_NOT_CONNECTED = (
    "failed to connect to all addresses", "DNS resolution failed", "connections to all backends failing",
    "Name resolution failure", "empty address list")

# What OpenSSL and grpc say of a certificate that does not fit. A handshake that broke off is none of them: the node may be ending.
_CERTIFICATE = re.compile("certificate.verify.failed|is not in peer certificate", re.IGNORECASE)

_RESPONSES = {"put": pb.PutResponse, "get": pb.GetResponse, "delete": pb.DeleteResponse, "batch": pb.BatchResponse}


class Poller:
    """What grpc.aio has once in a process: a thread that waits for all its channels."""

    _kept = False
    _is_lost = False

    @classmethod
    def keep(cls) -> None:
        """From the first client to the end of the process.

        grpc.aio ends the thread with the last channel and waits for it, while it may wait for an event loop that no longer reads: a program
        whose last client closes in a busy moment would never end (https://github.com/grpc/grpc/pull/40989).
        """
        cls.check()
        if not cls._kept:
            cls._kept = True
            grpc.aio.init_grpc_aio()

    @classmethod
    def check(cls) -> None:
        if cls._is_lost:
            raise error_of(
                Code.INVALID_ARGUMENT,
                "this process was forked from one that has a client, which gRPC does not survive: make the first client behind "
                "the fork, or start processes with multiprocessing.set_start_method('spawn')")

    @classmethod
    def forked(cls) -> None:
        # In the child: the thread is not here, and using what it had would break the parent's connections as well.
        cls._is_lost = cls._kept


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Poller.forked)


class RpcFailure(Exception):
    """A call or stream that did not end well. ``reached`` is False when nothing can have been done.

    ``said``: the node itself answered this for the operation, on a stream that is well.
    ``final``: no other attempt would end otherwise: certificates do not change between attempts.
    ``late``: nothing was heard in time.
    """

    def __init__(
            self, error: NoriKVError, reached: bool, said: bool = False, final: bool = False, late: bool = False) -> None:
        super().__init__(error.message)
        self.final = final
        self.late = late
        self.error = error
        self.reached = reached
        self.said = said


def _is_refusal(e: grpc.aio.AioRpcError, code: Code) -> bool:
    """True where the node itself refused a call of its own, whose words no layer below has.

    What it says there is as exact as on a stream. All else that a call ends with may come from the connection.
    """
    return code in (Code.NOT_LEADER, Code.QUORUM_UNAVAILABLE) or (
        code is Code.OVERLOADED and any(k == "retry-after-ms" for k, _ in e.trailing_metadata() or ()))


def failure_of(e: grpc.aio.AioRpcError, address: str) -> RpcFailure:
    """What a gRPC call ended with."""
    details = e.details() or ""
    if e.code() is grpc.StatusCode.UNAVAILABLE and any(words in details for words in _NOT_CONNECTED):
        if _CERTIFICATE.search(details):
            return RpcFailure(error_of(
                Code.UNAVAILABLE, f"TLS with {address} failed: {details}. Does Tls.root_certificates hold the authority of the node's "
                "certificate, and is Tls.server_name, or the dialled host, a name in it?"), False, final=True)
        return RpcFailure(error_of(Code.UNAVAILABLE, f"cannot connect to {address}: {details}"), False)
    trailers = {k: v for k, v in (e.trailing_metadata() or ())}
    retry_after = trailers.get("retry-after-ms", "")
    error = _wire.grpc_error(
        e.code().value[0], details, trailers.get("leader-hint"),
        int(retry_after) / 1000 if str(retry_after).isdigit() else None)
    if error.code is Code.CANCELLED:  # a reset that we did not ask for is the connection's end
        error = error_of(Code.UNAVAILABLE, error.message)
    return RpcFailure(error, True)


class _Pending:
    """One attempt on a stream: settled once, by its answer or by what went wrong."""

    __slots__ = ("message", "bytes", "deadline", "begun", "sent", "future", "timer")

    def __init__(self, message: Any, size: int, deadline: float, begun: float, future: "asyncio.Future[Any]") -> None:
        self.begun = begun
        self.message = message
        self.bytes = size
        self.deadline = deadline
        self.sent = False  # set before its bytes are handed over: from here on it may have been done
        self.future = future
        self.timer: Optional[asyncio.TimerHandle] = None

    def fail(self, error: NoriKVError, reached: bool, final: bool = False) -> None:
        if not self.future.done():
            self.future.set_exception(RpcFailure(error, reached and self.sent, final=final))

    def expire(self, address: str) -> None:
        if self.sent:
            self.fail(error_of(Code.COMMIT_TIMEOUT, "no answer before the deadline"), True)
        else:
            self.fail(error_of(Code.UNAVAILABLE, f"no connection to {address} before the deadline"), False)


class _CallStream:
    """One ``Kv.Stream``: a writer that gathers what waits into messages, a reader that settles what comes back."""

    def __init__(self, call: Any, address: str, message_bytes_max: int, cluster_id: Optional[str]) -> None:
        self._call = call
        self.cluster_id = cluster_id
        self.heard = 0.0
        self._address = address
        self._message_bytes_max = message_bytes_max
        self._pending: Dict[int, _Pending] = {}
        self._waiting: Deque[_Pending] = collections.deque()
        self._wake = asyncio.Event()
        self._last_id = 0
        self.open = True
        self._tasks = [asyncio.ensure_future(self._write_all()), asyncio.ensure_future(self._read_all())]

    async def call(self, message: Any, size: int, deadline: float) -> Any:
        loop = asyncio.get_running_loop()
        self._last_id += 1
        message.id = self._last_id
        pending = _Pending(message, size, deadline, loop.time(), loop.create_future())
        self._pending[message.id] = pending
        pending.timer = loop.call_at(deadline, pending.expire, self._address)
        self._waiting.append(pending)
        self._wake.set()
        try:
            return await pending.future
        finally:
            pending.timer.cancel()
            self._pending.pop(message.id, None)

    @property
    def oldest(self) -> Optional[float]:
        """When the oldest call that waits began."""
        return min((p.begun for p in self._pending.values()), default=None)

    async def end(self, error: NoriKVError) -> None:
        """Ends the stream; its calls fail with this error."""
        self._fail(error, True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._call.wait_for_connection()  # what waits until then was never sent, whatever the deadline says
            while self.open:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting and self.open:
                    request, size, now = pb.StreamRequest(), 0, loop.time()
                    while self._waiting and (size == 0 or size + self._waiting[0].bytes <= self._message_bytes_max):
                        pending = self._waiting.popleft()
                        if pending.future.done():
                            continue
                        pending.message.timeout_ms = max(1, min(0x7FFFFFFF, int((pending.deadline - now) * 1000) + 1))
                        pending.sent = True
                        size += pending.bytes
                        request.calls.append(pending.message)
                    if size:
                        await self._call.write(request)
        except (asyncio.InvalidStateError, grpc.RpcError, asyncio.CancelledError):
            pass  # the stream is over: the reader learns why

    async def _read_all(self) -> None:
        try:
            while True:
                response = await self._call.read()
                if response is grpc.aio.EOF:
                    break
                self.heard = asyncio.get_running_loop().time()
                for result in response.results:
                    pending = self._pending.pop(result.id, None)
                    if pending is not None and not pending.future.done():
                        pending.future.set_result(result)
            self._fail(error_of(Code.UNAVAILABLE, "the node closed the stream"), True)
        except grpc.aio.AioRpcError as e:
            failure = failure_of(e, self._address)
            self._fail(failure.error, failure.reached, failure.final)
        except asyncio.CancelledError:
            self._fail(error_of(Code.UNAVAILABLE, "the stream was closed"), True)
        except Exception as e:  # whatever a transport raises ends this stream; its calls carry it on
            self._fail(error_of(Code.UNAVAILABLE, f"the stream broke: {e}"), True)

    def _fail(self, error: NoriKVError, reached: bool, final: bool = False) -> None:
        if not self.open:
            return
        self.open = False
        pending, self._pending = list(self._pending.values()), {}
        for call in pending:
            call.fail(error, reached, final)
        self._waiting.clear()
        self._wake.set()
        self._tasks[0].cancel()  # where no connection was made it waits for one without end, whatever becomes of the call
        self._call.cancel()


async def _answer(call: Any) -> Any:
    return await call


class NodeConnection:
    """The channel of one node.

    One that says nothing while calls wait is asked for its health; without an answer ``silent`` is told, who ends it.
    """

    def __init__(
            self, address: str, options: Options, router: Router,
            silent: Callable[["NodeConnection"], Awaitable[None]]) -> None:
        self.address = address
        self._options = options
        self._router = router
        self._silent = silent
        self._ended: Optional[NoriKVError] = None
        self._retired: List[_CallStream] = []
        self._waits: Dict[object, float] = {}
        self._reads: Set[Any] = set()  # calls with many answers: a channel that is closed does not find all of them
        self._heard = 0.0
        self._look: Optional[asyncio.TimerHandle] = None
        self._asking: Optional["asyncio.Task[None]"] = None
        arguments: List[Tuple[str, Any]] = [
            ("grpc.max_receive_message_length", options.inbound_message_bytes_max),
            ("grpc.max_send_message_length", -1),
            ("grpc.keepalive_time_ms", int(options.keep_alive * 1000)),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.min_reconnect_backoff_ms", int(options.connect_timeout * 1000)),
            ("grpc.enable_retries", 0),  # the client retries, within its deadline and under its keys
            ("grpc.enable_http_proxy", 0),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.primary_user_agent", f"norikv-python/{__version__}"),
        ]
        tls = options.tls
        if tls is None:
            self._channel = grpc.aio.insecure_channel(address, options=arguments)
        else:
            if tls.server_name:
                arguments.append(("grpc.ssl_target_name_override", tls.server_name))
            credentials = grpc.ssl_channel_credentials(
                pem_bytes(tls.root_certificates), pem_bytes(tls.client_key), pem_bytes(tls.client_certificate))
            self._channel = grpc.aio.secure_channel(address, credentials, options=arguments)
        self._stream: Optional[_CallStream] = None
        self._open_stream = self._channel.stream_stream(
            "/norikv.v1.Kv/Stream", pb.StreamRequest.SerializeToString, pb.StreamResponse.FromString)

    async def call(self, kind: str, request: Any, size: int, deadline: float) -> Any:
        """One attempt: answers the node's StreamResult or raises RpcFailure."""
        if size > _CALL_BYTES_MAX:
            raise error_of(Code.INVALID_ARGUMENT, f"a request of {size} bytes exceeds {_CALL_BYTES_MAX}")
        if size > _SHARED_CALL_BYTES_MAX:
            with self.waiting():
                return pb.StreamResult(**{kind: await self._alone(kind, request, deadline)})
        if self._ended is not None:
            raise RpcFailure(self._ended, False)
        stream = self._stream
        if stream is not None and stream.open and stream.cluster_id is None and self._router.cluster_id is not None:
            # It did not say which cluster its calls are for: any node took it. What it has is still answered.
            self._retired.append(stream)
            stream = None
        if stream is None or not stream.open:
            stream = self._stream = _CallStream(
                self._open_stream(metadata=self._metadata), self.address, self._options.message_bytes_max, self._router.cluster_id)
        self._arm()
        return await stream.call(pb.StreamCall(**{kind: request}), size, deadline)

    @property
    def _metadata(self) -> Optional[Tuple[Tuple[str, str], ...]]:
        cluster = self._router.cluster_id
        return None if cluster is None else (("norikv-cluster-id", cluster),)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Something outside of the stream waits for the node."""
        key = object()
        self._waits[key] = asyncio.get_running_loop().time()
        self._arm()
        try:
            yield
        finally:
            del self._waits[key]
            self._heard = asyncio.get_running_loop().time()

    def _arm(self) -> None:
        if self._look is None and self._asking is None and self._ended is None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(self._options.silence_max / 4, self._listen)

    def _listen(self) -> None:
        self._look = None
        self._retired = [s for s in self._retired if s.open and not self._settled(s)]
        streams = [s for s in (self._stream, *self._retired) if s is not None and s.open]
        begun = [b for b in (*(s.oldest for s in streams), *self._waits.values()) if b is not None]
        if not begun:
            return
        since = max(min(begun), self._heard, *(s.heard for s in streams))
        if asyncio.get_running_loop().time() - since >= self._options.silence_max:
            self._asking = asyncio.ensure_future(self._ask())
        else:
            self._arm()

    @staticmethod
    def _settled(stream: _CallStream) -> bool:
        if stream.oldest is not None:
            return False
        asyncio.ensure_future(stream.end(error_of(Code.UNAVAILABLE, "the stream was replaced")))
        return True

    async def _ask(self) -> None:
        # Calls may wait long at a node that is well, for an election say: so it is asked before it is given up.
        loop = asyncio.get_running_loop()
        answers, asked = True, loop.time()
        try:
            await self.is_serving(loop.time() + self._options.silence_max)
        except RpcFailure as e:  # any word of its own is one
            answers = not e.late
        # A node with far too much to do may answer calls before the question: that is an answer, too.
        streams = [s for s in (self._stream, *self._retired) if s is not None]
        answers = answers or max((self._heard, *(s.heard for s in streams))) > asked
        self._heard, self._asking = loop.time(), None
        if answers:
            self._arm()
        else:
            await self._silent(self)

    async def _alone(self, kind: str, request: Any, deadline: float) -> Any:
        return await self.unary(
            f"/norikv.v1.Kv/{kind.capitalize()}", request.SerializeToString, _RESPONSES[kind].FromString, request, deadline)

    async def unary(self, method: str, serialize: Any, parse: Any, request: Any, deadline: float) -> Any:
        # As a stream of one request: only so it is known whether the call got a connection. Without one nothing of it was sent.
        left = max(deadline - asyncio.get_running_loop().time(), 0.001)
        call = self._channel.stream_unary(method, lambda _: serialize(), parse)(timeout=left, metadata=self._metadata)
        answer, stands = asyncio.ensure_future(_answer(call)), asyncio.ensure_future(call.wait_for_connection())
        sent = False
        try:
            await asyncio.wait({answer, stands}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                sent = True
                with contextlib.suppress(asyncio.InvalidStateError, grpc.RpcError):  # it is over: the answer says why
                    await call.write(request)
                    await call.done_writing()
            return await answer
        except grpc.aio.AioRpcError as e:
            raise self._unary_failure(e, sent) from e
        except asyncio.CancelledError:
            if self._ended is None:
                raise  # the caller's wish
            raise RpcFailure(self._ended, sent) from None
        finally:
            call.cancel()
            stands.cancel()
            answer.cancel()
            await asyncio.gather(answer, stands, return_exceptions=True)

    def _unary_failure(self, e: grpc.aio.AioRpcError, sent: bool) -> RpcFailure:
        failure = failure_of(e, self.address)
        failure.late = e.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        failure.said = _is_refusal(e, failure.error.code)
        if sent or not failure.reached:
            return failure
        error = error_of(Code.UNAVAILABLE, f"no connection to {self.address}: {failure.error.message}")
        return RpcFailure(error, False, late=failure.late)

    async def is_serving(self, deadline: float) -> bool:
        # grpc.health.v1 by hand: an empty request; a response whose field 1 is 1 when it serves.
        answer = await self.unary(
            "/grpc.health.v1.Health/Check", lambda: b"", lambda data: bytes(data), b"", deadline)
        return bool(answer[:2] == b"\x08\x01")

    def stream(self, method: str, request: Any, response: Any) -> Any:
        """A server-streaming call: the call itself, to be read and cancelled."""
        call = self._channel.unary_stream(
            method, request.__class__.SerializeToString, response.FromString)(request, metadata=self._metadata)
        self._reads.add(call)
        call.add_done_callback(self._reads.discard)
        return call

    async def messages(self, call: Any, wait_for_first: bool = False) -> AsyncIterator[Any]:
        """What comes. ``wait_for_first``: a node that lives says the first at once; when the others come is nobody's to know."""
        try:
            with self.waiting() if wait_for_first else contextlib.nullcontext():
                message = await call.read()
            while message is not grpc.aio.EOF:
                yield message
                message = await call.read()
        except grpc.aio.AioRpcError as e:
            raise failure_of(e, self.address) from e
        except asyncio.CancelledError:
            if self._ended is None:
                raise
            raise RpcFailure(self._ended, True) from None

    async def close(self) -> None:
        await self.end(error_of(Code.CANCELLED, "the client was closed"))

    async def end(self, error: NoriKVError) -> None:
        """Ends the connection: its calls fail with this error, and so does each that comes."""
        if self._ended is None:
            self._ended = error
        if self._look is not None:
            self._look.cancel()
        if self._asking is not None:
            self._asking.cancel()
        for stream in (self._stream, *self._retired):
            if stream is not None:
                await stream.end(error)
        for call in list(self._reads):
            call.cancel()
        await self._channel.close()
