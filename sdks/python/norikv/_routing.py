"""Where an attempt goes, and how long to wait before the next."""
from __future__ import annotations

import random
import time
from typing import Dict, List, Optional

from .hashing import shard_of
from .options import Options, RetryPolicy, is_address
from .types import ClusterView

_REFUSED_FOR = 2.0
# A node that stands still is found out by waiting, so it is left alone longer than one that refuses at once.
_SILENT_FOR = 6.0
MISMATCH = "CLUSTER_MISMATCH"


class Backoff:
    """Exponential with full jitter; an exhausted budget slows and never fails."""

    def __init__(self, policy: RetryPolicy, draw: random.Random) -> None:
        self._policy = policy
        self._draw = draw
        self._budget = float(policy.budget_max)

    def next_wait(self, retry: int, retry_after: Optional[float]) -> float:
        policy = self._policy
        bound = min(policy.backoff_max, policy.backoff_initial * policy.backoff_factor ** min(retry, 64))
        if self._budget >= 1:
            self._budget -= 1
        else:
            bound = policy.backoff_max
        # The server's word is a floor; the jitter on top keeps a crowd from returning in one moment.
        return (retry_after or 0.0) + bound * self._draw.random()

    def succeeded(self) -> None:
        if self._budget < self._policy.budget_max:
            self._budget = min(self._policy.budget_max, self._budget + self._policy.budget_per_success)


class RoutingTable:
    """Where to send a key, as one cluster view says."""

    def __init__(self, view: ClusterView) -> None:
        self.view = view
        addresses = {n.id: n.address for n in view.nodes if n.role != "unknown" and is_address(n.address)}
        self.nodes = list(dict.fromkeys(addresses.values()))
        self._leaders: List[Optional[str]] = [None] * view.total_shards
        for shard in view.shards:
            leader = next((r.node_id for r in shard.replicas if r.leader), None)
            if leader is not None and shard.id < len(self._leaders):
                self._leaders[shard.id] = addresses.get(leader)

    def leader_of(self, key: bytes) -> Optional[str]:
        if not self._leaders:
            return None
        return self._leaders[shard_of(key, len(self._leaders), self.view.hash_tags)]


class Router:
    """Chooses the node of each attempt: a hint, else the key's leader, else the other nodes in turn.

    An address that could not be reached is left out for two seconds, as long as there is another; one where another cluster
    answers is never used.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._avoided: Dict[str, float] = {}
        self._foreign: Dict[str, str] = {}
        self._turn = -1
        self.table: Optional[RoutingTable] = None
        self.cluster_id = options.cluster_id

    def update(self, table: RoutingTable) -> None:
        self.table = table
        # Our own cluster lists it as alive: the address may have come back. A request says which cluster it is for.
        for address in table.nodes:
            self._foreign.pop(address, None)

    def accepts(self, cluster_id: str, address: str) -> bool:
        """True for this client's cluster; the first one named becomes it."""
        if not cluster_id:
            return True
        if self.cluster_id is None:
            self.cluster_id = cluster_id
        if cluster_id == self.cluster_id:
            return True
        self.foreign(address, f"{MISMATCH}: the node at {address} is of cluster {cluster_id}, this client talks to cluster "
                              f"{self.cluster_id}; nothing is sent there. If that is meant, make a new client")
        return False

    def foreign(self, address: str, why: str) -> None:
        self._foreign[address] = why

    def refusal(self, address: str) -> Optional[str]:
        """Why nothing may be sent to an address that was picked because there is no other."""
        return self._foreign.get(address)

    def unreachable(self, address: str) -> None:
        self._avoided[address] = time.monotonic() + _REFUSED_FOR

    def silent(self, address: str) -> None:
        self._avoided[address] = time.monotonic() + _SILENT_FOR

    def reached(self, address: str) -> None:
        if self._avoided:
            self._avoided.pop(address, None)

    def pick(self, key: bytes, attempt: int, hint: Optional[str]) -> str:
        if hint and is_address(hint) and not self._avoids(hint):
            return hint
        # Every other attempt tries another node: the view may be older than the cluster.
        if self.table is not None and attempt % 2 == 0 and key:
            leader = self.table.leader_of(key)
            if leader is not None and not self._avoids(leader):
                return leader
        return self._other()

    def candidates(self) -> List[str]:
        listed = self.table.nodes if self.table is not None else []
        return list(dict.fromkeys([*listed, *self._options.addresses]))

    def _other(self) -> str:
        candidates = self.candidates()
        self._turn += 1
        for i in range(len(candidates)):
            address = candidates[(self._turn + i) % len(candidates)]
            if not self._avoids(address):
                return address
        ours = [a for a in candidates if a not in self._foreign] or candidates
        return ours[self._turn % len(ours)]

    def _avoids(self, address: str) -> bool:
        until = self._avoided.get(address)
        return address in self._foreign or (until is not None and time.monotonic() < until)
