"""What was read, told to the catalog now and then: what is used is not let go when space is short.

A note costs nothing beside a load. A program that is killed loses those of its last minute.
"""

from __future__ import annotations

import atexit
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError

if TYPE_CHECKING:
    from kachery_store.catalog import Catalog

_KEPT_SECONDS = 60.0
_MOST_KEPT = 10_000


class Uses:
    """The content that this program read and the catalog does not know of yet."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._noted: dict[str, float] = {}
        self._due = time.time() + _KEPT_SECONDS
        _all_uses.add(self)

    def note(self, sha1: str) -> None:
        """Content is read just now."""
        now = time.time()
        self._noted[sha1] = now
        if now > self._due or len(self._noted) >= _MOST_KEPT:
            self.tell()

    def tell(self) -> None:
        """Let the catalog know; nobody's load fails because it cannot be told."""
        self._due = time.time() + _KEPT_SECONDS
        noted, self._noted = self._noted, {}
        if noted:
            with suppress(KacheryError):
                self._catalog.note_uses(list(noted.items()))


_all_uses: weakref.WeakSet[Uses] = weakref.WeakSet()


@atexit.register
def _tell_all() -> None:
    for uses in list(_all_uses):
        uses.tell()
