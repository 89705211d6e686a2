"""Content put together from chunks: only right ones are taken, and none is fetched twice."""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE, chunk_digests, sha1_hex
from kachery_core.errors import HashCollisionError, StorageFullError, TransferCancelledError
from kachery_core.manifests import Manifest, make_manifest
from kachery_store import assembly as assembly_module
from kachery_store.assembly import part_path, sweep_partials
from kachery_store.store import Label
from tests.support.samples import sample

if TYPE_CHECKING:
    from kachery_store.store import Store

DATA = sample(5 * CHUNK_SIZE + 12_345, "assembly")
TABLE = make_manifest(sha1_hex(DATA), len(DATA), chunk_digests(DATA))
COUNT = len(TABLE.chunks)


def piece(index: int) -> memoryview:
    return memoryview(DATA)[TABLE.chunks[index].start : TABLE.chunks[index].end]


def test_chunks_in_any_order_become_the_content(store: Store) -> None:
    assembly = store.assemble(TABLE)
    assembly.reserve()
    assembly.hash_along()
    order = list(range(COUNT))
    random.Random(3).shuffle(order)
    assert all(assembly.put(index, piece(index)) for index in order)
    assert assembly.sha1() == TABLE.sha1
    content = store.commit(assembly.finish(), Label("a.dat", "file", fetched=True))
    assembly.close()
    held = store.objects.get(content.sha1)
    assert store.objects.read(held) == DATA
    assert held.path.stat().st_mode & 0o777 == 0o444
    assert not part_path(store.folder, TABLE.sha1).exists()
    entry = store.catalog.find(TABLE.sha1)
    assert entry is not None
    assert entry.fetched


def test_a_wrong_chunk_changes_nothing_and_its_buffer_is_released(store: Store) -> None:
    assembly = store.assemble(TABLE)
    released = threading.Event()
    wrong = bytearray(piece(0))
    wrong[77] ^= 1
    assert not assembly.put(0, memoryview(wrong), released.set)
    assert released.is_set()
    assert not assembly.put(0, piece(0)[:-1])
    assert assembly.look(0, COUNT) == []
    assert assembly.read(0, 10) is None
    assembly.remove()
    assert not assembly.path.exists()


def test_after_a_crash_what_is_right_is_found_by_looking(store: Store) -> None:
    first = store.assemble(TABLE)
    for index in (0, 2, 3):
        assert first.put(index, piece(index))
    with open(first.path, "r+b") as file:  # the machine crashed while chunk 3 was written
        file.seek(3 * CHUNK_SIZE + 5)
        file.write(b"torn")
    first.close()

    second = store.assemble(TABLE)
    assert second.look(1, 3) == [2]
    assert second.look(0, COUNT) == [0, 2]
    assert second.read(2 * CHUNK_SIZE + 5, 3 * CHUNK_SIZE) == bytes(piece(2)[5:])
    for index in (1, 3, 4, 5):
        second.put(index, piece(index))
    assert second.sha1() == TABLE.sha1
    second.close()


def test_a_sealed_file_can_be_gone_on_with(store: Store) -> None:
    first = store.assemble(TABLE)
    for index in range(COUNT):
        first.put(index, piece(index))
    first.finish()
    first.close()
    second = store.assemble(TABLE)
    assert second.look(0, COUNT) == list(range(COUNT))
    second.close()


def test_another_table_keeps_what_both_agree_on(store: Store) -> None:
    lie = bytearray(DATA)
    lie[0] ^= 1
    wrong = make_manifest(TABLE.sha1, len(lie), chunk_digests(lie))
    first = store.assemble(wrong)
    for index in range(COUNT):
        chunk = wrong.chunks[index]
        assert first.put(index, memoryview(lie)[chunk.start : chunk.end])
    assert first.sha1() != TABLE.sha1
    second = first.changed_to(TABLE)
    with pytest.raises(TransferCancelledError):
        first.put(0, memoryview(lie)[:CHUNK_SIZE])
    assert second.look(0, COUNT) == list(range(1, COUNT))
    assert second.put(0, piece(0))
    assert second.sha1() == TABLE.sha1
    second.close()


def test_closing_waits_for_who_writes_and_refuses_who_comes_later(store: Store) -> None:
    assembly = store.assemble(TABLE)
    assembly.hash_along()
    problems: list[BaseException] = []

    def write() -> None:
        try:
            while True:
                assembly.put(1, piece(1))
        except TransferCancelledError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    assembly.close()
    for thread in threads:
        thread.join(10)
    assert len(problems) == 3
    assembly.close()


def test_what_is_there_already_is_compared(store: Store) -> None:
    store.add_bytes(DATA, Label())
    assembly = store.assemble(TABLE)
    for index in range(COUNT):
        assembly.put(index, piece(index))
    store.commit(assembly.finish(), Label())
    assembly.remove()

    other = Manifest(TABLE.sha1, TABLE.size, (*TABLE.chunks[:-1], TABLE.chunks[-1]))
    assert other == TABLE
    lie = bytes(len(DATA))
    forged = make_manifest(TABLE.sha1, len(lie), chunk_digests(lie))
    assembly = store.assemble(forged)
    for chunk in forged.chunks:
        assembly.put(chunk.start // CHUNK_SIZE, memoryview(lie)[chunk.start : chunk.end])
    with pytest.raises(HashCollisionError):
        store.commit(assembly.finish(), Label())
    assembly.remove()


def test_no_room_is_told_before_anything_comes(store: Store) -> None:
    assembly = store.assemble(Manifest("0" * 40, 1 << 42, ()))
    with pytest.raises(StorageFullError):
        assembly.reserve()
    assembly.remove()


def test_what_nobody_goes_on_with_is_swept(store: Store) -> None:
    assert sweep_partials(store.folder) == 0
    assembly = store.assemble(TABLE)
    assembly.close()
    assert sweep_partials(store.folder) == 0
    long_ago = os.stat(assembly.path).st_mtime - assembly_module.PARTIAL_SECONDS - 10
    os.utime(assembly.path, (long_ago, long_ago))
    assert sweep_partials(store.folder) == 1
    assert not assembly.path.exists()
