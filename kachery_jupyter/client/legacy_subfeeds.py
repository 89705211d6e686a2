"""Logs that an old kachery daemon wrote: read and verified as they were signed, never appended to."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec

from kachery_core.legacy_messages import check_legacy_messages
from kachery_core.wire.feeds import LegacyMessages
from kachery_jupyter.client.connection import current_node
from kachery_jupyter.client.line import ask
from kachery_jupyter.client.subfeeds import Subfeed

_PAGE = 1000


class LegacySubfeed(Subfeed):
    """The same reading functions as any subfeed; nothing new ever comes."""

    def get_num_messages(self) -> int:
        """How many messages the subfeed has."""
        return self._page(0, 1).length

    def _read(self, start: int, end: int | None, wait_msec: int) -> list[bytes]:
        # One message before the first asked for: it holds what the first must follow.
        first = max(start - 1, 0)
        signed: list[Any] = []
        while end is None or first + len(signed) < end:
            page = self._page(first + len(signed), _PAGE)
            signed += [json.loads(bytes(one)) for one in page.messages]
            if not page.messages:
                break
        messages = check_legacy_messages(self.feed_id, signed, first)
        found = messages[start - first : None if end is None else end - first]
        if not found and wait_msec:
            time.sleep(wait_msec / 1000)
        return [json.dumps(message).encode() for message in found]

    def _signed(self, start: int, found: list[bytes]) -> list[dict[str, Any]]:
        page = self._page(start, max(len(found), 1)).messages
        return [json.loads(bytes(one)) for one in page][: len(found)]

    def _page(self, position: int, limit: int) -> LegacyMessages:
        request = {
            "feed": self.feed_id,
            "subfeed": self.subfeed_hash,
            "position": position,
            "limit": limit,
        }
        reply = ask(current_node().door, "POST", "/messages/legacy", json.dumps(request).encode())
        return msgspec.json.decode(reply.body, type=LegacyMessages)
