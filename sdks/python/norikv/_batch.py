"""Puts the answer of a batch together from those of its attempts."""
from __future__ import annotations

from typing import Any, List, Optional

from ._proto import norikv_pb2 as pb
from ._transport import RpcFailure
from ._wire import status_error
from .errors import RETRIABLE, Code, NoriKVError, error_of

# Answers that looked at the key: they say what came of the attempts before, too.
_DECIDED = (Code.VERSION_MISMATCH, Code.ALREADY_EXISTS)


class BatchParts:
    """A shard that could not do its part of a batch says so for each of its operations.

    The whole batch is sent again under its key, which does once what was not done and repeats what was answered. The first answer of an
    operation that another attempt would not change is kept. Of a write that an attempt may have done only an answer that looked at the key
    says what came of it.
    """

    def __init__(self, operations: Any) -> None:
        self._operations = operations
        self._unknown: List[bool] = [False] * len(operations)  # an attempt may have done it
        self._closed: List[bool] = [False] * len(operations)
        self.answer: Any = None

    def take(self, response: Any, perhaps_done: bool) -> None:
        """Adds an attempt's answer; raises RpcFailure where some operation is to be tried again.

        ``perhaps_done``: an attempt before ended without an answer and may have been done.
        """
        if len(response.results) != len(self._operations):  # what it did nobody knows
            raise RpcFailure(error_of(
                Code.INTERNAL, f"the node answered {len(response.results)} results to {len(self._operations)} operations"), True)
        if self.answer is None:
            self.answer = pb.BatchResponse()
            self.answer.CopyFrom(response)
        why: Optional[NoriKVError] = None
        for i, result in enumerate(response.results):
            if self._closed[i]:
                continue
            self._unknown[i] |= perhaps_done and self._writes(i)
            if not _is_open(result):
                self._close(i, result)
                continue
            self.answer.results[i].CopyFrom(result)
            error = status_error(result.error)
            self._unknown[i] |= error.code is Code.COMMIT_TIMEOUT
            if why is None or (error.retry_after or 0) > (why.retry_after or 0):
                why = error
        if why is None:
            return
        # Of one operation it may be unknown: that is noted above.
        code = Code.DEADLINE_EXCEEDED if why.code is Code.COMMIT_TIMEOUT else why.code
        raise RpcFailure(error_of(code, why.message, why.leader_hint, why.retry_after), True, said=True)

    def end(self, broke: NoriKVError) -> Any:
        """The answer where no further attempt is made: each operation that is still open has its own error."""
        for i, result in enumerate(self.answer.results):
            if self._closed[i]:
                continue
            if self._writes(i) and (self._unknown[i] or broke.code is Code.COMMIT_TIMEOUT):
                result.error.CopyFrom(_unknown_status(result.error.message))
            elif self._unknown[i]:  # a read has no outcome to be unknown
                result.error.CopyFrom(pb.Status(code=4, message="no answer before the deadline"))
        return self.answer

    def _close(self, i: int, result: Any) -> None:
        """Keeps what another attempt would not change."""
        self._closed[i] = True
        self.answer.results[i].CopyFrom(result)
        refused = result.WhichOneof("result") == "error" and status_error(result.error).code not in _DECIDED
        if refused and self._unknown[i] and self._writes(i):
            self.answer.results[i].error.CopyFrom(_unknown_status(result.error.message))

    def _writes(self, i: int) -> bool:
        return bool(self._operations[i].WhichOneof("operation") != "get")


def _unknown_status(why: str) -> Any:
    return pb.Status(code=4, message=f"COMMIT_TIMEOUT: the outcome is unknown: {why}")


def _is_open(result: Any) -> bool:
    """True where another attempt may do better.

    A get that found no room in the answer never will: nobody asks to wait for it.
    """
    if result.WhichOneof("result") != "error":
        return False
    error = status_error(result.error)
    return error.code in RETRIABLE and (error.code is not Code.OVERLOADED or bool(error.retry_after))
