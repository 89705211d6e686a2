"""Browser pages that listen: what each is told, in order, never faster than it takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import TooBusyError, error_to_wire
from kachery_core.wire.events import NOUNS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from kachery_core.wire.events import Noun
    from kachery_jupyter.server.listening import Listening
    from kachery_jupyter.server.tails import Tails

# At most ten times a second a page is told that something is different.
_CHANGED_SECONDS = 0.1
# A page that takes nothing any more, as in a sleeping laptop, is not waited for with more.
_MOST_WAITING_BYTES = 8 << 20
_MOST_TAILS = 64


class Page:
    """One page; `tell...` never waits, one task sends.

    Args:
        send: sends one text; returns when it has left.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._nouns: set[Noun] = set()
        self._progress: dict[str, dict[str, Any]] = {}
        self._texts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self.tails: set[str] = set()

    def tell_changed(self, nouns: Iterable[Noun]) -> None:
        """Something is different; nouns that are told already are told once."""
        self._nouns.update(nouns)
        self._something.set()

    def tell_progress(self, load: str, facts: dict[str, Any]) -> None:
        """How far a load is: only the newest is worth sending."""
        self._progress[load] = facts
        self._something.set()

    def tell(self, facts: dict[str, Any]) -> None:
        """Something that is not left out."""
        self._progress.pop(str(facts.get("load")), None)
        self.tell_text(msgspec.json.encode(facts))

    def tell_text(self, text: bytes) -> bool:
        """The same, in JSON already; False if the page is too far behind and it was left out."""
        if self._waiting_bytes > _MOST_WAITING_BYTES:
            return False
        self._waiting_bytes += len(text)
        self._texts.append(text)
        self._something.set()
        return True

    async def run(self) -> None:
        """Send what there is to tell, until cancelled or the page is gone."""
        loop = asyncio.get_running_loop()
        changed_at = loop.time() - _CHANGED_SECONDS
        while True:
            await self._something.wait()
            self._something.clear()
            left = changed_at + _CHANGED_SECONDS - loop.time()
            if self._nouns and left > 0:
                loop.call_later(left, self._something.set)
            elif self._nouns:
                changed_at = loop.time()
                nouns = [noun for noun in NOUNS if noun in self._nouns]
                self._nouns.clear()
                await self._send(msgspec.json.encode({"type": "changed", "nouns": nouns}))
            await self._send_others()

    async def _send_others(self) -> None:
        progress, self._progress = self._progress, {}
        for facts in progress.values():
            await self._send(msgspec.json.encode(facts))
        while self._texts:
            text = self._texts.popleft()
            self._waiting_bytes -= len(text)
            await self._send(text)


class Pages:
    """All pages of this Jupyter server.

    Args:
        listening: to the node; only while there is a page.
        tails: of feeds that pages follow.
    """

    def __init__(self, listening: Listening, tails: Tails) -> None:
        self._listening = listening
        self._tails = tails
        self._pages: set[Page] = set()

    def enter(self, page: Page) -> None:
        """A page listens from here on; it is told to look at everything once."""
        self._pages.add(page)
        page.tell_changed(NOUNS)
        self._listening.start(self._tell_changed)

    def leave(self, page: Page) -> None:
        """It does not listen any more."""
        self._pages.discard(page)
        for uri in list(page.tails):
            self.untail(page, uri)
        if not self._pages:
            self._listening.stop()

    def tell(self, facts: dict[str, Any]) -> None:
        """Tell every page."""
        for page in self._pages:
            page.tell(facts)

    def tell_progress(self, load: str, facts: dict[str, Any]) -> None:
        """Tell every page how far a load is."""
        for page in self._pages:
            page.tell_progress(load, facts)

    def tail(self, page: Page, uri: str, start: int) -> None:
        """Let a page follow a feed: from a message on, or from the last -start ones on."""
        if len(page.tails) >= _MOST_TAILS and uri not in page.tails:
            error = TooBusyError(
                f"This page follows {_MOST_TAILS} feeds already.", hint="Close one of them."
            )
            page.tell({"type": "tail_error", "uri": uri, "error": error_to_wire(error)})
            return
        page.tails.add(uri)
        self._tails.follow(uri, start, page)

    def untail(self, page: Page, uri: str) -> None:
        """Let a page follow a feed no longer."""
        page.tails.discard(uri)
        self._tails.leave(uri, page)

    def _tell_changed(self, nouns: Iterable[Noun]) -> None:
        for page in self._pages:
            page.tell_changed(nouns)
