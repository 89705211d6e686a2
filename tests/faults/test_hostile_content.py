"""Thousands of damaged contents: the program that loads them lives, and nothing wrong comes out."""

import json
import random

import pytest

import kachery_jupyter as kc
from kachery_jupyter.client.connection import forget_place
from tests.support.programs import run_program

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

MUTATED_PICKLES = """
import json, pickle, random, sys, warnings
import numpy as np
from kachery_core.errors import UnsafePickleError
from kachery_jupyter.client.safe_pickle import load_plain
warnings.simplefilter("ignore")
start, count = json.loads(sys.argv[1]) if len(sys.argv) > 1 else (0, 12000)
values = [
    {"x": np.zeros((3, 4))}, [np.float32(1), np.arange(5, dtype=">i2")],
    np.asfortranarray(np.ones((2, 3))), np.array([1, 2], dtype="M8[s]"),
    {"a": [1, 2.5, "s", None, True, (1, 2)], "b": np.array(["ab", "c"])},
    {"c": 1 + 2j, "r": range(3), "s": slice(1, 2)},
    {1, (2, 3)}, frozenset("ab"), bytearray(b"xy"), [[[]]] * 3,
]
seeds = [pickle.dumps(value, protocol) for value in values for protocol in (3, 4, 5)]
pieces = [
    b"\\xff\\xff\\xff\\xff", b"J\\xff\\xff\\xff\\x7f", b"\\x8a\\x08" + b"\\xff" * 7 + b"\\x7f",
    b"cnumpy\\ndtype\\n", b"cbuiltins\\nrange\\n",
    b"K\\x01", b"h\\x01", b"h\\x02", b"h\\x05", b"q\\x01",
    *(bytes([code]) for code in b"N(tbR.012easu\\x85\\x86\\x87\\x88\\x8f\\x90\\x91\\x94"),
]
fine = refused = 0
for number in range(start, start + count):
    rng = random.Random(number)
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0: data[at] = rng.randrange(256)
            case 1: piece = rng.choice(pieces); data[at:at + len(piece)] = piece
            case 2: data[at:at] = rng.choice(pieces)
            case 3: del data[at:at + rng.randrange(1, 6)]
            case 4:
                other = rng.choice(seeds); begin = rng.randrange(len(other))
                data[at:at + rng.randrange(8)] = other[begin:begin + rng.randrange(12)]
        data = data or bytearray(b".")
    try:
        repr(load_plain(bytes(data)))
        fine += 1
    except UnsafePickleError:
        refused += 1
print(json.dumps([fine, refused]))
"""


def test_twelve_thousand_mutated_pickles_and_not_one_crash() -> None:
    fine, refused = json.loads(run_program(MUTATED_PICKLES))
    assert fine + refused == 12_000
    assert fine > 100, "mutations that hit only values still load"
    assert refused > 1000


MUTATED_ARRAYS = """
import io, json, random, warnings
import numpy as np
from kachery_core.errors import MalformedContentError
from kachery_jupyter.client import npy
warnings.simplefilter("ignore")
seeds = [b"".join(npy.buffers_of(array)[1]) for array in (
    np.zeros((3, 4)), np.asfortranarray(np.ones((2, 3))), np.array(["ab", "c"]),
    np.array([1, 2], "M8[s]"),
    np.zeros(2, [("a", "f4"), ("b", "U2", (2,))]), np.array(1j))]
pieces = [b"9" * 20, b"True", b"None", b"0x", b"**", b"|V", b"<U", b"M8", b"\\xff\\xff"]
pieces += [bytes([code]) for code in b"OT-()[',"]
fine = refused = 0
for number in range(10_000):
    rng = random.Random(number)
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 2, 4])):
        at = rng.randrange(130)
        piece = rng.choice(pieces) if rng.random() < 0.7 else bytes([rng.randrange(256)])
        data[at:at + (len(piece) if rng.random() < 0.8 else 0)] = piece
    try:
        header = npy.parse_header(bytes(data), len(data))
        array = npy.from_buffer(data, header, header.size)
        array.tobytes()
        fine += 1
    except MalformedContentError:
        refused += 1
print(json.dumps([fine, refused]))
"""


def test_ten_thousand_mutated_arrays_and_not_one_crash() -> None:
    fine, refused = json.loads(run_program(MUTATED_ARRAYS))
    assert fine + refused == 10_000
    assert refused > 1000


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "storage"))
    yield tmp_path / "storage"
    forget_place()


@pytest.mark.usefixtures("storage")
def test_mutated_json_and_text_end_in_an_error_of_the_tree() -> None:
    rng = random.Random(1)
    seed = json.dumps({"a": [1, 2.5, "é\ud83d\ude00", None, True, {"b": {}}]}).encode()
    datas = []
    for _ in range(1000):
        data = bytearray(seed)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.choice(
                [b"[", b"}", b"NaN", b"\\ud800", b"\xff", b"9" * 50, b'"']
            )
        datas.append(bytes(data))
    for uri in kc.store_many(datas):
        for load in (kc.load_json, kc.load_text, kc.load_npy, kc.load_pkl):
            try:
                load(uri)
            except kc.KacheryError as error:
                assert error.hint, error  # noqa: PT017 - it need not raise
    assert kc.fsck().is_clean
