"""Letting content go: to the trash first, for good a week later."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from kachery_core.errors import ContentNotFoundError
from kachery_store.disk import disk_errors, sync_directory
from kachery_store.eviction import choose_evictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kachery_store.catalog import Entry
    from kachery_store.store import Store

TRASH_SECONDS = 7 * 24 * 3600
# An object, its chunk table and its link travel together.
_SUFFIXES = ("", ".manifest", ".link")


class Collection:
    """Removes and restores the content of a store; its owner's business."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove(self, sha1: str) -> Entry | None:
        """Move content to the trash, pinned or not; its entry, if the catalog knows it.

        Raises:
            ContentNotFoundError: it is not in the store.
        """
        with self._store.removing():
            return self._to_trash(sha1)

    def restore(self, sha1: str) -> None:
        """Bring content back from the trash.

        Raises:
            ContentNotFoundError: it is not in the trash.
        """
        folder = self._store.folder
        with self._store.removing(), disk_errors(folder.root):
            if self._store.objects.find(sha1) is None:
                self._from_trash(sha1)
            self._store.catalog.unmark_trashed(sha1)

    def collect(self, quota_bytes: int, *, dry_run: bool = True) -> list[Entry]:
        """Move fetched content above a quota to the trash, the least recently used first.

        Args:
            quota_bytes: what fetched content may take together.
            dry_run: only say what would go.
        """
        self._store.uses.tell()
        if dry_run:
            return choose_evictions(self._store.catalog.fetched(), quota_bytes)
        with self._store.removing():
            # Chosen under the lock: what was stored or pinned meanwhile stays.
            chosen = choose_evictions(self._store.catalog.fetched(), quota_bytes)
            for entry in chosen:
                if self._store.objects.find(entry.sha1) is None:
                    self._store.catalog.forget(entry.sha1)
                else:
                    self._to_trash(entry.sha1)
        return chosen

    def empty_trash(
        self, older_than_seconds: float = TRASH_SECONDS, *, dry_run: bool = True
    ) -> list[Entry]:
        """Delete for good what was removed long ago.

        Args:
            older_than_seconds: time since it was removed.
            dry_run: only say what would go.
        """
        before = time.time() - older_than_seconds
        if dry_run:
            return self._trashed_before(before)
        with self._store.removing():
            gone = self._trashed_before(before)
            for entry in gone:
                for suffix in _SUFFIXES:
                    (self._store.folder.trash / f"{entry.sha1}{suffix}").unlink(missing_ok=True)
                if self._store.objects.find(entry.sha1) is None:
                    self._store.catalog.forget(entry.sha1)
        return gone

    def let_go(self, names: Sequence[str]) -> list[Entry]:
        """Delete archived content for good, not by the trash: an archive's quota is about disks.

        What is not archived, or pinned, or stored by the owner meanwhile, stays.

        Args:
            names: SHA-1 of each.

        Returns:
            What is gone.
        """
        with self._store.removing(), disk_errors(self._store.folder.root):
            # Looked at under the lock: what was stored or pinned meanwhile stays.
            found = [self._store.catalog.find(sha1) for sha1 in names]
            gone = [one for one in found if one and one.archived and one.fetched and not one.pinned]
            for entry in gone:
                path = self._store.folder.object_path(entry.sha1)
                # The object goes last, so that it is never here without its table.
                for suffix in reversed(_SUFFIXES):
                    path.with_name(f"{entry.sha1}{suffix}").unlink(missing_ok=True)
                self._store.catalog.forget(entry.sha1)
        return gone

    def _trashed_before(self, moment: float) -> list[Entry]:
        return [
            entry
            for entry in self._store.catalog.trashed()
            if entry.trashed_at is not None and entry.trashed_at <= moment
        ]

    def _to_trash(self, sha1: str) -> Entry | None:
        folder = self._store.folder
        entry = self._store.catalog.find(sha1)
        path = folder.object_path(sha1)
        moved = False
        with disk_errors(folder.root):
            # The object goes last, so that it is never here without its table.
            for suffix in reversed(_SUFFIXES):
                source = path.with_name(f"{sha1}{suffix}")
                if source.exists():
                    os.replace(source, folder.trash / source.name)
                    moved = moved or suffix != ".manifest"
            if moved:
                sync_directory(folder.trash)
                sync_directory(path.parent)
        if not moved:
            raise ContentNotFoundError(f"Content {sha1} is not in the store.", sha1=sha1)
        self._store.catalog.mark_trashed(sha1)
        return entry

    def _from_trash(self, sha1: str) -> None:
        folder = self._store.folder
        kept = [
            folder.trash / f"{sha1}{suffix}"
            for suffix in reversed(_SUFFIXES)
            if (folder.trash / f"{sha1}{suffix}").exists()
        ]
        if not any(path.suffix != ".manifest" for path in kept):
            raise ContentNotFoundError(
                f"Content {sha1} is not in the trash.",
                hint="The trash keeps what was removed for a week.",
                sha1=sha1,
            )
        final = folder.object_path(sha1)
        parents = folder.make_parents(final)
        for path in kept:
            os.replace(path, final.with_name(path.name))
        folder.settle(parents)
        sync_directory(folder.trash)
