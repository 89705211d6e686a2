"""Giving bytes their names in the store; what is there already is never silently replaced."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, chunk_digests, sha1_hex
from kachery_core.errors import (
    HashCollisionError,
    LinkedFileChangedError,
    StorageFailedError,
)
from kachery_core.manifests import encode_manifest, make_manifest
from kachery_store.disk import NameTakenError, disk_errors, name_new, sync_all, sync_file, write_all
from kachery_store.folder import set_mode
from kachery_store.objects import open_held
from kachery_store.reading import hash_file, read_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kachery_core.manifests import Manifest
    from kachery_store.folder import Folder
    from kachery_store.ingest import Ingested
    from kachery_store.objects import Held, Objects
    from kachery_store.seen import Seen


class Placing:
    """Puts finished bytes under `sha1/`; everything it did is durable when it returns."""

    def __init__(self, folder: Folder, objects: Objects, seen: Seen) -> None:
        self._folder = folder
        self._objects = objects
        self._seen = seen

    def put_ingested(self, ingested: Ingested) -> None:
        """Content that was written to a temporary file.

        Raises:
            HashCollisionError: other bytes with the same SHA-1 are already here.
        """
        manifest = ingested.manifest
        final = self._folder.object_path(manifest.sha1)
        while not self._is_here(manifest):
            self._put_manifest(manifest)
            # Whoever was faster is compared with in the next turn.
            with contextlib.suppress(NameTakenError), disk_errors(self._folder.root):
                self._folder.place(ingested.temporary, final)
                if manifest.size > CHUNK_SIZE:
                    self._seen.remember(final.stat(), manifest.sha1, is_ours=True)
                return

    def put_small(self, sha1: str, view: memoryview) -> None:
        """Content of at most one chunk, in memory.

        Raises:
            HashCollisionError: other bytes with the same SHA-1 are already here.
        """
        expected = make_manifest(sha1, len(view), chunk_digests(view))
        final = self._folder.object_path(sha1)
        while not self._is_here(expected):
            with contextlib.suppress(NameTakenError):
                with self._temporary(view) as (descriptor, temporary):
                    self._folder.place(temporary, final, descriptor)
                return

    def put_many(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Many contents of at most one chunk, with one wait for the disk."""
        placing: list[tuple[Path, Manifest]] = []
        coming: dict[str, Manifest] = {}
        with contextlib.ExitStack() as leftovers:
            for sha1, data in items:
                expected = make_manifest(sha1, len(data), chunk_digests(data))
                if coming.setdefault(sha1, expected) != expected:
                    raise _collision(coming[sha1], expected)
                if not self._is_here(expected):
                    with self._temporary(memoryview(data)) as (descriptor, temporary):
                        set_mode(descriptor)
                    leftovers.callback(temporary.unlink, missing_ok=True)
                    placing.append((temporary, expected))
            self._place_many(placing)

    def put_link(self, path: Path, status: os.stat_result, manifest: Manifest) -> None:
        """Content that stays in a file of the user's, unless the store has a copy.

        Raises:
            HashCollisionError: other bytes with the same SHA-1 are already here.
        """
        if self._is_here(manifest):
            return
        self._put_manifest(manifest)
        record = {
            "path": str(path),
            "manifestSha1": None,
            "stat": {"size": status.st_size, "mtime": status.st_mtime},
        }
        with disk_errors(self._folder.root):
            final = self._folder.link_path(manifest.sha1)
            parents = self._folder.make_parents(final)
            self._folder.write_whole(final, json.dumps(record).encode())
            self._folder.settle(parents)

    def _find(self, sha1: str) -> Held | None:
        try:
            return self._objects.find(sha1)
        except LinkedFileChangedError:
            return None  # a dead link is no reason not to store the content itself

    def _is_here(self, manifest: Manifest) -> bool:
        """Whether the store has an undamaged copy of its own of this content."""
        held = self._find(manifest.sha1)
        return held is not None and self._is_same(held, manifest) and not held.is_link

    def _is_same(self, held: Held, manifest: Manifest) -> bool:
        """Whether what is held is this content, undamaged; damaged files are set aside.

        Raises:
            HashCollisionError: it is another content with the same SHA-1.
        """
        try:
            there, judged = self._table_of(held, manifest)
        except StorageFailedError:
            if held.is_link:
                return False
            raise
        if there == manifest:
            return True
        if there.sha1 == manifest.sha1:
            raise _collision(there, manifest)
        self._objects.set_aside(held, judged)
        return False

    def _table_of(self, held: Held, expected: Manifest) -> tuple[Manifest, os.stat_result]:
        """The chunk table of what is held, read anew unless it is known to be as expected."""
        with open_held(held) as descriptor:
            status = os.fstat(descriptor)
            if status.st_size <= CHUNK_SIZE:
                data = read_at(descriptor, 0, status.st_size)
                return make_manifest(sha1_hex(data), len(data), chunk_digests(data)), status
            known = self._seen.find(status)
            if known is not None and known[0] == held.sha1:
                stored = self._objects.stored_manifest(held.sha1)
                if stored == expected:
                    return stored, status
            return hash_file(descriptor), status

    def _put_manifest(self, manifest: Manifest) -> None:
        """Write the table first: an object is never here without it."""
        if manifest.size <= CHUNK_SIZE:
            return
        path = self._folder.manifest_path(manifest.sha1)
        with disk_errors(self._folder.root):
            parents = self._folder.make_parents(path)
            self._folder.write_whole(path, encode_manifest(manifest), 0o444)
            self._folder.settle(parents)

    @contextlib.contextmanager
    def _temporary(self, view: memoryview) -> Iterator[tuple[int, Path]]:
        """A new file with these bytes, not yet durable; gone if the block fails."""
        with disk_errors(self._folder.root, len(view)):
            descriptor, temporary = self._folder.new_temporary()
            try:
                write_all(descriptor, view)
                yield descriptor, temporary
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            finally:
                os.close(descriptor)

    def _place_many(self, placing: list[tuple[Path, Manifest]]) -> None:
        root = self._folder.root
        with disk_errors(root):
            if not sync_all(root):
                for temporary, _ in placing:
                    _sync_path(temporary)
            folders: dict[str, None] = {}
            for temporary, manifest in placing:
                final = self._folder.object_path(manifest.sha1)
                folders.update(dict.fromkeys(self._folder.make_parents(final)))
                self._name(temporary, final, manifest)
            if not sync_all(root):
                for name in folders:
                    self._folder.settle([name])

    def _name(self, temporary: Path, final: Path, manifest: Manifest) -> None:
        while True:
            try:
                name_new(temporary, final)
            except NameTakenError:
                if self._is_here(manifest):
                    return
            else:
                return


def _collision(there: Manifest, refused: Manifest) -> HashCollisionError:
    return HashCollisionError(
        f"Another content with the SHA-1 {refused.sha1} is already stored.",
        hint="One of the two was made to deceive. Nothing was replaced.",
        sha1=refused.sha1,
        stored_size=there.size,
        refused_size=refused.size,
    )


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync_file(descriptor)
    finally:
        os.close(descriptor)
