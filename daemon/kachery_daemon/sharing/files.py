"""Files for others: who asks may learn what is here, and get it, if the channel lets it.

Whoever has no right to ask costs the same work and gets the same bytes as if nothing were here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.capabilities import content_key
from kachery_core.errors import KacheryError
from kachery_core.roles import Role
from kachery_core.sealing import NONCE_SIZE, seal_note
from kachery_core.wire.node import pack, pack_padded, unpack, unpack_any
from kachery_core.wire.node_files import (
    AskChunks,
    AskFile,
    AskTable,
    FileOffers,
    FindFiles,
    TablePart,
    Ticket,
)
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.network.frames import Frames
from kachery_daemon.sharing.offering import Offering

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kachery_daemon.network.frames import FrameSource
    from kachery_daemon.network.link import Link, Question, Respond
    from kachery_daemon.sharing.direct_path import DirectPath
    from kachery_daemon.sharing.shelves import Shelves
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store
    from kachery_store.objects import Held

_NOTHING = b""
_LARGEST_PART = 512 << 10
_DISCOVERY_SIZE = 16
# Longer than the sealing and the names around the bytes of one answer take.
_ROOM = 4096
_log = logging.getLogger(__name__)


class FileProvider:
    """Answers the questions of other members about files.

    Args:
        store: what is here.
        threads: for looking and for sealing.
        direct: the direct path, for who gets a ticket.
        may: whether a node may act in a role on a channel (by its id) at this moment.

    Attributes:
        served: frames sent through hubs since the start.
    """

    def __init__(
        self,
        store: Store,
        threads: Threads,
        direct: DirectPath,
        may: Callable[[str, str, Role], bool],
    ) -> None:
        self.served = 0
        self._may = may
        self._store = store
        self._threads = threads
        self._direct = direct
        self._offering = Offering(store)
        self._open: Callable[[str], FrameSource] = functools.partial(Frames, store)
        self._making: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, link: Link) -> None:
        """Answer on a channel."""
        own = subjects.get("files", link.node_id, link.instance)
        role = Role.PROVIDE_FILES
        await link.serve(subjects.find("files"), role, functools.partial(self._find, link))
        await link.serve(own, role, functools.partial(self._get, link))
        await link.serve_bulk(own, role, functools.partial(self._send, link))
        link.watch(lambda: self._begin(self._direct.open_for(link)))

    def use(self, shelves: Shelves) -> None:
        """Provide what is on shelves as well."""
        self._offering.shelves = shelves
        self._open = shelves.frames

    async def close(self) -> None:
        """Stop what goes on beside the answers."""
        await end_tasks(self._tasks)

    async def _find(self, link: Link, question: Question) -> list[bytes]:
        """What of it is here."""
        asked = unpack(question.body, FindFiles)
        discoveries = asked.discoveries
        if not question.is_allowed:
            discoveries = [os.urandom(_DISCOVERY_SIZE) for _ in discoveries]
        found = await self._threads.run(self._offering.offers, discoveries, asked.inline_limit)
        for held in found.without_table:
            self._make_table(held)
        addresses = self._direct.addresses(link)
        return [
            pack_padded(FileOffers(link.instance, addresses, offers)) for offers in found.answers
        ]

    async def _get(self, link: Link, question: Question) -> list[bytes]:
        """A ticket, or a table; nothing at all looks like something that is not here."""
        asked = unpack_any(question.body, AskFile)
        sha1 = await self._held(asked.discovery, question)
        if sha1 is None or isinstance(asked, AskChunks):
            return [_NOTHING]
        if isinstance(asked, AskTable):
            size = min(_LARGEST_PART, link.largest_body - _ROOM)
            return await self._threads.send(self._table, sha1, size)
        return [pack(self._ticket(link, question.sender.node_id, sha1))]

    def _ticket(self, link: Link, node_id: str, sha1: str) -> Ticket:
        def is_allowed() -> bool:
            is_provider = Role.PROVIDE_FILES in link.own_roles
            return is_provider and self._may(link.channel_id, node_id, Role.REQUEST_FILES)

        ticket = self._direct.tickets.give(node_id, sha1, is_allowed)
        return Ticket(ticket, self._direct.addresses(link))

    def _table(self, sha1: str, size: int) -> list[bytes]:
        """The parts of a table."""
        data, key = self._offering.table(sha1), content_key(sha1)
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        return [
            pack(TablePart(part, len(pieces), seal_note(key, os.urandom(NONCE_SIZE), piece)))
            for part, piece in enumerate(pieces)
        ]

    async def _send(self, link: Link, question: Question, respond: Respond) -> None:
        """Frames, through the hub."""
        asked = unpack_any(question.body, AskFile)
        sha1 = await self._held(asked.discovery, question)
        if sha1 is None or not isinstance(asked, AskChunks):
            return
        frames = await self._threads.send(self._open, sha1)
        with frames:
            for index in range(asked.first, min(asked.first + asked.count, frames.count)):
                if not link.is_allowed(question.sender, Role.REQUEST_FILES):
                    return
                await respond(await self._threads.send(frames.sealed, index))
                self.served += 1

    async def _held(self, discovery: bytes, question: Question) -> str | None:
        """The SHA-1 of what a question is about, if it is here and may be had."""
        if not question.is_allowed:
            discovery = os.urandom(_DISCOVERY_SIZE)
        return await self._threads.run(self._offering.held, discovery)

    def _make_table(self, held: Held) -> None:
        """Make the table of content that an old kachery left without one."""
        if held.sha1 not in self._making:
            self._making.add(held.sha1)
            self._begin(self._make(held))

    async def _make(self, held: Held) -> None:
        try:
            await self._threads.transfer(self._store.objects.manifest, held)
        except KacheryError as problem:
            _log.warning("%s cannot be provided: %s", held.sha1, problem)
        finally:
            self._making.discard(held.sha1)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
