"""Reading through somebody else's node, for programs that may not open its storage folder.

What is read whole is compared with its SHA-1 here; parts were verified by the node.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from platformdirs import user_cache_path
from typing_extensions import override

from kachery_core.errors import ContentDamagedError, ContentNotFoundError
from kachery_jupyter.client.destinations import writing_whole
from kachery_jupyter.client.line import ask
from kachery_jupyter.client.node import wrong_daemon
from kachery_jupyter.client.pieces import LARGEST_PIECE, Pieces
from kachery_jupyter.client.progress import progress_bar
from kachery_store.reading import hash_file, open_readable

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_jupyter.client.connection import Node


class AtNode(Pieces):
    """Content that a node holds and sends.

    Args:
        node: the node.
        sha1: of the content.
        size: bytes.
    """

    def __init__(self, node: Node, sha1: str, size: int) -> None:
        super().__init__(sha1, size)
        self._node = node

    @override
    def piece(self, start: int, end: int) -> bytes:
        # A range of no bytes is none in HTTP.
        wanted = f"Range: bytes={start}-{end - 1}\r\n"
        reply = ask(self._node.door, "GET", f"/files/{self.name}", headers=wanted)
        if len(reply.body) != end - start:
            raise wrong_daemon(
                self._node.door.port, f"it sent {len(reply.body)} bytes in place of {end - start}"
            )
        return reply.body

    @override
    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        data = super().read(start, end)
        if len(data) == self.size:
            self._check(hashlib.sha1(data, usedforsecurity=False).hexdigest())
        return data

    def path(self) -> Path:
        """A copy in this user's cache folder, compared with its SHA-1."""
        target = user_cache_path("kachery") / "loaded" / self.name
        if not _is_whole(target, self.name):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._copy_to(target)
        return target

    def _copy_to(self, target: Path) -> None:
        hasher = hashlib.sha1(usedforsecurity=False)
        with writing_whole(target) as descriptor, progress_bar(self.size, "Copying") as advance:
            for start in range(0, self.size, LARGEST_PIECE):
                data = self.piece(start, min(start + LARGEST_PIECE, self.size))
                hasher.update(data)
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                if advance is not None:
                    advance(len(data))
            self._check(hasher.hexdigest())

    def _check(self, sha1: str) -> None:
        if sha1 != self.name:
            raise ContentDamagedError(
                f"The node sent other bytes than {self.name} has.",
                hint="Ask the owner of the node to run `kachery fsck`.",
                sha1=self.name,
            )


def find_at_node(node: Node, sha1: str) -> AtNode | None:
    """The content with this SHA-1 if the node holds it."""
    try:
        facts = json.loads(ask(node.door, "GET", f"/files/{sha1}/info").body)
    except ContentNotFoundError:
        return None
    return AtNode(node, sha1, int(facts["size"])) if facts["held"] else None


def _is_whole(path: Path, sha1: str) -> bool:
    try:
        with open_readable(path) as descriptor:
            return hash_file(descriptor).sha1 == sha1
    except FileNotFoundError:
        return False
