"""The Python SDK of NoriKV: ``Client`` blocks, ``AsyncClient`` is for asyncio; both have the same operations."""
__version__ = "0.1.0"

from .errors import (  # noqa: E402
    AlreadyExistsError, Code, DeadlineExceededError, InvalidArgumentError, NoriKVError, NotFoundError, NotLeaderError,
    OutcomeUnknownError, OverloadedError, UnavailableError, VersionMismatchError)
from .hashing import shard_of  # noqa: E402
from .options import Options, RetryPolicy, Tls  # noqa: E402
from .types import (  # noqa: E402
    BatchResult, ClusterView, Consistency, Delete, DeleteResult, Get, GetResult, Node, Operation, Page, Pair, Put, PutResult,
    Replica, Shard, Version)
from .aio import AsyncClient  # noqa: E402
from .client import Client  # noqa: E402

__all__ = [
    "AlreadyExistsError", "AsyncClient", "BatchResult", "Client", "ClusterView", "Code", "Consistency", "DeadlineExceededError",
    "Delete", "DeleteResult", "Get", "GetResult", "InvalidArgumentError", "Node", "NoriKVError", "NotFoundError",
    "NotLeaderError", "Operation", "Options", "OutcomeUnknownError", "OverloadedError", "Page", "Pair", "Put", "PutResult",
    "Replica", "RetryPolicy", "Shard", "Tls", "UnavailableError", "Version", "VersionMismatchError", "shard_of",
]
