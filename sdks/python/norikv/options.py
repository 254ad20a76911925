"""How a client reaches a cluster and how long it tries. Times are seconds."""
from __future__ import annotations

import dataclasses
import os
from typing import List, Optional, Sequence


def _default_addresses() -> Sequence[str]:
    return tuple(a for a in os.environ.get("NORIKV_ADDR", "").split(",") if a) or ("localhost:7447",)


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """When and how often an operation is tried again within its deadline.

    Every write carries an idempotency key, so all operations may be. Waits grow exponentially and are drawn at random up to
    the current bound (full jitter). An exhausted budget does not fail an operation: its waits become the longest.
    """

    attempts_max: int = 1000
    backoff_initial: float = 0.010
    backoff_max: float = 1.0
    backoff_factor: float = 2.0
    budget_max: int = 2048
    budget_per_success: float = 0.2

    @staticmethod
    def none() -> "RetryPolicy":
        """No retries: the first failure is the caller's."""
        return RetryPolicy(attempts_max=1)


@dataclasses.dataclass(frozen=True)
class Tls:
    """TLS towards the nodes; all PEM. ``server_name`` is the name expected instead of the host that was dialled."""

    root_certificates: Optional[bytes] = None
    client_certificate: Optional[bytes] = None
    client_key: Optional[bytes] = None
    server_name: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Options:
    addresses: Sequence[str] = dataclasses.field(default_factory=_default_addresses)
    """host:port of one or more nodes; the others are learned. By default those of NORIKV_ADDR, else localhost:7447."""
    deadline: float = 10.0
    """How long one operation may take, retries included."""
    retry: RetryPolicy = RetryPolicy()
    tls: Optional[Tls] = None
    cluster_id: Optional[str] = None
    """The cluster to talk to; None for the one that is seen first. A node of another one is sent nothing."""
    silence_max: float = 1.5
    """How long a node may say nothing while calls wait before it is asked for its health; without an answer in the same time
    again its calls go elsewhere."""
    smart_routing: bool = True
    """Route each key to its leader by the watched cluster view."""
    in_flight_max: int = 1024
    message_bytes_max: int = 256 << 10
    inbound_message_bytes_max: int = 64 << 20
    keep_alive: float = 20.0
    connect_timeout: float = 3.0
    nodes_max: int = 256
    """Nodes that no view lists any more are let go once there are more than this."""

    def problems(self) -> List[str]:
        """Every problem of these options; empty when they can be used."""
        found = []
        if not self.addresses:
            found.append("addresses is empty: name at least one node as host:port")
        found += [f"address '{a}' is not host:port" for a in self.addresses if not is_address(a)]
        if not self.deadline > 0:
            found.append("deadline must be positive")
        if self.silence_max < 0.1:
            found.append("silence_max must be at least 0.1 s")
        if self.in_flight_max < 1:
            found.append("in_flight_max must be at least 1")
        if not 1024 <= self.message_bytes_max <= 2 << 20:
            found.append("message_bytes_max must be 1 KiB to 2 MiB")
        if self.inbound_message_bytes_max < 4 << 20:
            found.append("inbound_message_bytes_max must be at least 4 MiB")
        if self.keep_alive < 1:
            found.append("keep_alive must be at least 1 s")
        if self.connect_timeout <= 0:
            found.append("connect_timeout must be positive")
        retry = self.retry
        if retry.attempts_max < 1 or retry.backoff_initial <= 0 or retry.backoff_factor < 1:
            found.append("retry: attempts_max at least 1, backoff_initial positive, backoff_factor at least 1")
        if retry.backoff_max < retry.backoff_initial:
            found.append("retry.backoff_max must be at least backoff_initial")
        return found


def is_address(text: object) -> bool:
    """host:port or [v6]:port."""
    if not isinstance(text, str):
        return False
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        return False
    return (host[0] == "[" and host[-1] == "]") or not any(c in ":/@?# " for c in host)
