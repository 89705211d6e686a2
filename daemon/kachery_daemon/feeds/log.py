"""The log file of one subfeed: batches one after the other, then zeros.

The file grows by blocks of real zeros, so that syncing an append has nothing but the batch itself
to write. What follows the last whole, signed group was never acknowledged; it is cleared before the
next append.
Blocking: used by the committer's thread and in the node's pools.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

from kachery_core.errors import BadSignatureError, BrokenChainError, StorageFailedError
from kachery_core.messages import (
    Head,
    check_batch,
    check_head,
    decode_batches,
    outline_batches,
    signed_end,
)
from kachery_daemon.feeds.log_files import LogFile
from kachery_daemon.feeds.remains import are_several_groups
from kachery_store.disk import disk_errors, sync_data, sync_directory, write_all_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_core.messages import Batch, SubfeedKey

_SMALLEST_GROWTH = 64 << 10
_LARGEST_GROWTH = 8 << 20
# A reader's position is found by walking at most this many bytes of the log.
_MARK_EVERY = 64 << 10
_APPEND_IDS_KEPT = 100_000


class SubfeedLog:
    """One subfeed's messages on disk.

    Args:
        path: the file; made by the first append.
        key: which subfeed.
        seen: the highest head ever acknowledged; everything up to it must be there.
        is_replaceable: what is damaged may be cut off, because it can be had again.

    Raises:
        BrokenChainError: something acknowledged is damaged or missing.
    """

    def __init__(
        self, path: Path, key: SubfeedKey, seen: Head, *, is_replaceable: bool = False
    ) -> None:
        self.path = path
        self.key = key
        self.head = Head()
        self.failed = False
        self._end = 0
        self._size = 0
        self._has_leftovers = False
        self._marks: list[tuple[int, int, bytes]] = []
        self._append_ids: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        self._file = LogFile(path)
        # Only the first append makes a file, so that asking costs nothing.
        self._exists = path.exists()
        # Held from a write to its sync: what the kernel says of the write, it says to this one.
        self._held: int | None = None
        try:
            self._scan(seen, is_replaceable=is_replaceable)
        except BaseException:
            self.close()
            raise

    def find_append(self, append_id: bytes) -> tuple[int, int] | None:
        """The first index and the count of an append that was already made."""
        return self._append_ids.get(append_id)

    def write(self, data: bytes) -> None:
        """Write encoded batches after the last one; not yet durable, not yet visible.

        Raises:
            StorageFullError: there is no room; nothing was written.
        """
        if self.failed:
            raise StorageFailedError(
                f"The disk under {self.path} failed while a message was being written.",
                hint="Restart the node; it checks the feed before it goes on.",
            )
        if self._held is None:
            self._held = self._file.acquire(is_new=not self._exists)
        try:
            with disk_errors(self.path.parent, len(data)):
                self._write(self._held, data)
        except BaseException:
            self._let_go()
            raise

    def sync(self) -> None:
        """Make what was written durable. A failed sync is never tried again: the kernel forgets."""
        try:
            with disk_errors(self.path.parent):
                sync_data(-1 if self._held is None else self._held)
        except BaseException:
            self.failed = True
            raise
        finally:
            self._let_go()

    def advance(self, batches: list[Batch], size: int) -> None:
        """Let readers see what is durable now."""
        offset = self._end
        # The end first: a reader in another thread that sees the new head needs its bytes.
        self._end += size
        for batch in batches:
            self._note(batch, offset)

    def read(self, position: int, max_bytes: int) -> tuple[Head, bytes]:
        """A run of batches that holds a position and ends with a signed one.

        Returns:
            The head before the run, and the run; empty if the position is not written yet.
        """
        head = self.head
        end = self._end
        if position >= head.length:
            return head, b""
        index = bisect_right(self._marks, position, key=lambda mark: mark[0]) - 1
        first, offset, entry = self._marks[index]
        before = Head(first, entry)
        size = min(end - offset, max_bytes + _MARK_EVERY)
        descriptor = self._file.acquire()
        try:
            while True:
                data = os.pread(descriptor, size, offset)
                run = _cut(data, before, position, max_bytes, is_all=offset + size >= end)
                if run is not None:
                    return run
                size = min(end - offset, size * 2)
        finally:
            self._file.release()

    def contains(self, head: Head) -> bool:
        """Whether the chain goes through a head; it must not be higher than this log's."""
        if head.length == 0:
            return True
        _, run = self.read(head.length - 1, 1)
        return any(outline.head == head for outline in outline_batches(run))

    def close(self) -> None:
        """Close the file as soon as nobody uses it; nothing is written any more."""
        self.failed = True
        self._file.close()

    def _write(self, descriptor: int, data: bytes) -> None:
        if not self._exists:
            sync_directory(self.path.parent)
            self._exists = True
        if self._has_leftovers:
            write_all_at(descriptor, bytes(self._size - self._end), self._end)
            # Before anything is written over them: remains of two groups would look like damage.
            sync_data(descriptor)
            self._has_leftovers = False
        self._grow(descriptor, self._end + len(data) + 4)
        write_all_at(descriptor, data, self._end)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held = None
            self._file.release()

    def _scan(self, seen: Head, *, is_replaceable: bool) -> None:
        """Check the whole chain; leave out what was never acknowledged."""
        data = self.path.read_bytes() if self._exists else b""
        self._size = len(data)
        settled = 0
        for group, end in self._whole_groups(data, seen):
            for one, offset in group:
                self._note(one, offset)
            self._end = end
            if self.head.length <= seen.length:
                settled = end
        if self.head.length < seen.length:
            raise self._damaged(f"{seen.length} were acknowledged")
        self._has_leftovers = any(data[self._end :])
        if self._has_leftovers and not is_replaceable and are_several_groups(data[self._end :]):
            raise self._damaged("what follows it was acknowledged")
        if settled < self._end:
            # Perhaps it never reached the disk. Written again, because after a failed sync the
            # kernel takes it for clean; synced, because from here on it can be read.
            descriptor = self._file.acquire()
            try:
                with disk_errors(self.path.parent):
                    write_all_at(descriptor, data[settled : self._end], settled)
                    sync_data(descriptor)
            finally:
                self._file.release()

    def _damaged(self, why: str) -> BrokenChainError:
        return BrokenChainError(
            f"{self.path} ends at message {self.head.length}; {why}.",
            hint="The file was damaged or is an older copy. Restore it from a backup.",
            feed=self.key.feed,
            subfeed=self.key.subfeed,
        )

    def _whole_groups(self, data: bytes, seen: Head) -> list[tuple[list[tuple[Batch, int]], int]]:
        """The groups that count: all but one that a crash tore before it was acknowledged."""
        groups = []
        length = 0
        try:
            for group, end in self._signed_groups(data):
                groups.append((group, end))
                length = group[-1][0].head.length
        except BrokenChainError:
            # Either a write that a power cut tore, or damage to something acknowledged.
            if length < seen.length:
                raise
        while groups:
            first, last = groups[-1][0][0][0], groups[-1][0][-1][0]
            try:
                check_head(self.key, last.head, last.signature)
            except BadSignatureError:
                # Torn inside the signature; only the group in hand can be.
                if first.first < seen.length or last.head.length < length:
                    raise
                groups.pop()
            else:
                break
        return groups

    def _signed_groups(self, data: bytes) -> Iterator[tuple[list[tuple[Batch, int]], int]]:
        """Chained batches up to each signed one, with their offsets, and the offset after them."""
        group: list[tuple[Batch, int]] = []
        head = Head()
        start = 0
        for batch, end in decode_batches(data):
            head = check_batch(self.key, head, batch)
            group.append((batch, start))
            start = end
            if batch.signature:
                yield group, end
                group = []

    def _note(self, batch: Batch, offset: int) -> None:
        if not self._marks or offset - self._marks[-1][1] >= _MARK_EVERY:
            self._marks.append((batch.first, offset, self.head.entry))
        self._append_ids[batch.append_id] = (batch.first, len(batch.payloads))
        if len(self._append_ids) > _APPEND_IDS_KEPT:
            self._append_ids.popitem(last=False)
        self.head = batch.head

    def _grow(self, descriptor: int, needed: int) -> None:
        if needed <= self._size:
            return
        step = min(max(self._size, _SMALLEST_GROWTH), _LARGEST_GROWTH)
        size = -(-needed // step) * step
        write_all_at(descriptor, bytes(size - self._size), self._size)
        self._size = size


def _cut(
    data: bytes, before: Head, position: int, max_bytes: int, *, is_all: bool
) -> tuple[Head, bytes] | None:
    """The part of some batches that begins at a position; None if a signature is not in reach."""
    start = None
    for outline in outline_batches(data, partial=True):
        if outline.head.length > position:
            start = outline.start
            break
        before = outline.head
    stop = None if start is None else signed_end(data, start, max_bytes)
    if stop is not None:
        return before, data[start:stop]
    if is_all:
        raise BrokenChainError("The feed's log has no signed end.")
    return None
