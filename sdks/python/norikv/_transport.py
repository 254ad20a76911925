"""One node: a channel, a pipelined stream opened when first used and again after a failure, and calls alone."""
from __future__ import annotations

import asyncio
import collections
from typing import Any, AsyncIterator, Deque, Dict, List, Optional, Tuple

import grpc

from . import __version__, _wire
from ._proto import norikv_pb2 as pb
from .errors import Code, NoriKVError, error_of
from .options import Options

# A message near the node's inbound limit would end a shared stream and all calls on it: it goes alone.
_SHARED_CALL_BYTES_MAX = 1 << 20

_NOT_CONNECTED = (
    "failed to connect to all addresses", "DNS resolution failed", "connections to all backends failing",
    "Name resolution failure", "empty address list")

_RESPONSES = {"put": pb.PutResponse, "get": pb.GetResponse, "delete": pb.DeleteResponse, "batch": pb.BatchResponse}


class RpcFailure(Exception):
    """A call or stream that did not end well. ``reached`` is False when nothing can have been done.

    ``said``: the node itself answered this for the operation, on a stream that is well.
    """

    def __init__(self, error: NoriKVError, reached: bool, said: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.reached = reached
        self.said = said


def failure_of(e: grpc.aio.AioRpcError, address: str) -> RpcFailure:
    """What a gRPC call ended with."""
    details = e.details() or ""
    if e.code() is grpc.StatusCode.UNAVAILABLE and any(words in details for words in _NOT_CONNECTED):
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

    __slots__ = ("message", "bytes", "deadline", "sent", "future", "timer")

    def __init__(self, message: Any, size: int, deadline: float, future: "asyncio.Future[Any]") -> None:
        self.message = message
        self.bytes = size
        self.deadline = deadline
        self.sent = False  # set before its bytes are handed over: from here on it may have been done
        self.future = future
        self.timer: Optional[asyncio.TimerHandle] = None

    def fail(self, error: NoriKVError, reached: bool) -> None:
        if not self.future.done():
            self.future.set_exception(RpcFailure(error, reached and self.sent))

    def expire(self, address: str) -> None:
        if self.sent:
            self.fail(error_of(Code.COMMIT_TIMEOUT, "COMMIT_TIMEOUT: no answer before the deadline"), True)
        else:
            self.fail(error_of(Code.UNAVAILABLE, f"no connection to {address} before the deadline"), False)


class _CallStream:
    """One ``Kv.Stream``: a writer that gathers what waits into messages, a reader that settles what comes back."""

    def __init__(self, call: Any, address: str, message_bytes_max: int) -> None:
        self._call = call
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
        pending = _Pending(message, size, deadline, loop.create_future())
        self._pending[message.id] = pending
        pending.timer = loop.call_at(deadline, pending.expire, self._address)
        self._waiting.append(pending)
        self._wake.set()
        try:
            return await pending.future
        finally:
            pending.timer.cancel()
            self._pending.pop(message.id, None)

    async def close(self) -> None:
        self._fail(error_of(Code.CANCELLED, "the client was closed"), True)
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
                for result in response.results:
                    pending = self._pending.pop(result.id, None)
                    if pending is not None and not pending.future.done():
                        pending.future.set_result(result)
            self._fail(error_of(Code.UNAVAILABLE, "the node closed the stream"), True)
        except grpc.aio.AioRpcError as e:
            failure = failure_of(e, self._address)
            self._fail(failure.error, failure.reached)
        except asyncio.CancelledError:
            self._fail(error_of(Code.UNAVAILABLE, "the stream was closed"), True)
        except Exception as e:  # whatever a transport raises ends this stream; its calls carry it on
            self._fail(error_of(Code.UNAVAILABLE, f"the stream broke: {e}"), True)

    def _fail(self, error: NoriKVError, reached: bool) -> None:
        if not self.open:
            return
        self.open = False
        pending, self._pending = list(self._pending.values()), {}
        for call in pending:
            call.fail(error, reached)
        self._waiting.clear()
        self._wake.set()
        self._call.cancel()


class NodeConnection:
    """The channel of one node."""

    def __init__(self, address: str, options: Options) -> None:
        self.address = address
        self._options = options
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
            credentials = grpc.ssl_channel_credentials(tls.root_certificates, tls.client_key, tls.client_certificate)
            self._channel = grpc.aio.secure_channel(address, credentials, options=arguments)
        self._stream: Optional[_CallStream] = None
        self._open_stream = self._channel.stream_stream(
            "/norikv.v1.Kv/Stream", pb.StreamRequest.SerializeToString, pb.StreamResponse.FromString)
        self._closed = False

    async def call(self, kind: str, request: Any, size: int, deadline: float) -> Any:
        """One attempt: answers the node's StreamResult or raises RpcFailure."""
        if size > _SHARED_CALL_BYTES_MAX:
            return pb.StreamResult(**{kind: await self._alone(kind, request, deadline)})
        if self._closed:
            raise RpcFailure(error_of(Code.CANCELLED, "the client was closed"), False)
        stream = self._stream
        if stream is None or not stream.open:
            stream = self._stream = _CallStream(self._open_stream(), self.address, self._options.message_bytes_max)
        return await stream.call(pb.StreamCall(**{kind: request}), size, deadline)

    async def _alone(self, kind: str, request: Any, deadline: float) -> Any:
        return await self.unary(
            f"/norikv.v1.Kv/{kind.capitalize()}", request.SerializeToString, _RESPONSES[kind].FromString, request, deadline)

    async def unary(self, method: str, serialize: Any, parse: Any, request: Any, deadline: float) -> Any:
        left = deadline - asyncio.get_running_loop().time()
        try:
            return await self._channel.unary_unary(method, lambda _: serialize(), parse)(request, timeout=max(left, 0.001))
        except grpc.aio.AioRpcError as e:
            raise failure_of(e, self.address) from e

    async def is_serving(self, deadline: float) -> bool:
        # grpc.health.v1 by hand: an empty request; a response whose field 1 is 1 when it serves.
        answer = await self.unary(
            "/grpc.health.v1.Health/Check", lambda: b"", lambda data: bytes(data), b"", deadline)
        return bool(answer[:2] == b"\x08\x01")

    def stream(self, method: str, request: Any, response: Any) -> Any:
        """A server-streaming call: the call itself, to be read and cancelled."""
        return self._channel.unary_stream(
            method, request.__class__.SerializeToString, response.FromString)(request)

    async def messages(self, call: Any) -> AsyncIterator[Any]:
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as e:
            raise failure_of(e, self.address) from e

    async def close(self) -> None:
        self._closed = True
        if self._stream is not None:
            await self._stream.close()
        await self._channel.close()
