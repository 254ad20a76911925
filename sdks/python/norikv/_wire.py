"""Messages from and to the types of this package, and the one table from statuses to codes."""
from __future__ import annotations

import math
from typing import Any, Iterable, List, Mapping, Optional, Union

from . import _checks
from ._proto import norikv_pb2 as pb
from .errors import Code, NoriKVError, error_of
from .types import (
    BatchResult, ClusterView, Consistency, Delete, DeleteResult, Get, GetResult, Node, Operation, Pair, Put, PutResult,
    Replica, Shard, Version, to_bytes)


def milliseconds(seconds: Optional[float], what: str) -> int:
    """Rounded up: a shorter time than asked for would be a surprise, and 0 means none."""
    if seconds is None:
        return 0
    _checks.number(seconds, what)
    if not seconds > 0:  # nor is NaN
        raise error_of(Code.INVALID_ARGUMENT, f"{what} of {seconds} s is not positive")
    if seconds * 1000 >= 1 << 63:
        raise error_of(Code.INVALID_ARGUMENT, f"{what} of {seconds} s is too long")
    return math.ceil(seconds * 1000)


def put_request(put: Put, idempotency_key: str = "") -> Any:
    return pb.PutRequest(
        key=to_bytes(put.key), value=to_bytes(put.value), ttl_ms=milliseconds(put.ttl, "a TTL"),
        if_match=_version_message(put.if_match), if_not_exists=_checks.flag(put.if_not_exists, "if_not_exists"),
        idempotency_key=idempotency_key)


def get_request(get: Get) -> Any:
    return pb.GetRequest(
        key=to_bytes(get.key), consistency=consistency_name(get.consistency),
        max_staleness_ms=milliseconds(get.max_staleness, "a staleness"))


def delete_request(delete: Delete, idempotency_key: str = "") -> Any:
    return pb.DeleteRequest(
        key=to_bytes(delete.key), if_match=_version_message(delete.if_match), idempotency_key=idempotency_key)


def batch_request(operations: Iterable[Operation], require_atomic: bool) -> Any:
    if isinstance(operations, (str, bytes)) or not isinstance(operations, Iterable):
        raise _checks.refused("operations", "a sequence of Put, Get and Delete", operations)
    return pb.BatchRequest(
        operations=[_operation(o) for o in operations], require_atomic=_checks.flag(require_atomic, "require_atomic"))


def consistency_of(consistency: Union[Consistency, str]) -> Consistency:
    try:
        return Consistency(consistency)
    except ValueError:
        raise error_of(Code.INVALID_ARGUMENT, f"unknown consistency '{consistency}'") from None


def consistency_name(consistency: Union[Consistency, str]) -> str:
    name = consistency_of(consistency)
    return "" if name is Consistency.LINEARIZABLE else name.value


def put_result(m: Any) -> PutResult:
    return PutResult(Version(m.version.term, m.version.index), dict(m.meta))


def get_result(m: Any) -> GetResult:
    return GetResult(m.value, _version(m), dict(m.meta))


def delete_result(m: Any) -> DeleteResult:
    return DeleteResult(m.tombstoned, _version(m), dict(m.meta))


def batch_results(m: Any, operations: int) -> List[BatchResult]:
    if len(m.results) != operations:
        raise error_of(Code.INTERNAL, f"the node answered {len(m.results)} results to {operations} operations")
    return [_operation_result(r) for r in m.results]


def pair(m: Any) -> Pair:
    return Pair(m.key, m.value, Version(m.version.term, m.version.index))


def view(m: Any) -> ClusterView:
    return ClusterView(
        m.epoch, tuple(Node(n.id, n.addr, n.role) for n in m.nodes),
        tuple(Shard(s.id, tuple(Replica(r.node_id, r.leader) for r in s.replicas)) for s in m.shards),
        m.cluster_id, m.total_shards, m.hash_tags)


def is_answer_to_another(meta: Mapping[str, str]) -> bool:
    """The first answer under that idempotency key was to another request.

    Under a key that this client made that cannot be, and must never pass for success.
    """
    return meta.get("idempotent_replay") == "payload_differs"


def status_error(status: Any) -> NoriKVError:
    """A status inside a stream or batch: the node itself said it."""
    error = grpc_error(
        status.code, status.message, status.leader_hint or None,
        status.retry_after_ms / 1000 if status.retry_after_ms else None)
    if error.code is Code.COMMIT_TIMEOUT and "COMMIT_TIMEOUT" not in error.message:
        return error_of(Code.DEADLINE_EXCEEDED, error.message, error.leader_hint, error.retry_after)
    return error


def grpc_error(code: int, message: str, leader_hint: Optional[str] = None, retry_after: Optional[float] = None) -> NoriKVError:
    """The status of a call: whoever said it, the node or a layer below."""
    return error_of(_code(code, message), message or f"gRPC status {code}", leader_hint, retry_after)


_CODES = {
    1: Code.CANCELLED, 3: Code.INVALID_ARGUMENT,
    4: Code.COMMIT_TIMEOUT,  # of a call's deadline nobody knows what was done before it
    6: Code.ALREADY_EXISTS, 7: Code.PERMISSION_DENIED, 8: Code.OVERLOADED, 9: Code.FAILED_PRECONDITION,
    11: Code.INVALID_ARGUMENT, 12: Code.UNIMPLEMENTED, 14: Code.UNAVAILABLE, 15: Code.DATA_LOSS, 16: Code.PERMISSION_DENIED,
}


def _code(code: int, message: str) -> Code:
    if code == 9 and "Version mismatch" in message:
        return Code.VERSION_MISMATCH
    if code == 14 and "NOT_LEADER" in message:
        return Code.NOT_LEADER
    if code == 14 and "QUORUM_UNAVAILABLE" in message:
        return Code.QUORUM_UNAVAILABLE
    return _CODES.get(code, Code.INTERNAL)


def _operation(operation: Operation) -> Any:
    if isinstance(operation, Put):
        return pb.BatchOperation(put=put_request(operation))
    if isinstance(operation, Delete):
        return pb.BatchOperation(delete=delete_request(operation))
    if isinstance(operation, Get):
        return pb.BatchOperation(get=get_request(operation))
    raise _checks.refused("an operation of a batch", "a Put, Get or Delete", operation)


def _operation_result(result: Any) -> BatchResult:
    kind = result.WhichOneof("result")
    if kind == "put":
        return put_result(result.put)
    if kind == "delete":
        return delete_result(result.delete)
    if kind == "get":
        return get_result(result.get)
    if kind == "error":
        return status_error(result.error)
    return error_of(Code.INTERNAL, "the node answered an empty result")


def _version(m: Any) -> Optional[Version]:
    return Version(m.version.term, m.version.index) if m.HasField("version") else None


def _version_message(version: Optional[Version]) -> Any:
    if version is None:
        return None
    if not isinstance(version, Version):
        raise _checks.refused("the version", "a Version", version)
    for name, part in (("term", version.term), ("index", version.index)):
        if _checks.whole(part, f"the version's {name}", _checks.U64_MAX) < 0:
            raise _checks.refused(f"the version's {name}", "from 0", part)
    return pb.Version(term=version.term, index=version.index)
