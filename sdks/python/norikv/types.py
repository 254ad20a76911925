"""What operations take and answer. All immutable."""
from __future__ import annotations

import dataclasses
import enum
from typing import Mapping, Optional, Sequence, Union

from .errors import Code, NoriKVError, error_of

Bytes = Union[bytes, bytearray, memoryview, str]
"""Keys and values: bytes, or text that is sent as UTF-8."""


def to_bytes(data: Bytes) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return to_text(data).encode()
    try:
        return bytes(memoryview(data))  # not bytes(data), which makes zeros of a number
    except TypeError:
        raise error_of(
            Code.INVALID_ARGUMENT, f"keys and values are bytes or text, not {type(data).__name__}") from None


def to_text(text: str) -> str:
    """The text itself, where UTF-8 can say it."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        raise error_of(Code.INVALID_ARGUMENT, "the text has half of a surrogate pair") from None


class Consistency(str, enum.Enum):
    """How fresh a read must be."""

    LINEARIZABLE = "linearizable"
    LEASE = "lease"
    STALE_OK = "stale_ok"
    BOUNDED = "bounded"


@dataclasses.dataclass(frozen=True, order=True)
class Version:
    """The log entry that wrote a key; versions of one key strictly increase."""

    term: int
    index: int

    def __str__(self) -> str:
        return f"{self.term}.{self.index}"


@dataclasses.dataclass(frozen=True)
class PutResult:
    version: Version
    meta: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class GetResult:
    """``version`` is None when the key is missing; an empty value is a value."""

    value: bytes
    version: Optional[Version]
    meta: Mapping[str, str]

    @property
    def found(self) -> bool:
        """Whether the key exists; an empty value is a value."""
        return self.version is not None

    @property
    def text(self) -> str:
        """The value as UTF-8."""
        return self.value.decode()


@dataclasses.dataclass(frozen=True)
class DeleteResult:
    """``tombstoned``: the key existed."""

    tombstoned: bool
    version: Optional[Version]
    meta: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Put:
    """A put inside a batch; ``ttl`` in seconds."""

    key: Bytes
    value: Bytes
    ttl: Optional[float] = None
    if_match: Optional[Version] = None
    if_not_exists: bool = False


@dataclasses.dataclass(frozen=True)
class Get:
    """A get inside a batch."""

    key: Bytes
    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Delete:
    """A delete inside a batch."""

    key: Bytes
    if_match: Optional[Version] = None


Operation = Union[Put, Get, Delete]
BatchResult = Union[PutResult, GetResult, DeleteResult, NoriKVError]
"""What one operation of a batch came to: the result of its kind, or the error it would have raised alone."""


@dataclasses.dataclass(frozen=True)
class Pair:
    key: bytes
    value: bytes
    version: Version


@dataclasses.dataclass(frozen=True)
class Page:
    """Part of a scan; ``next_page_token`` goes on behind it and is empty when nothing follows."""

    pairs: Sequence[Pair]
    next_page_token: bytes
    count: int


@dataclasses.dataclass(frozen=True)
class Node:
    """``role`` is leader, follower or unknown."""

    id: str
    address: str
    role: str


@dataclasses.dataclass(frozen=True)
class Replica:
    node_id: str
    leader: bool


@dataclasses.dataclass(frozen=True)
class Shard:
    id: int
    replicas: Sequence[Replica]


@dataclasses.dataclass(frozen=True)
class ClusterView:
    """What clients know of the cluster; a change makes a new one with a higher epoch."""

    epoch: int
    nodes: Sequence[Node]
    shards: Sequence[Shard]
    cluster_id: str
    total_shards: int
    hash_tags: bool
