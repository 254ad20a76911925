"""Idempotency keys of generated sessions: ``s1:<session>:<sequence>:<unix ms>``."""
from __future__ import annotations

import secrets
import time
from typing import List, Optional, Set, Tuple

WINDOW = 4096  # outcomes that a server keeps of one session


class Session:
    """One session of numbered writes.

    The oldest unresolved sequence stays within the window of the newest, else a server could have forgotten its outcome.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._unresolved: Set[int] = set()
        self._oldest = 1  # every sequence below is resolved
        self._next = 1

    @property
    def has_room(self) -> bool:
        return self._next - self._oldest < WINDOW

    @property
    def is_idle(self) -> bool:
        return self._next == self._oldest

    def acquire(self) -> int:
        assert self.has_room
        sequence = self._next
        self._next += 1
        self._unresolved.add(sequence)
        return sequence

    def release(self, sequence: int) -> None:
        self._unresolved.remove(sequence)
        while self._oldest < self._next and self._oldest not in self._unresolved:
            self._oldest += 1


class SessionPool:
    """Gives each write its key. One slow write would hold back a session; then another session is used."""

    def __init__(self) -> None:
        self._sessions: List[Session] = []
        self._current: Optional[Session] = None

    def acquire(self) -> Tuple[Session, int, str]:
        session = self._current
        if session is None or not session.has_room:
            session = next((s for s in self._sessions if s.is_idle), None) or next(
                (s for s in self._sessions if s.has_room), None)
            if session is None:
                # 128 random bits: two clients of one session would take each other's outcomes for their own.
                session = Session(secrets.token_hex(16))
                self._sessions.append(session)
            self._current = session
        sequence = session.acquire()
        return session, sequence, f"s1:{session.name}:{sequence}:{time.time_ns() // 1_000_000}"
