"""The front desk: what nodes ask a hub, judged and answered. It knows nothing of connections."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from kachery_core.errors import (
    BadMembershipError,
    ChannelNotFoundError,
    InternalError,
    KacheryError,
    OverLimitError,
    StorageFailedError,
    StorageFullError,
    StorageReadOnlyError,
    TooBusyError,
    UnavailableError,
)
from kachery_core.memberships import read_membership
from kachery_core.nkeys import account_key_of, node_id_of
from kachery_core.records import read_record
from kachery_core.wire.hub import (
    Found,
    Registered,
    is_registered_by,
    read_lookup,
    read_registration,
    refuse,
)
from kachery_daemon.hub.directory import Entry
from kachery_daemon.hub.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kachery_core.records import Record
    from kachery_core.wire.hub import LobbyAnswer
    from kachery_daemon.hub.directory import Directory
    from kachery_daemon.system.threads import Threads

    Announce = Callable[[Record, int], Awaitable[None]]

_DISK_ERRORS = (StorageFullError, StorageFailedError, StorageReadOnlyError)
_log = logging.getLogger(__name__)


class FrontDesk:
    """Answers what nodes ask in the lobby.

    Args:
        directory: what is known.
        threads: for signatures and the disk.
        announce: tells nats-server of a channel: its record, and when the hub signed it.
    """

    def __init__(self, directory: Directory, threads: Threads, announce: Announce) -> None:
        self._directory = directory
        self._threads = threads
        self._announce = announce
        # Somebody who has the hub's URL and nothing else to do must not keep others from it.
        self._registering = RateLimit(burst=100, per_second=10, together=5)
        self._looking = RateLimit(burst=200, per_second=20, together=25)

    async def register(self, nkey: str, data: bytes) -> LobbyAnswer:
        """Enter what is new of a channel.

        Args:
            nkey: who asks, as the hub's server made sure.
            data: a `SignedRegistration`.
        """
        try:
            _take_turn(self._registering, nkey)
            record, signed_at = await self._threads.run(self._enter, data)
            await self._announce(record, signed_at)
            return Registered(record.version)
        except Exception as problem:  # noqa: BLE001 - answered, and logged if it is a bug
            return refuse(_told(problem))

    async def lookup(self, nkey: str, data: bytes) -> LobbyAnswer:
        """Say what is new of a channel, and of the asker's own membership.

        Args:
            nkey: who asks, as the hub's server made sure.
            data: a `Lookup`.
        """
        try:
            _take_turn(self._looking, nkey)
            return await self._threads.run(self._find, nkey, data)
        except Exception as problem:  # noqa: BLE001 - answered, and logged if it is a bug
            return refuse(_told(problem))

    def _enter(self, data: bytes) -> tuple[Record, int]:
        registration, signed = read_registration(data)
        record = read_record(registration.record)
        if not is_registered_by(account_key_of(record.channel_id), signed):
            raise BadMembershipError(
                "This was not registered by the channel that it is about.",
                hint="Only the node that made a channel may register it.",
            )
        entries = [
            Entry(read_membership(deposit.membership, record.channel_id), deposit.letter)
            for deposit in registration.deposits
        ]
        known = self._directory.register(record, entries, int(time.time()))
        return record, known.signed_at

    def _find(self, nkey: str, data: bytes) -> Found:
        found = self._directory.lookup(read_lookup(data).channel_id, node_id_of(nkey))
        if found is None:
            raise ChannelNotFoundError(
                "The hub knows no such channel.",
                hint="Its owner's node registers it; it may be at another hub.",
            )
        return Found(*found, time.time())


def _take_turn(limit: RateLimit, nkey: str) -> None:
    wait = limit.take(nkey)
    if wait:
        raise TooBusyError(
            "The hub gets too many requests.",
            hint=f"Try again in {math.ceil(wait)} s.",
            retry_after=round(wait, 3),
        )


def _told(problem: Exception) -> KacheryError:
    """What the asker hears: of the hub's own troubles, not more than that there are some."""
    if isinstance(problem, _DISK_ERRORS):
        _log.error("the directory cannot be written: %s", problem)
        hint = "Tell who runs the hub; nothing was registered."
        if isinstance(problem, StorageFullError):
            return OverLimitError("The hub's disk is full.", hint=hint)
        return UnavailableError("The hub's disk failed.", hint=hint)
    if isinstance(problem, KacheryError):
        return problem
    _log.error("a request in the lobby failed", exc_info=problem)
    return InternalError("The hub failed.", hint="Tell who runs the hub; its log says why.")
