"""What operations raise. Every error has a code, the node's words, and the cause where there is one."""
from __future__ import annotations

import enum
from typing import Optional


class Code(str, enum.Enum):
    """What an operation came to, the same words in every SDK."""

    NOT_FOUND = "NOT_FOUND"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    NOT_LEADER = "NOT_LEADER"
    QUORUM_UNAVAILABLE = "QUORUM_UNAVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    COMMIT_TIMEOUT = "COMMIT_TIMEOUT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    DATA_LOSS = "DATA_LOSS"
    INTERNAL = "INTERNAL"

    def __str__(self) -> str:
        return self.value


# What another attempt, perhaps elsewhere, may get done.
RETRIABLE = frozenset((
    Code.NOT_LEADER, Code.QUORUM_UNAVAILABLE, Code.UNAVAILABLE, Code.OVERLOADED, Code.COMMIT_TIMEOUT, Code.DEADLINE_EXCEEDED))


class NoriKVError(Exception):
    """An operation that was not done, or whose outcome is unknown; ``code`` says which.

    ``leader_hint`` is host:port of the leader where it is known, ``retry_after`` the seconds that the node asked to wait.
    """

    def __init__(
        self, code: Code, message: str, leader_hint: Optional[str] = None, retry_after: Optional[float] = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.leader_hint = leader_hint
        self.retry_after = retry_after


class NotFoundError(NoriKVError, KeyError):
    """The key is missing and the caller said that it must exist (``get_required``)."""

    __str__ = Exception.__str__  # KeyError would print the repr


class VersionMismatchError(NoriKVError):
    """Compare-and-set on another version or on a missing key; nothing was written."""


class AlreadyExistsError(NoriKVError):
    """The key exists and the put asked that it does not; nothing was written."""


class InvalidArgumentError(NoriKVError, ValueError):
    """The request is malformed or over a limit; sending it again cannot help."""


class NotLeaderError(NoriKVError):
    """The leader of the shard could not be reached before the deadline; the operation was not done."""


class UnavailableError(NoriKVError, ConnectionError):
    """No node could serve the operation before the deadline; it was not done."""


class OverloadedError(NoriKVError):
    """The server stayed at one of its bounds until the deadline; the operation was not done."""


class DeadlineExceededError(NoriKVError, TimeoutError):
    """The deadline passed and the operation was not done."""


class OutcomeUnknownError(NoriKVError, TimeoutError):
    """The deadline passed and the write may or may not have been done.

    Sent again with the same idempotency key it is done once.
    """


_CLASSES = {
    Code.NOT_FOUND: NotFoundError,
    Code.VERSION_MISMATCH: VersionMismatchError,
    Code.ALREADY_EXISTS: AlreadyExistsError,
    Code.INVALID_ARGUMENT: InvalidArgumentError,
    Code.NOT_LEADER: NotLeaderError,
    Code.QUORUM_UNAVAILABLE: UnavailableError,
    Code.UNAVAILABLE: UnavailableError,
    Code.OVERLOADED: OverloadedError,
    Code.COMMIT_TIMEOUT: OutcomeUnknownError,
    Code.DEADLINE_EXCEEDED: DeadlineExceededError,
}


def error_of(
    code: Code, message: str, leader_hint: Optional[str] = None, retry_after: Optional[float] = None
) -> NoriKVError:
    """The error that belongs to a code."""
    return _CLASSES.get(code, NoriKVError)(code, message, leader_hint, retry_after)
