"""Reading what is held: every byte is checked before anyone sees it.

Content of one chunk is read whole and checked against its SHA-1. Longer content is checked chunk
by chunk against its table. A file that hands out a path, or a memory map, is checked once and
again whenever its size or times have changed (`Seen`).
"""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE, is_sha1, sha1_hex
from kachery_core.errors import (
    ContentDamagedError,
    ContentNotFoundError,
    LinkedFileChangedError,
    MalformedContentError,
    UntrustworthyError,
)
from kachery_core.manifests import (
    Chunk,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from kachery_store.reading import (
    checked_range,
    hash_file,
    open_readable,
    read_at,
    read_into,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kachery_core.manifests import Chunk
    from kachery_store.folder import Folder
    from kachery_store.seen import Seen

_MANIFESTS_KEPT = 32


@dataclass(frozen=True)
class Held:
    """Content that is here, as far as names tell; its bytes are not checked yet."""

    sha1: str
    path: Path
    size: int
    is_link: bool


class Objects:
    """The content of one storage folder.

    Args:
        folder: the storage folder.
        seen: what this user has verified before.
        is_owner: whether damaged files may be set aside and missing tables written.
    """

    def __init__(self, folder: Folder, seen: Seen, *, is_owner: bool) -> None:
        self._folder = folder
        self._seen = seen
        self._is_owner = is_owner
        self._manifests: dict[str, Manifest] = {}

    def find(self, sha1: str) -> Held | None:
        """The content with this SHA-1, or None."""
        return self.find_object(sha1) or self._find_link(sha1)

    def find_object(self, sha1: str) -> Held | None:
        """The content with this SHA-1 if the store has a copy of its own."""
        path = self._folder.object_path(sha1)
        try:
            return Held(sha1, path, path.stat().st_size, is_link=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise unreadable(path, problem) from problem

    def get(self, sha1: str) -> Held:
        """The content with this SHA-1.

        Raises:
            ContentNotFoundError: it is not here.
        """
        held = self.find(sha1)
        if held is None:
            raise _not_found(sha1)
        return held

    def read(self, held: Held, start: int = 0, end: int | None = None) -> bytes:
        """Bytes [start, end), verified.

        Raises:
            InvalidRangeError: not within the content.
            ContentDamagedError: the stored bytes are not what their name says.
            LinkedFileChangedError: the linked file is another one now.
        """
        with open_held(held) as descriptor:
            size = os.fstat(descriptor).st_size
            if size <= CHUNK_SIZE:
                data = read_at(descriptor, 0, size)
                if sha1_hex(data) != held.sha1:
                    self.judge(held)
                    # Still here: somebody has repaired it since it was opened.
                    return self.read(self.get(held.sha1), start, end)
                start, end = checked_range(size, start, end)
                return data if end - start == size else data[start:end]
            manifest = self.manifest(held)
            start, end = checked_range(manifest.size, start, end)
            return b"".join(
                data[max(start - chunk.start, 0) : end - chunk.start]
                for chunk in manifest.covering(start, end)
                for data in [self.read_chunk(held, descriptor, chunk)]
            )

    def read_chunk(self, held: Held, descriptor: int, chunk: Chunk) -> bytes:
        """One chunk, verified; a wrong table is made anew, wrong bytes are refused."""
        data = read_at(descriptor, chunk.start, chunk.end)
        if not chunk.matches(data):
            self._manifests.pop(held.sha1, None)
            fresh = self.judge(held).covering(chunk.start, chunk.end)
            if not any(other.start == chunk.start and other.matches(data) for other in fresh):
                raise self._damaged(held)
        return data

    def verified_path(self, held: Held, progress: Callable[[int], None] | None = None) -> Path:
        """A path whose content is what its name says, as of now."""
        with open_held(held) as descriptor:
            status = os.fstat(descriptor)
            known = self._seen.find(status) if status.st_size > CHUNK_SIZE else None
            if known is None or known[0] != held.sha1:
                self.verify(held, descriptor, progress)
                if status.st_size > CHUNK_SIZE:
                    self._seen.remember(status, held.sha1, is_ours=not held.is_link)
        return held.path

    def verify(
        self, held: Held, descriptor: int, progress: Callable[[int], None] | None = None
    ) -> None:
        """Read and check all of it."""
        size = os.fstat(descriptor).st_size
        if size <= CHUNK_SIZE:
            if sha1_hex(read_at(descriptor, 0, size)) != held.sha1:
                self.judge(held)
            return
        manifest = self.manifest(held)
        if manifest.size != size:
            self.judge(held)
            return
        buffer = memoryview(bytearray(CHUNK_SIZE))
        for chunk in manifest.chunks:
            view = buffer[: chunk.end - chunk.start]
            if read_into(descriptor, view, chunk.start) != len(view) or not chunk.matches(view):
                self._manifests.pop(held.sha1, None)
                self.judge(held)
                return
            if progress is not None:
                progress(len(view))

    def manifest(self, held: Held) -> Manifest:
        """The chunk table, from beside the object, or made by reading and checking all of it."""
        return self.known_manifest(held) or self._keep(held, self.judge(held))

    def known_manifest(self, held: Held) -> Manifest | None:
        """The chunk table from beside the object; None if it has none."""
        manifest = self._manifests.get(held.sha1) or self.stored_manifest(held.sha1)
        if manifest is None or manifest.size != held.size:
            return None
        return self._keep(held, manifest)

    def _keep(self, held: Held, manifest: Manifest) -> Manifest:
        for oldest in list(self._manifests)[: 1 - _MANIFESTS_KEPT]:
            self._manifests.pop(oldest, None)
        self._manifests[held.sha1] = manifest
        return manifest

    def stored_manifest(self, sha1: str) -> Manifest | None:
        """The chunk table kept beside an object; None if there is none that can be used."""
        try:
            manifest = decode_manifest(self._folder.manifest_path(sha1).read_bytes())
        except (OSError, MalformedContentError):
            return None
        return manifest if manifest.sha1 == sha1 else None

    def judge(self, held: Held) -> Manifest:
        """Hash all of a doubtful file: the table it should have, or the error it deserves.

        Raises:
            ContentDamagedError: its SHA-1 is not its name; the file is set aside.
            LinkedFileChangedError: the same of a linked file, which is left alone.
        """
        with open_held(held) as descriptor:
            judged = os.fstat(descriptor)
            manifest = hash_file(descriptor)
        if manifest.sha1 != held.sha1:
            raise self._damaged(held, judged)
        if self._is_owner and manifest.size > CHUNK_SIZE:
            # A full or read-only disk is no reason not to read.
            with suppress(OSError):
                self._folder.write_whole(
                    self._folder.manifest_path(held.sha1), encode_manifest(manifest), 0o444
                )
        return manifest

    def set_aside(self, held: Held, judged: os.stat_result) -> Path | None:
        """Move a damaged object out of sight, keeping it.

        Returns:
            Where it is now; None if that is not ours to do, or the file is not the judged one.
        """
        if held.is_link or not self._is_owner:
            return None
        target = self._folder.damaged / f"{held.sha1}.{time.time_ns()}"
        try:
            if not os.path.samestat(held.path.stat(), judged):
                return None  # repaired meanwhile
            self._folder.manifest_path(held.sha1).unlink(missing_ok=True)
            os.replace(held.path, target)
        except OSError:
            return None
        return target

    def _damaged(self, held: Held, judged: os.stat_result | None = None) -> UntrustworthyError:
        if held.is_link:
            return LinkedFileChangedError(
                f"The linked file {held.path} has changed since it was linked.",
                hint="Store it, or link it again, to get a URI for what it contains now.",
                sha1=held.sha1,
                path=str(held.path),
            )
        kept = self.set_aside(held, judged) if judged else None
        return ContentDamagedError(
            f"The stored copy of {held.sha1} is damaged.",
            hint=(f"It was moved to {kept}. " if kept else "")
            + "Store the original again; the URI will be the same.",
            sha1=held.sha1,
            path=str(kept or held.path),
        )

    def _find_link(self, sha1: str) -> Held | None:
        record = self._folder.link_path(sha1)
        try:
            path = Path(json.loads(record.read_bytes())["path"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise unreadable(record, problem) from problem
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                return Held(sha1, path, status.st_size, is_link=True)
            trouble = "it is not a file any more"
        except ValueError:
            return None  # a path that no file can have
        except OSError as problem:
            trouble = problem.strerror or "it is gone"
        raise LinkedFileChangedError(
            f"The linked file {path} cannot be read: {trouble}.",
            hint="Put it back, or store the content from another copy.",
            sha1=sha1,
            path=str(path),
        )


@contextmanager
def open_held(held: Held) -> Iterator[int]:
    """The open file of held content.

    Raises:
        ContentNotFoundError: it is gone.
        StorageFailedError: it cannot be read.
    """
    try:
        with open_readable(held.path) as descriptor:
            yield descriptor
    except FileNotFoundError as problem:
        raise _not_found(held.sha1) from problem


def _not_found(sha1: str) -> ContentNotFoundError:
    name = sha1 if is_sha1(sha1) else repr(sha1)
    return ContentNotFoundError(f"Content {name} is not in the store.", sha1=sha1)
