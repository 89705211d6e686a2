"""Logs that an old kachery daemon wrote: read and verified as they were signed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.legacy_messages import check_legacy_messages
from kachery_core.wire.feeds import LegacyMessages
from kachery_jupyter.client.line import ask_patiently

if TYPE_CHECKING:
    from kachery_core.messages import SubfeedKey

_PAGE = 1000


class LegacyReader:
    """Reads what an old daemon signed; nothing new ever comes.

    Args:
        key: which subfeed.
    """

    def __init__(self, key: SubfeedKey) -> None:
        self._key = key

    def length(self) -> int:
        """How many messages there are."""
        return self._page(0, 1).length

    def read(self, start: int, end: int | None, wait_msec: int) -> list[bytes]:
        """Verified messages [start, end) as far as they exist."""
        # One message before the first asked for: it holds what the first must follow.
        first = max(start - 1, 0)
        signed: list[Any] = []
        while end is None or first + len(signed) < end:
            page = self._page(first + len(signed), _PAGE)
            signed += [json.loads(bytes(one)) for one in page.messages]
            if not page.messages:
                break
        messages = check_legacy_messages(self._key.feed, signed, first)
        found = messages[start - first : None if end is None else end - first]
        if not found and wait_msec:
            time.sleep(wait_msec / 1000)
        return [json.dumps(message).encode() for message in found]

    def signed(self, start: int, count: int) -> list[dict[str, Any]]:
        """Messages as the old daemon signed them."""
        signed: list[dict[str, Any]] = []
        while len(signed) < count:
            page = self._page(start + len(signed), min(_PAGE, count - len(signed))).messages
            signed += [json.loads(bytes(one)) for one in page]
            if not page:
                break
        return signed

    def _page(self, position: int, limit: int) -> LegacyMessages:
        request = {
            "feed": self._key.feed,
            "subfeed": self._key.subfeed,
            "position": position,
            "limit": limit,
        }
        reply = ask_patiently("/messages/legacy", json.dumps(request).encode())
        return msgspec.json.decode(reply.body, type=LegacyMessages)
