"""SHA-1 of chunks that arrive in any order is the SHA-1 of the whole."""

from __future__ import annotations

import functools
import hashlib
import random
import threading

import pytest

from kachery_core.errors import StorageFailedError
from kachery_store.sha1_along import Sha1Along

PIECES = [bytes([number]) * (1000 + number) for number in range(40)]
WHOLE = hashlib.sha1(b"".join(PIECES), usedforsecurity=False).hexdigest()


class Reader:
    """A file of the pieces; counts what is read again."""

    def __init__(self) -> None:
        self.indices: list[int] = []

    def __call__(self, index: int) -> memoryview:
        self.indices.append(index)
        return memoryview(PIECES[index])


def test_any_order_gives_the_same_and_every_buffer_is_released() -> None:
    for seed in range(50):
        reader, released = Reader(), list[int]()
        sha1 = Sha1Along(len(PIECES), reader)
        order = list(range(len(PIECES)))
        random.Random(seed).shuffle(order)
        found = set(order[: seed % 7])
        for index in order:
            if index in found:
                sha1.found(index)
            else:
                data = memoryview(bytearray(PIECES[index]))
                sha1.arrived(index, data, functools.partial(released.append, index))
        assert sha1.finish() == WHOLE, seed
        sha1.close()
        assert sorted(released) == sorted(set(order) - found)


def test_in_order_nothing_is_read_again() -> None:
    reader = Reader()
    sha1 = Sha1Along(len(PIECES), reader)
    for index, piece in enumerate(PIECES):
        done = threading.Event()
        sha1.arrived(index, memoryview(piece), done.set)
        assert done.wait(10)
    assert sha1.finish() == WHOLE
    assert reader.indices == []


def test_few_buffers_wait_however_slow_hashing_is() -> None:
    gate, released = threading.Event(), []

    def read(index: int) -> memoryview:
        gate.wait(10)
        return memoryview(PIECES[index])

    sha1 = Sha1Along(len(PIECES), read)
    sha1.found(0)
    for index in range(1, 40):
        sha1.arrived(index, memoryview(PIECES[index]), lambda: released.append(1))
    assert len(released) >= 31
    gate.set()
    assert sha1.finish() == WHOLE
    assert len(released) == 39


def test_closing_releases_what_waits_and_ends_the_wait() -> None:
    released = threading.Event()
    sha1 = Sha1Along(2, Reader())
    sha1.arrived(1, memoryview(PIECES[1]), released.set)
    waiting = threading.Thread(target=sha1.finish)
    waiting.start()
    sha1.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert released.is_set()


def test_a_disk_that_does_not_give_back_is_told() -> None:
    def read(_: int) -> memoryview:
        raise OSError(5, "Input/output error")

    sha1 = Sha1Along(1, read)
    sha1.found(0)
    with pytest.raises(StorageFailedError):
        sha1.finish()


def test_nothing_at_all_has_a_sha1() -> None:
    assert Sha1Along(0, Reader()).finish() == hashlib.sha1(b"").hexdigest()
