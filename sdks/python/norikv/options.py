"""How a client reaches a cluster and how long it tries. Times are seconds."""
from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import re
import ssl
from typing import Any, List, Optional, Sequence, Union

from ._checks import is_number, shown

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


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
    """TLS towards the nodes; all PEM, as bytes or text. ``server_name`` is the name expected instead of the host that was dialled."""

    root_certificates: Union[bytes, str, None] = None
    client_certificate: Union[bytes, str, None] = None
    client_key: Union[bytes, str, None] = None
    server_name: Optional[str] = None

    def problems(self) -> List[str]:
        """Every problem of these options; gRPC ends the process for some of them."""
        found = [
            f"tls.{name} {wrong}" for name in ("root_certificates", "client_certificate", "client_key")
            if (pem := getattr(self, name)) is not None and (wrong := _pem_problem(pem, name != "client_key"))]
        if self.server_name is not None and not isinstance(self.server_name, str):
            found.append(f"tls.server_name must be a text, not {shown(self.server_name)}")
        if (self.client_certificate is None) != (self.client_key is None):
            found.append("tls.client_certificate and tls.client_key belong together")
        return found


def pem_bytes(pem: Union[bytes, str, None]) -> Optional[bytes]:
    return pem.encode() if isinstance(pem, str) else pem


def _pem_problem(pem: Any, of_certificates: bool) -> Optional[str]:
    """What is wrong with a PEM file; gRPC would only say that no connection comes about."""
    if not isinstance(pem, (bytes, str)):
        return f"must be the bytes or the text of a PEM file, not {shown(pem)}"
    text = pem if isinstance(pem, str) else pem.decode("latin-1")
    begun, blocks = text.count("-----BEGIN "), _BLOCK.findall(text)
    if begun == 0:
        return "must be the bytes or the text of a PEM file: it has no -----BEGIN"
    if len(blocks) < begun:
        return f"is damaged: {begun - len(blocks)} of its {begun} blocks have no end"
    kind = "CERTIFICATE" if of_certificates else "KEY"
    if not any(name.endswith(kind) for name, _ in blocks):
        return f"holds no {kind.lower()}"
    for i, (name, body) in enumerate(blocks, 1):
        try:
            if name in ("CERTIFICATE", "X509 CERTIFICATE"):
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ssl.PEM_cert_to_DER_cert(
                    f"-----BEGIN CERTIFICATE-----\n{body.strip()}\n-----END CERTIFICATE-----"))
            elif ":" not in body:  # an old key may have headers
                base64.b64decode("".join(body.split()), validate=True)
        except (ssl.SSLError, binascii.Error, ValueError) as e:
            return f"is damaged: block {i} of {begun}, a {name.lower()}: {e}"
    return None


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
        found = self._types()
        if found:
            return found
        if not self.addresses:
            found.append("addresses is empty: name at least one node as host:port")
        found += [f"address '{a}' is not host:port" for a in self.addresses if not is_address(a)]
        if not self.deadline > 0:
            found.append("deadline must be a positive number")
        if self.tls is not None:
            found += self.tls.problems()
        if self.cluster_id == "":
            found.append("cluster_id must not be empty: leave it None for any cluster")
        if self.nodes_max < 1:
            found.append("nodes_max must be at least 1")
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

    def _types(self) -> List[str]:
        found = []
        if isinstance(self.addresses, (str, bytes)) or not isinstance(self.addresses, (list, tuple)):
            found.append(f"addresses must be a list or tuple of host:port, not {shown(self.addresses)}")
        if self.tls is not None and not isinstance(self.tls, Tls):
            found.append(f"tls must be a Tls, not {shown(self.tls)}")
        if not isinstance(self.smart_routing, bool):
            found.append(f"smart_routing must be True or False, not {shown(self.smart_routing)}")
        if self.cluster_id is not None and not isinstance(self.cluster_id, str):
            found.append(f"cluster_id must be a text, not {shown(self.cluster_id)}")
        found += _numbers(self, "", ("deadline", "silence_max", "keep_alive", "connect_timeout"))
        found += _wholes(self, "", ("in_flight_max", "message_bytes_max", "inbound_message_bytes_max", "nodes_max"))
        if not isinstance(self.retry, RetryPolicy):
            return [*found, f"retry must be a RetryPolicy, not {shown(self.retry)}"]
        found += _numbers(self.retry, "retry.", ("backoff_initial", "backoff_max", "backoff_factor", "budget_max", "budget_per_success"))
        return found + _wholes(self.retry, "retry.", ("attempts_max",))


def _numbers(of: object, prefix: str, names: Sequence[str]) -> List[str]:
    return [f"{prefix}{n} must be a number, not {shown(getattr(of, n))}" for n in names if not is_number(getattr(of, n))]


def _wholes(of: object, prefix: str, names: Sequence[str]) -> List[str]:
    return [
        f"{prefix}{n} must be a whole number, not {shown(value)}" for n in names
        if not isinstance(value := getattr(of, n), int) or isinstance(value, bool)]


def is_address(text: object) -> bool:
    """host:port or [v6]:port."""
    if not isinstance(text, str):
        return False
    host, _, port = text.rpartition(":")
    # isdigit takes the digits of every script, and int would read them.
    if not host or not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65536:
        return False
    return (host[0] == "[" and host[-1] == "]") or not any(c in ":/@?# " for c in host)
