"""Tickets: random, short-lived, for one content and one member; all it takes on the direct path.

Whoever overhears a ticket can get the same ciphertext with it for a minute, and nothing else.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.wire.node_files import TICKET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 10_000
_SIZE = 32


@dataclass(frozen=True)
class Grant:
    """What a ticket is for.

    Attributes:
        node_id: of the member it was given to.
        sha1: of the content.
        is_allowed: whether that member may still have it; asked before each frame.
        expires_at: monotonic seconds; what has begun by then may end.
    """

    node_id: str
    sha1: str
    is_allowed: Callable[[], bool]
    expires_at: float


class Tickets:
    """All tickets that count now. Any thread may use it."""

    def __init__(self) -> None:
        self._grants: dict[bytes, Grant] = {}
        self._lock = threading.Lock()

    def give(self, node_id: str, sha1: str, is_allowed: Callable[[], bool]) -> bytes:
        """A new ticket, 32 bytes."""
        ticket = secrets.token_bytes(_SIZE)
        now = time.monotonic()
        with self._lock:
            # They are in the order of their end.
            while self._grants:
                oldest = next(iter(self._grants))
                if self._grants[oldest].expires_at > now and len(self._grants) < _MOST:
                    break
                del self._grants[oldest]
            self._grants[ticket] = Grant(node_id, sha1, is_allowed, now + TICKET_SECONDS)
        return ticket

    def find(self, ticket: bytes) -> Grant | None:
        """What a ticket is for; None if it does not count (any more)."""
        with self._lock:
            grant = self._grants.get(ticket)
        if grant is None or grant.expires_at <= time.monotonic() or not grant.is_allowed():
            return None
        return grant
