"""What is here of the content that others look for, sealed so that only they can read it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.capabilities import content_key
from kachery_core.digests import CHUNK_SIZE, blake3_hex
from kachery_core.errors import KacheryError, LinkedFileChangedError
from kachery_core.manifests import encode_manifest
from kachery_core.sealing import NONCE_SIZE, seal_note
from kachery_core.wire.node import pack
from kachery_core.wire.node_files import MOST_INLINE, FileFacts, FileOffer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kachery_core.manifests import Manifest
    from kachery_daemon.sharing.shelves import Shelves
    from kachery_store import Store
    from kachery_store.objects import Held

_NO_TABLE = bytes(32)
_MOST_ANSWERS = 8
_DIGESTS_KEPT = 4096


@dataclass
class Found:
    """What is here of what was asked for.

    Attributes:
        answers: the offers, divided so that no answer is too long; at least one, perhaps empty.
        without_table: what cannot be provided well until its table was made.
    """

    answers: list[list[FileOffer]] = field(default_factory=lambda: [[]])
    without_table: list[Held] = field(default_factory=list)


class Offering:
    """Looks into a store for others. Any thread may use it.

    Attributes:
        shelves: where else content of this node is; None for nowhere.
    """

    shelves: Shelves | None = None

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digests: dict[str, bytes] = {}
        self._last: tuple[Manifest, bytes] | None = None

    def offers(self, discoveries: Sequence[bytes], inline_limit: int) -> Found:
        """Offers of all that is here; short content comes along."""
        found = Found()
        room = MOST_INLINE
        for discovery, sha1, facts in self._all_facts(discoveries, inline_limit, found):
            note = seal_note(content_key(sha1), os.urandom(NONCE_SIZE), pack(facts))
            if len(note) > room:
                found.answers.append([])
                room = MOST_INLINE
            room -= len(note)
            found.answers[-1].append(FileOffer(discovery, note))
        return found

    def _all_facts(
        self, discoveries: Sequence[bytes], inline_limit: int, found: Found
    ) -> Iterator[tuple[bytes, str, FileFacts]]:
        """What is here, or else on a shelf."""
        shelved = {} if self.shelves is None else self.shelves.find(discoveries)
        for discovery, sha1 in self._store.catalog.find_discoveries(discoveries).items():
            held = self._find(sha1)
            facts = None if held is None else self._facts(held, inline_limit, found)
            if held is not None:
                shelved.pop(discovery, None)
            if facts is not None:
                yield discovery, sha1, facts
        for discovery, one in shelved.items():
            yield discovery, one.sha1, FileFacts(one.size, one.table)

    def held(self, discovery: bytes) -> str | None:
        """The SHA-1 of a content that is here."""
        sha1 = self._store.catalog.find_discoveries([discovery]).get(discovery)
        if sha1 is not None and self._find(sha1) is not None:
            return sha1
        shelved = None if self.shelves is None else self.shelves.find([discovery]).get(discovery)
        return None if shelved is None else shelved.sha1

    def table(self, sha1: str) -> bytes:
        """The encoded chunk table of a content; it may have to be made first, which takes long."""
        held = self._find(sha1)
        if held is None and self.shelves is not None:
            table = self.shelves.table(sha1)
            if table is not None:
                return table
        return self._encoded(self._store.objects.manifest(held or self._store.objects.get(sha1)))

    def _encoded(self, manifest: Manifest) -> bytes:
        """The encoded table; who is told of it asks for it next."""
        last = self._last
        if last is None or last[0] != manifest:
            last = self._last = (manifest, encode_manifest(manifest))
        return last[1]

    def _find(self, sha1: str) -> Held | None:
        try:
            return self._store.objects.find(sha1)
        except LinkedFileChangedError:
            return None

    def _facts(self, held: Held, inline_limit: int, found: Found) -> FileFacts | None:
        if held.size <= inline_limit and len(found.answers) < _MOST_ANSWERS:
            try:
                return FileFacts(held.size, _NO_TABLE, self._store.objects.read(held))
            except KacheryError:
                return None  # damaged: it was set aside
        digest = _NO_TABLE if held.size <= CHUNK_SIZE else self._digest(held)
        if digest is None:
            found.without_table.append(held)
        return FileFacts(held.size, digest or _NO_TABLE)

    def _digest(self, held: Held) -> bytes | None:
        """What names the table of a content; None if it has none yet."""
        known = self._digests.get(held.sha1)
        if known is not None:
            return known
        manifest = self._store.objects.known_manifest(held)
        if manifest is None:
            return None
        digest = bytes.fromhex(blake3_hex(self._encoded(manifest)))
        if len(self._digests) >= _DIGESTS_KEPT:
            self._digests.clear()
        self._digests[held.sha1] = digest
        return digest
