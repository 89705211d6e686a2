"""Bytes that change on the disk: never a wrong byte comes out, and the original heals it.

10,000 damages: bit flips anywhere (chunk tables included), truncation, extension, zeroed pages and
swapped objects; in small, large, linked and legacy content; through every way of reading.
"""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    ContentDamagedError,
    ContentNotFoundError,
    InvalidRangeError,
    LinkedFileChangedError,
)
from kachery_store import objects as objects_module
from kachery_store import reading, seen, verified_file
from kachery_store.fsck import check_store
from kachery_store.verified_file import open_verified
from tests.support.faulty_disk import damaged_copy
from tests.support.samples import LABEL, read_all, sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kachery_store.objects import Held
    from kachery_store.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

KINDS = ("flip", "truncate", "extend", "zero")


@dataclass
class Victim:
    """Content in a store, with everything needed to damage and to repair it."""

    sha1: str
    data: bytes
    files: list[Path]
    originals: list[bytes]
    is_link: bool

    def repair(self) -> None:
        for path, original in zip(self.files, self.originals, strict=True):
            _overwrite(path, original)


def _overwrite(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def _victim(store: Store, folder: Path, data: bytes, how: str) -> Victim:
    if how == "link":
        source = folder / f"linked-{len(data)}.bin"
        source.write_bytes(data)
        sha1 = store.link_file(source, LABEL).sha1
        files = [source]
    else:
        sha1 = store.add_bytes(data, LABEL).sha1
        files = [store.folder.object_path(sha1)]
    table = store.folder.manifest_path(sha1)
    if table.exists() and how == "legacy":
        table.unlink()
    elif table.exists():
        files.append(table)
    return Victim(sha1, data, files, [path.read_bytes() for path in files], how == "link")


def _read_whole(store: Store, held: Held, _: random.Random) -> tuple[bytes, int]:
    return store.objects.read(held), 0


def _read_range(store: Store, held: Held, rnd: random.Random) -> tuple[bytes, int]:
    start = rnd.randrange(held.size + 1)
    end = rnd.randrange(start, held.size + 1)
    return store.objects.read(held, start, end), start


def _read_path(store: Store, held: Held, _: random.Random) -> tuple[bytes, int]:
    return store.objects.verified_path(held).read_bytes(), 0


def _read_file(store: Store, held: Held, rnd: random.Random) -> tuple[bytes, int]:
    start = rnd.randrange(held.size + 1)
    with open_verified(store.objects, held) as file:
        file.seek(start)
        return file.read(rnd.randrange(1, held.size + 2)), start


WAYS: tuple[Callable[..., tuple[bytes, int]], ...] = (
    _read_whole,
    _read_range,
    _read_path,
    _read_file,
)


def _check_one(store: Store, victim: Victim, target: int, rnd: random.Random) -> str:
    """Read damaged content in one way; what happened."""
    store.objects._manifests.clear()
    expected = LinkedFileChangedError if victim.is_link else ContentDamagedError
    try:
        got, start = rnd.choice(WAYS)(store, store.objects.get(victim.sha1), rnd)
    except expected as problem:
        refusal = problem
    else:
        assert got == victim.data[start : start + len(got)], "wrong bytes came out"
        return "read"
    assert target == 0, "a damaged table is not damaged content"
    assert refusal.hint
    return "refused"


def _check_all(store: Store, victims: list[Victim], count: int, seed: int) -> dict[str, int]:
    rnd = random.Random(seed)
    print(f"seed {seed}")
    outcomes = {"refused": 0, "read": 0}
    for _ in range(count):
        victim = rnd.choice(victims)
        target = rnd.randrange(len(victim.files))
        original = victim.originals[target]
        bad = damaged_copy(original, rnd.choice(KINDS), rnd.randrange(1 << 40))
        _overwrite(victim.files[target], bad)
        outcome = _check_one(store, victim, target, rnd)
        outcomes[outcome] += 1
        if outcome == "refused" and not victim.is_link:
            _check_set_aside(store, victim, bad)
        victim.repair()
    return outcomes


def _check_set_aside(store: Store, victim: Victim, bad: bytes) -> None:
    """What was damaged is kept for a look, and the original can be stored again."""
    kept = list(store.folder.damaged.iterdir())
    assert [path.read_bytes() for path in kept] == [bad]
    kept[0].unlink()
    with pytest.raises(ContentNotFoundError):
        store.objects.get(victim.sha1)
    assert store.add_bytes(victim.data, LABEL).sha1 == victim.sha1
    assert read_all(store, victim.sha1) == victim.data


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Chunks of 4 KiB, so that content of many chunks is quick to make and to damage."""
    import kachery_core.digests
    import kachery_core.manifests
    import kachery_store.ingest
    import kachery_store.placing
    import kachery_store.store

    size = 4096
    modules = (
        kachery_core.digests,
        kachery_core.manifests,
        kachery_store.ingest,
        kachery_store.placing,
        kachery_store.store,
        objects_module,
        reading,
        verified_file,
    )
    for module in modules:
        if hasattr(module, "CHUNK_SIZE"):
            monkeypatch.setattr(module, "CHUNK_SIZE", size)
    return size


def test_of_10000_damages_none_gets_out(
    store: Store, tmp_path: Path, small_chunks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The disk is not what is tested here: waiting for it 10,000 times would take minutes.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    size = small_chunks
    sizes = (1, size - 1, size, size + 1, 2 * size, 5 * size + 17)
    victims = [
        _victim(store, tmp_path, sample(each, how), how)
        for how in ("object", "link", "legacy")
        for each in sizes
    ]

    outcomes = _check_all(store, victims, 9_700, seed=20261120)

    print(outcomes)
    assert sum(outcomes.values()) == 9_700
    assert outcomes["refused"] > 3_000
    assert not list((store.folder.root / "tmp").iterdir())


def test_of_300_damages_to_megabytes_none_gets_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    victims = [
        _victim(store, tmp_path, sample(each, how), how)
        for how in ("object", "link", "legacy")
        for each in (CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 5)
    ]

    outcomes = _check_all(store, victims, 300, seed=42)

    assert outcomes["refused"] > 100


@pytest.mark.parametrize("size", [1000, CHUNK_SIZE + 1])
def test_two_swapped_objects_are_both_refused(store: Store, size: int) -> None:
    one, two = sample(size, "one"), sample(size, "two")
    paths = [store.folder.object_path(store.add_bytes(each, LABEL).sha1) for each in (one, two)]
    _overwrite(paths[0], two)
    _overwrite(paths[1], one)

    for path in paths:
        with pytest.raises(ContentDamagedError):
            read_all(store, path.name)

    assert len(list(store.folder.damaged.iterdir())) == 2


def test_two_objects_swapped_with_their_tables_are_both_refused(store: Store) -> None:
    size = 2 * CHUNK_SIZE
    contents = [store.add_bytes(sample(size, seed), LABEL) for seed in ("one", "two")]
    paths = [store.folder.object_path(content.sha1) for content in contents]
    tables = [store.folder.manifest_path(content.sha1) for content in contents]
    for one, two in (paths, tables):
        first, second = one.read_bytes(), two.read_bytes()
        _overwrite(one, second)
        _overwrite(two, first)
    store.objects._manifests.clear()

    for content in contents:
        with pytest.raises(ContentDamagedError):
            store.objects.read(store.objects.get(content.sha1), 5, 6)


def test_damage_is_found_before_the_range_is_judged(store: Store) -> None:
    for size in (1000, CHUNK_SIZE + 1000):
        content = store.add_bytes(sample(size), LABEL)
        path = store.folder.object_path(content.sha1)
        _overwrite(path, path.read_bytes()[:-500])

        with pytest.raises(ContentDamagedError):
            store.objects.read(store.objects.get(content.sha1), size - 10, size)


def test_a_range_outside_sound_content_is_the_callers_mistake(store: Store) -> None:
    for size in (0, 1000, CHUNK_SIZE + 1000):
        held = store.objects.get(store.add_bytes(sample(size), LABEL).sha1)
        for start, end in ((0, size + 1), (size + 1, size + 1), (-1, 0), (size, size - 1)):
            with pytest.raises(InvalidRangeError):
                store.objects.read(held, start, end)


@pytest.mark.parametrize("size", [10, 2 * CHUNK_SIZE])
def test_a_guest_who_finds_damage_leaves_the_file_where_it_is(store: Store, size: int) -> None:
    content = store.add_bytes(sample(size), LABEL)
    path = store.folder.object_path(content.sha1)
    _overwrite(path, b"x" * size)
    guest = type(store)(store.folder.root, writable=False, seen=store.seen)

    with pytest.raises(ContentDamagedError):
        read_all(guest, content.sha1)

    assert path.exists()


def test_damage_while_a_file_is_open_is_noticed_at_the_next_chunk(store: Store) -> None:
    data = sample(4 * CHUNK_SIZE)
    content = store.add_bytes(data, LABEL)
    path = store.folder.object_path(content.sha1)

    with open_verified(store.objects, store.objects.get(content.sha1)) as file:
        assert file.read(10) == data[:10]
        path.chmod(0o644)
        with path.open("r+b") as target:
            target.seek(3 * CHUNK_SIZE)
            target.write(b"damage")
        assert file.read(CHUNK_SIZE) == data[10 : CHUNK_SIZE + 10]
        file.seek(3 * CHUNK_SIZE)
        with pytest.raises(ContentDamagedError):
            file.read(1)


def test_fsck_finds_every_damage_and_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    rnd = random.Random(7)
    sizes = [rnd.randrange(1, 3000) for _ in range(300)] + [2 * CHUNK_SIZE + 1] * 4
    sha1s = [store.add_bytes(sample(size, i), LABEL).sha1 for i, size in enumerate(sizes)]
    assert check_store(store).is_clean
    bad = sorted(rnd.sample(sha1s, 100))
    for sha1 in bad:
        path = store.folder.object_path(sha1)
        _overwrite(path, damaged_copy(path.read_bytes(), rnd.choice(KINDS), rnd.randrange(1 << 30)))

    report = check_store(store)

    assert sorted(report.damaged) == bad
    assert report.checked == len(sha1s) - len(bad)
    assert check_store(store).is_clean


def test_a_repair_between_open_and_judgement_is_not_taken_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sample(1000)
    content = store.add_bytes(data, LABEL)
    path = store.folder.object_path(content.sha1)
    _overwrite(path, b"damaged")
    judge = store.objects.judge

    def repair_first(held: Held) -> object:
        _overwrite(path, data)
        return judge(held)

    monkeypatch.setattr(store.objects, "judge", repair_first)

    assert read_all(store, content.sha1) == data
    assert path.read_bytes() == data
    assert not list(store.folder.damaged.iterdir())


def test_a_repair_between_judgement_and_removal_is_not_taken_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sample(1000)
    content = store.add_bytes(data, LABEL)
    path = store.folder.object_path(content.sha1)
    _overwrite(path, b"damaged")
    hash_file = reading.hash_file

    def repair_afterwards(descriptor: int) -> object:
        table = hash_file(descriptor)
        path.rename(path.with_name("elsewhere"))
        path.write_bytes(data)
        return table

    monkeypatch.setattr(objects_module, "hash_file", repair_afterwards)
    with contextlib.suppress(ContentDamagedError):
        read_all(store, content.sha1)

    assert path.read_bytes() == data


def test_a_verified_path_is_trusted_for_a_month_and_no_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store.add_bytes(sample(2 * CHUNK_SIZE), LABEL)
    held = store.objects.get(content.sha1)
    looks: list[str] = []
    verify = store.objects.verify
    monkeypatch.setattr(
        store.objects, "verify", lambda *given: (looks.append("look"), verify(*given))
    )

    store.objects.verified_path(held)
    assert looks == []
    later = seen.time.time() + 31 * 24 * 3600
    monkeypatch.setattr(seen.time, "time", lambda: later)
    store.objects.verified_path(held)

    assert looks == ["look"]
