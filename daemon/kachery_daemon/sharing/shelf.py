"""An object store behind an archive: what leaves the disk under the quota stays there, sealed.

One object for each content, `kachery-1/DISCOVERY.frames`: its frames, as they travel, one after the
other; and beside it, if there are several, `.table`: the chunk table, as a note. Both are sealed
with the content's key, so whoever keeps the bucket reads nothing; and what comes back is verified
before anybody gets it. Everything blocks.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import Self

from kachery_core.capabilities import content_discovery, content_key
from kachery_core.digests import CHUNK_SIZE, blake3_hex, sha1_hex
from kachery_core.errors import (
    BadChunkError,
    InvalidInputError,
    KacheryError,
    UnavailableError,
)
from kachery_core.manifests import decode_manifest, encode_manifest
from kachery_core.sealing import NONCE_SIZE, TAG_SIZE, seal_note, unseal_note
from kachery_daemon.network.frames import LARGEST_FRAME, Frames, open_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

    from kachery_store import Store

_PREFIX = "kachery-1"
NO_TABLE = bytes(32)


@dataclass(frozen=True)
class Shelved:
    """A content that is on a shelf.

    Attributes:
        sha1: of the content.
        url: of the object store.
        size: bytes of the content.
        table: BLAKE3 of the encoded chunk table; zeros if there is one chunk only.
    """

    sha1: str
    url: str
    size: int
    table: bytes


class Shelf:
    """One object store.

    Args:
        url: `s3://bucket/folder`, `gs://…`, `az://…`, `file:///folder`; keys come from the
            environment, as the tools of that store have them.

    Raises:
        InvalidInputError: not such a URL.
        UnavailableError: the extra `s3` is not installed.
    """

    def __init__(self, url: str, store: ObjectStore | None = None) -> None:
        self.url = url
        self._store = store or _opened(url)

    def check(self) -> None:
        """Make sure that objects can be written and removed there.

        Raises:
            UnavailableError: they cannot.
        """
        import obstore  # noqa: PLC0415 - an extra

        with self._errors():
            obstore.put(self._store, f"{_PREFIX}/check", b"kachery")
            obstore.delete(self._store, f"{_PREFIX}/check")

    def put(self, store: Store, sha1: str) -> Shelved:
        """Copy a content there, sealed; only verified bytes are.

        Raises:
            ContentNotFoundError, UntrustworthyError: it is not here, or damaged.
            UnavailableError: the object store does not take it.
        """
        import obstore  # noqa: PLC0415 - an extra

        key, table = content_key(sha1), NO_TABLE
        with Frames(store, sha1) as frames:
            if frames.count > 1:
                encoded = encode_manifest(store.objects.manifest(store.objects.get(sha1)))
                table = bytes.fromhex(blake3_hex(encoded))
                note = seal_note(key, os.urandom(NONCE_SIZE), encoded)
                with self._errors():
                    obstore.put(self._store, _name(sha1, "table"), note)
            with self._errors():
                # The frames come last: what can be found is complete.
                sealed = (bytes(frames.sealed(index)) for index in range(frames.count))
                if frames.count > 1:
                    obstore.put(self._store, _name(sha1, "frames"), sealed)
                else:
                    obstore.put(self._store, _name(sha1, "frames"), b"".join(sealed))
            return Shelved(sha1, self.url, frames.size, table)

    def table(self, shelved: Shelved) -> bytes:
        """The encoded chunk table of a content of several chunks.

        Raises:
            BadChunkError: it is not what was put there.
            UnavailableError: the object store does not give it.
        """
        import obstore  # noqa: PLC0415 - an extra

        with self._errors():
            note = bytes(obstore.get(self._store, _name(shelved.sha1, "table")).bytes())
        try:
            encoded = unseal_note(content_key(shelved.sha1), note)
        except KacheryError as problem:
            raise _changed(shelved) from problem
        if bytes.fromhex(blake3_hex(encoded)) != shelved.table:
            raise _changed(shelved)
        return encoded

    def read(self, sha1: str, start: int, size: int) -> bytes:
        """Bytes of the object with the frames; not verified.

        Raises:
            UnavailableError: the object store does not give them.
        """
        import obstore  # noqa: PLC0415 - an extra

        with self._errors():
            data = obstore.get_range(self._store, _name(sha1, "frames"), start=start, length=size)
            return bytes(data)

    def delete(self, sha1: str) -> None:
        """Remove a content from there; what is not there is no error."""
        import obstore  # noqa: PLC0415 - an extra

        for suffix in ("frames", "table"):
            with self._errors(is_absent_fine=True):
                obstore.delete(self._store, _name(sha1, suffix))

    def list(self) -> Iterator[bytes]:
        """The discovery keys of everything that is there."""
        import obstore  # noqa: PLC0415 - an extra

        with self._errors():
            for page in obstore.list(self._store, prefix=_PREFIX):
                for one in page:
                    name, _, suffix = one["path"].rpartition("/")[2].partition(".")
                    if suffix == "frames":
                        yield bytes.fromhex(name)

    @contextmanager
    def _errors(self, *, is_absent_fine: bool = False) -> Iterator[None]:
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415 - an extra

        try:
            yield
        except (BaseError, OSError) as problem:
            if is_absent_fine and isinstance(problem, (NotFoundError, FileNotFoundError)):
                return
            raise UnavailableError(
                f"The object store {self.url} does not do what it should: {problem}",
                hint="Look at its address and at the keys in the node's environment.",
            ) from problem


class ShelfFrames:
    """The frames of a content on a shelf, verified one by one; as `Frames` otherwise.

    Args:
        shelf: where it is.
        shelved: which.

    Raises:
        BadChunkError: its table is not what was put there.
        UnavailableError: the object store does not give it.
    """

    def __init__(self, shelf: Shelf, shelved: Shelved) -> None:
        self._shelf = shelf
        self._shelved = shelved
        self._key = content_key(shelved.sha1)
        self.size = shelved.size
        self.count = max(-(-self.size // CHUNK_SIZE), 1)
        if self.count > 1:
            self._chunks = decode_manifest(shelf.table(shelved)).chunks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def length(self, first: int, last: int) -> int:
        """Bytes of the frames [first, last)."""
        return min(last * CHUNK_SIZE, self.size) - first * CHUNK_SIZE + (last - first) * TAG_SIZE

    def fill(self, index: int, buffer: bytearray) -> memoryview:
        """One frame, in a buffer of `LARGEST_FRAME` bytes.

        Raises:
            BadChunkError: it is not what was put there.
            UnavailableError: the object store does not give it.
        """
        frame = self.sealed(index)
        view = memoryview(buffer)[: len(frame)]
        view[:] = frame
        return view

    def sealed(self, index: int) -> bytes:
        """One frame, in memory of its own."""
        size = self.length(index, index + 1)
        frame = self._shelf.read(self._shelved.sha1, index * LARGEST_FRAME, size)
        scratch = memoryview(bytearray(frame))
        try:
            data = open_frame(self._key, index, scratch)
        except KacheryError as problem:
            raise _changed(self._shelved) from problem
        if len(frame) != size or not self._is_right(index, data):
            raise _changed(self._shelved)
        return frame

    def _is_right(self, index: int, data: memoryview) -> bool:
        if self.count == 1:
            return sha1_hex(data) == self._shelved.sha1
        return self._chunks[index].matches(data)


def _opened(url: str) -> ObjectStore:
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra
        from obstore.store import from_url  # noqa: PLC0415 - an extra
    except ImportError as problem:
        raise UnavailableError(
            "Object stores need the package `obstore`, which is not installed here.",
            hint="pip install 'kachery-jupyter[s3]'",
        ) from problem
    try:
        return from_url(url)
    except (BaseError, ValueError, OSError) as problem:
        raise InvalidInputError(
            f"{url!r:.200} is not the URL of an object store that can be used: {problem}",
            hint="For example s3://bucket/folder, or file:///a/folder/that/exists.",
        ) from problem


def _name(sha1: str, suffix: str) -> str:
    return f"{_PREFIX}/{content_discovery(sha1).hex()}.{suffix}"


def _changed(shelved: Shelved) -> BadChunkError:
    return BadChunkError(
        f"The object store {shelved.url} has other bytes than were put there for {shelved.sha1}.",
        hint="It is not served any more from there; load it from another node.",
    )
