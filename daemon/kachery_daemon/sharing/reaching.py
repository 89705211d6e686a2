"""Whether others get bytes from this node without a hub, as far as this computer can tell."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from kachery_core.wire.local import DirectFacts
from kachery_daemon.sharing.looking import is_reached

if TYPE_CHECKING:
    from kachery_daemon.sharing.direct_path import DirectPath

# A status is asked for often, and what it says of the network rarely changes.
_KEPT_SECONDS = 10.0


class Reaching:
    """Tries the addresses that others are told.

    Args:
        direct: listens there.
    """

    def __init__(self, direct: DirectPath) -> None:
        self._direct = direct
        self._known: tuple[list[str], float, bool] = ([], 0.0, False)

    async def facts(self) -> DirectFacts:
        """What is known now; takes some seconds where a firewall swallows what is sent."""
        told = self._direct.told
        if not told:
            return DirectFacts()
        addresses, until, is_there = self._known
        if addresses != told or time.monotonic() > until:
            is_there = any(await asyncio.gather(*map(is_reached, told)))
            self._known = (told, time.monotonic() + _KEPT_SECONDS, is_there)
        port = told[0].rpartition(":")[2]
        return DirectFacts(is_there, int(port) if port.isdecimal() else None, told)
