"""Two contents with one SHA-1: the first stays, the second is refused, and never silently."""

from __future__ import annotations

import hashlib
import itertools
import random
from typing import TYPE_CHECKING

import pytest

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import HashCollisionError
from tests.support.samples import LABEL, VECTORS, leftovers, read_all

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.store import Content, Store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

WAYS = ("add_bytes", "add_file", "add_many", "link_file")
TWO_WAYS = list(itertools.product(WAYS, WAYS))
PAIRS = {
    "shattered": ("shattered-1.pdf", "shattered-2.pdf"),
    "shambles": ("sha-mbles-1.bin", "sha-mbles-2.bin"),
}


def _put(store: Store, way: str, folder: Path, data: bytes) -> Content:
    if way == "add_bytes":
        return store.add_bytes(data, LABEL)
    if way == "add_many":
        return store.add_many([(b"before", LABEL), (data, LABEL)])[1]
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    result: Content = getattr(store, way)(path, LABEL)
    return result


def _check_pair(
    store: Store, ways: tuple[str, str], folder: Path, pair: tuple[bytes, bytes]
) -> None:
    first = _put(store, ways[0], folder, pair[0])
    with pytest.raises(HashCollisionError) as caught:
        _put(store, ways[1], folder, pair[1])
    assert caught.value.hint
    assert caught.value.fields["sha1"] == first.sha1
    assert read_all(store, first.sha1) == pair[0]
    assert leftovers(store.folder.root) == []
    assert _put(store, ways[0], folder, pair[0]) == first


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the public collisions beside the checkout")
@pytest.mark.parametrize("ways", TWO_WAYS, ids="-then-".join)
@pytest.mark.parametrize("order", [1, -1], ids=["as-published", "reversed"])
@pytest.mark.parametrize("name", PAIRS)
def test_the_public_collisions_are_refused(
    store: Store, tmp_path: Path, ways: tuple[str, str], order: int, name: str
) -> None:
    one, two = ((VECTORS / each).read_bytes() for each in PAIRS[name][::order])

    _check_pair(store, ways, tmp_path, (one, two))


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the public collisions beside the checkout")
@pytest.mark.parametrize("ways", TWO_WAYS, ids="-then-".join)
def test_collisions_of_several_chunks_are_refused(
    store: Store, tmp_path: Path, ways: tuple[str, str]
) -> None:
    """Whatever follows a published pair collides as well."""
    tail = bytes(2 * CHUNK_SIZE)
    one, two = ((VECTORS / each).read_bytes() + tail for each in PAIRS["shattered"])

    _check_pair(store, ways, tmp_path, (one, two))


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs the public collisions beside the checkout")
@pytest.mark.parametrize("tail", [0, 2 * CHUNK_SIZE])
def test_a_collision_within_one_batch_is_refused(store: Store, tail: int) -> None:
    one, two = ((VECTORS / each).read_bytes() + bytes(tail) for each in PAIRS["shattered"])

    with pytest.raises(HashCollisionError):
        store.add_many([(one, LABEL), (two, LABEL)])

    assert leftovers(store.folder.root) == []


def test_of_1000_collisions_of_a_weak_hash_none_is_silent(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address cut to 16 bits: the same code, and collisions as many as one likes."""

    def weak(data: bytes) -> str:
        return hashlib.sha1(data).hexdigest()[:4] * 10

    for module in ("placing", "store", "objects"):
        monkeypatch.setattr(f"kachery_store.{module}.sha1_hex", weak)
    monkeypatch.setattr("os.fsync", lambda _: None)
    seed = 20261120
    print(f"seed {seed}")
    rnd = random.Random(seed)
    first: dict[str, bytes] = {}
    refused = 0
    while refused < 1000:
        data = rnd.randbytes(rnd.randrange(1, 200))
        address = weak(data)
        way = rnd.choice(["add_bytes", "add_many"])
        if first.setdefault(address, data) == data:
            assert _put(store, way, tmp_path, data).sha1 == address
            continue
        with pytest.raises(HashCollisionError):
            _put(store, way, tmp_path, data)
        assert read_all(store, address) == first[address]
        refused += 1
        for _ in range(40):  # more first ones, so that the next collision comes soon
            more = rnd.randbytes(50)
            if weak(more) not in first and len(first) < 8000:
                first[weak(more)] = more
                store.add_bytes(more, LABEL)

    assert all(read_all(store, address) == data for address, data in first.items())
