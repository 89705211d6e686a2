"""Reading: exact ranges, whole chunks, and no waiting for what never ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kachery_core.digests import CHUNK_SIZE, chunk_digests
from kachery_core.errors import InvalidRangeError, StorageFailedError
from kachery_core.manifests import make_manifest
from kachery_store.reading import checked_range, hash_file, open_readable, read_at
from tests.support.samples import sample, sha1_of

if TYPE_CHECKING:
    from pathlib import Path


@given(st.integers(0, 99), st.none() | st.integers(-5, 105), st.none() | st.integers(-5, 105))
def test_a_range_lies_within_or_is_refused(size: int, start: int | None, end: int | None) -> None:
    first, last = start or 0, size if end is None else end
    if 0 <= first <= last <= size:
        assert checked_range(size, start, end) == (first, last)
    else:
        with pytest.raises(InvalidRangeError) as caught:
            checked_range(size, start, end)
        assert caught.value.fields["size"] == size


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1])
def test_a_file_is_hashed_as_a_whole_and_in_chunks(tmp_path: Path, size: int) -> None:
    data = sample(size)
    (tmp_path / "file").write_bytes(data)
    progress: list[int] = []
    with open_readable(tmp_path / "file") as descriptor:
        assert hash_file(descriptor, progress.append) == make_manifest(
            sha1_of(data), size, chunk_digests(data)
        )
        assert read_at(descriptor, 0, size + 10) == data
        assert read_at(descriptor, size, size + 10) == b""
    assert sum(progress) == size


def test_short_reads_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    preadv = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda fd, buffers, offset: preadv(fd, [buffers[0][:3]], offset)
    )
    with open_readable(tmp_path / "file") as descriptor:
        assert read_at(descriptor, 1, 9) == b"12345678"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_readable(tmp_path / "nothing"):
        pass
    with pytest.raises(StorageFailedError), open_readable(tmp_path) as descriptor:
        read_at(descriptor, 0, 1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageFailedError), open_readable(tmp_path / "pipe") as descriptor:
        read_at(descriptor, 0, 1)
