"""Buffers: what a source has reaches the store whole, in order, and under its own name."""

import hashlib
import threading
from pathlib import Path

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_store.buffers import copier
from kachery_store.store import Label, Store


def drained(buffers: list[memoryview]) -> bytes:
    fill = copier(buffers)
    target = bytearray(CHUNK_SIZE)
    pieces = []
    while count := fill(target):
        pieces.append(bytes(target[:count]))
    return b"".join(pieces)


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (CHUNK_SIZE, 0, 3), (5, 2 * CHUNK_SIZE + 7)])
def test_several_buffers_come_out_as_one_run_of_bytes(sizes: tuple[int, ...]) -> None:
    parts = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    assert drained([memoryview(part) for part in parts]) == b"".join(parts)


def test_an_array_that_changes_while_it_is_stored_still_gets_its_own_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "storage")
    data = bytearray(32 * CHUNK_SIZE)
    stop = threading.Event()

    def change() -> None:
        value = 0
        while not stop.is_set():
            value = (value + 1) % 256
            for start in range(0, len(data), 4096):
                data[start] = value

    changer = threading.Thread(target=change)
    changer.start()
    try:
        contents = [
            store.add_buffers([memoryview(data)], len(data), Label("a", "npy")) for _ in range(5)
        ]
    finally:
        stop.set()
        changer.join()
    for content in contents:
        stored = store.objects.get(content.sha1).path.read_bytes()
        assert hashlib.sha1(stored).hexdigest() == content.sha1
