"""The content one storage folder holds: adding to it, and finding it again."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, chunk_digests, sha1_hex
from kachery_core.errors import StorageReadOnlyError
from kachery_core.manifests import MANIFEST_THRESHOLD, Manifest, encode_manifest, make_manifest
from kachery_store.assembly import Assembly
from kachery_store.buffers import copier, pump
from kachery_store.catalog import Catalog, Entry
from kachery_store.disk import disk_errors
from kachery_store.folder import Folder
from kachery_store.ingest import Ingest, Ingested
from kachery_store.locks import exclusive_lock, shared_lock
from kachery_store.mutables import Mutables
from kachery_store.objects import Objects
from kachery_store.placing import Placing
from kachery_store.reading import hash_file
from kachery_store.seen import Seen, is_racy, same_file
from kachery_store.sources import open_source
from kachery_store.uses import Uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any


@dataclass(frozen=True)
class Label:
    """What people will want to know of a content later.

    Attributes:
        name: what it is called.
        kind: text, json, npy, pkl, bytes, file, link or folder.
        origin: where it came from, plain JSON values.
        fetched: it came from another node.
    """

    name: str = ""
    kind: str = "bytes"
    origin: dict[str, Any] | None = None
    fetched: bool = False


@dataclass(frozen=True)
class Content:
    """What was stored: its SHA-1, its size in bytes, and the SHA-1 of its manifest or ''."""

    sha1: str
    size: int
    manifest: str = ""


class Store:
    """One storage folder, written by its owner's programs, read by anyone who may.

    Args:
        root: the storage folder.
        writable: False for a folder of somebody else's.
        seen: what this user has verified before; by default in the user's cache folder.
    """

    def __init__(self, root: Path, *, writable: bool = True, seen: Seen | None = None) -> None:
        self.folder = Folder(root)
        self.writable = writable
        if writable:
            self.folder.prepare()
        else:
            self.folder.check_version()
        self.seen = seen or Seen()
        self.objects = Objects(self.folder, self.seen, is_owner=writable)
        self._placing = Placing(self.folder, self.objects, self.seen)
        self.catalog = Catalog(self.folder.state)
        self.mutables = Mutables(self.folder.state)
        self.uses = Uses(self.catalog)

    def add_bytes(self, data: bytes | memoryview, label: Label) -> Content:
        """Store bytes; durable when this returns."""
        view = memoryview(data).cast("B")
        if len(view) > CHUNK_SIZE:
            return self.add_buffers([view], len(view), label)
        view = memoryview(bytes(view))  # nobody else's to change
        sha1 = sha1_hex(view)
        with self.adding():
            self._placing.put_small(sha1, view)
            return self._enter(make_manifest(sha1, len(view), chunk_digests(view)), label)

    def add_buffers(
        self,
        buffers: Iterable[memoryview],
        size: int,
        label: Label,
        progress: Callable[[int], None] | None = None,
    ) -> Content:
        """Store the bytes of several buffers, one after the other.

        They may change meanwhile: what is stored is what was hashed.
        """
        with self.ingesting(size) as ingest:
            pump(ingest, copier(buffers), progress)
            return self.commit(ingest.finish(), label)

    def add_file(
        self, path: Path, label: Label, progress: Callable[[int], None] | None = None
    ) -> Content:
        """Store a copy of a file; at once if the same unchanged file was stored before."""
        with open_source(path) as source:
            before = os.fstat(source)
            with self.adding():
                known = self._known(before)
                if known is not None:
                    self.catalog.add(_entry(known, label))
                    return known
            with self.ingesting(before.st_size) as ingest:
                is_clone = not is_racy(before) and ingest.clone_from(source)
                pump(ingest, lambda buffer: os.readv(source, [buffer]), progress)
                if is_clone and not same_file(before, os.fstat(source)):
                    # The bytes hashed may not be the blocks shared: write them instead.
                    ingest.abort()
                    return self.add_file(path, label, progress)
                content = self.commit(ingest.finish(), label)
            if same_file(before, os.fstat(source)):
                self.seen.remember(before, content.sha1, content.manifest)
            return content

    def link_file(
        self, path: Path, label: Label, progress: Callable[[int], None] | None = None
    ) -> Content:
        """Make a file loadable where it is, without a copy; it must not change afterwards."""
        path = path.absolute()
        with open_source(path) as source:
            status = os.fstat(source)
            manifest = hash_file(source, progress)
            self.seen.remember(status, manifest.sha1)
        with self.adding():
            self._placing.put_link(path, status, manifest)
            return self._enter(manifest, label)

    def add_many(self, items: Sequence[tuple[bytes, Label]]) -> list[Content]:
        """Store many small contents with one wait for the disk; all durable when this returns."""
        contents: list[Content] = []
        small: list[tuple[str, bytes]] = []
        entries: list[Entry] = []
        for data, label in items:
            if len(data) > CHUNK_SIZE:
                contents.append(self.add_bytes(data, label))
            else:
                contents.append(Content(sha1_hex(data), len(data)))
                small.append((contents[-1].sha1, data))
                entries.append(_entry(contents[-1], label))
        with self.adding():
            self._placing.put_many(small)
            self.catalog.add(*entries)
        return contents

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """While something is added, nothing is removed."""
        with self._locked(shared_lock):
            yield

    @contextlib.contextmanager
    def removing(self) -> Iterator[None]:
        """While something is removed, nothing is added."""
        with self._locked(exclusive_lock):
            yield

    @contextlib.contextmanager
    def ingesting(self, size: int | None) -> Iterator[Ingest]:
        """A content to be written; leaves nothing behind if it is not committed."""
        self._check_writable()
        ingest = Ingest(self.folder, size)
        try:
            yield ingest
        finally:
            ingest.abort()

    def assemble(self, manifest: Manifest) -> Assembly:
        """A content whose chunks arrive in any order; what arrived earlier is still there.

        Give it its name with `commit(assembly.finish(), label)`.
        """
        self._check_writable()
        return Assembly(self.folder, manifest)

    def commit(self, ingested: Ingested, label: Label) -> Content:
        """Give finished bytes their name; durable when this returns.

        Raises:
            HashCollisionError: other bytes with the same SHA-1 are already here.
        """
        with self.adding():
            self._placing.put_ingested(ingested)
            return self._enter(ingested.manifest, label)

    def note_use(self, sha1: str) -> None:
        """Content is read now; a folder of somebody else's is for them to tidy up."""
        if self.writable:
            self.uses.note(sha1)

    def close(self) -> None:
        """Close this thread's database connections."""
        self.uses.tell()
        self.catalog.close()
        self.mutables.close()
        self.seen.close()

    def _known(self, status: os.stat_result) -> Content | None:
        """The content of an unchanged file that is still here."""
        known = self.seen.find(status)
        if known is None:
            return None
        sha1, manifest = known
        if not manifest and status.st_size > MANIFEST_THRESHOLD:
            return None
        held = self.objects.find_object(sha1)
        if held is None or held.size != status.st_size:
            return None
        if manifest and self.objects.find_object(manifest) is None:
            return None
        return Content(sha1, status.st_size, manifest)

    def _enter(self, manifest: Manifest, label: Label) -> Content:
        name = ""
        if manifest.size > MANIFEST_THRESHOLD:
            table = encode_manifest(manifest)
            name = sha1_hex(table)
            if self.objects.find_object(name) is None:
                self._placing.put_small(name, memoryview(table))
        content = Content(manifest.sha1, manifest.size, name)
        self.catalog.add(_entry(content, label))
        return content

    @contextlib.contextmanager
    def _locked(self, lock: Callable[[Path], AbstractContextManager[None]]) -> Iterator[None]:
        self._check_writable()
        with contextlib.ExitStack() as held:
            with disk_errors(self.folder.root):
                held.enter_context(lock(self.folder.state / "store.lock"))
            yield

    def _check_writable(self) -> None:
        if not self.writable:
            raise StorageReadOnlyError(
                f"The storage folder {self.folder.root} belongs to somebody else.",
                hint="Its node stores for you while it is running.",
            )


def _entry(content: Content, label: Label) -> Entry:
    return Entry(
        content.sha1,
        label.name,
        label.kind,
        content.size,
        content.manifest,
        origin=label.origin,
        fetched=label.fetched,
    )
