"""Walking through everything that is in a store, whoever put it there."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from kachery_core.digests import is_sha1

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_store.catalog import Catalog

_AT_A_TIME = 500


def all_sha1(folder: Path) -> Iterator[str]:
    """The SHA-1 of every object and link, each once.

    Args:
        folder: `sha1/` of a storage folder.
    """
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for sha1 in sorted({name.removesuffix(".link") for name in names}):
            if is_sha1(sha1) and parent.endswith(sha1[4:6]):
                yield sha1


def note_some(catalog: Catalog, walk: Iterator[str]) -> bool:
    """Make the next contents of a walk findable by other nodes; False at its end.

    Old storage folders have no catalog, and a power cut may take the last rows of one.
    """
    some = list(itertools.islice(walk, _AT_A_TIME))
    if some:
        catalog.note_discoveries(some)
    return bool(some)
