"""Arrays: the same bytes as numpy writes, read back without trust and without copies."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import kachery_jupyter as kc
from kachery_core.errors import InvalidInputError, MalformedContentError
from kachery_jupyter.client import npy

KINDS = [
    np.ones((10, 20)),
    np.array(5.0),
    np.array([True])[0],
    np.zeros((0, 3)),
    np.zeros((3, 0), order="F"),
    np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
    np.asfortranarray(np.arange(300_000.0).reshape(300, 1000)),
    np.arange(600_000.0)[::2],
    np.arange(1_000_000).reshape(1000, 1000)[:, ::3],
    np.arange(300_000, dtype=">i4"),
    np.array(["ab", "é漢"]),
    np.array([b"ab", b"c"]),
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[ns]"),
    np.array([1 + 2j], "c8"),
    np.zeros(3, dtype=[("a", "f4"), ("b", "U3"), ("c", "i2", (2, 2))]),
    np.zeros(200_000, dtype=[("ä", "f4"), ("漢", "U3")]),
    np.zeros(2, np.dtype({"names": ["a"], "formats": ["f4"], "offsets": [4], "itemsize": 16})),
    np.full((1 << 17,), 1.5),
]


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return (
        first.dtype == second.dtype
        and np.array_equal(first, second)
        and first.shape == second.shape
    )


@pytest.mark.parametrize("array", KINDS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_an_array_is_stored_as_numpy_saves_it_and_comes_back(array: np.ndarray) -> None:
    uri = kc.store_npy(array)
    saved = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.save(saved, array)
    assert kc.load_bytes(uri) == saved.getvalue()
    assert repr(kc.load_npy(uri)) == repr(np.load(io.BytesIO(saved.getvalue())))


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, min_side=0)))
def test_any_array_comes_back(array: np.ndarray) -> None:
    if array.dtype.itemsize == 0 or array.dtype.kind == "O":
        return
    size, buffers = npy.buffers_of(npy.as_storable(array))
    data = b"".join(buffers)
    assert len(data) == size
    header = npy.parse_header(data, size)
    assert npy.from_buffer(bytearray(data), header, header.size).tobytes() == array.tobytes()


def test_the_printed_uri_of_ones() -> None:
    assert kc.store_npy(np.ones((10, 20))) == (
        "sha1://31c37639082af94ff5e6210b81983aed168411e2/file.npy"
    )


def test_a_loaded_array_can_be_written_to_and_the_store_never_notices() -> None:
    for array in (np.zeros(10), np.zeros(1 << 18)):
        uri = kc.store_npy(array)
        loaded = kc.load_npy(uri)
        loaded[:] = 7
        assert not kc.load_npy(uri).any()
        path = kc.load_file(uri)
        assert path is not None
        with open(path, "rb") as file:
            assert file.read() == kc.load_bytes(uri)


def test_a_large_array_is_mapped_and_stays_after_it_was_removed() -> None:
    uri = kc.store_npy(np.arange(1 << 18))
    loaded = kc.load_npy(uri)
    kc.remove(uri)
    assert kc.load_npy(uri) is None
    assert loaded.sum() == np.arange(1 << 18).sum()


def test_an_array_of_a_linked_file_does_not_change_with_the_file(tmp_path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1 << 18))
    loaded = kc.load_npy(kc.link_file(path))
    np.save(path, np.ones(1 << 18))
    assert not loaded.any()


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}, []], dtype=object),
        np.zeros(2, dtype=[("a", "O")]),
        np.ma.masked_array([1, 2], [True, False]),
        [[1], [2, 3]],
    ],
    ids=["objects", "object field", "mask", "ragged"],
)
def test_what_npy_cannot_hold_is_refused(array: object) -> None:
    with pytest.raises(InvalidInputError):
        kc.store_npy(array)


def test_a_type_too_long_to_describe_is_refused_when_stored_not_when_loaded() -> None:
    with pytest.raises(InvalidInputError, match="description"):
        kc.store_npy(np.zeros(1, dtype=[(f"a rather long name {n}", "f4") for n in range(1000)]))


def npy_bytes(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1")
    size = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + size + text + body


def claims(descr: str = "'<f8'", order: str = "False", shape: str = "(1,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


HOSTILE = {
    "empty": b"",
    "not npy": b"hello world",
    "magic only": b"\x93NUMPY",
    "unknown version": npy_bytes(claims(), b"x" * 8, b"\x09\x00"),
    "header cut": npy_bytes(claims())[:20],
    "header longer than there is": b"\x93NUMPY\x01\x00\xff\xff" + b" " * 50,
    "header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 50,
    "header of 20,000 bytes": npy_bytes(claims() + " " * 20_000, b"x" * 8),
    "body short": npy_bytes(claims(), b"x" * 7),
    "body long": npy_bytes(claims(), b"x" * 9),
    "72.8 TiB": npy_bytes(claims(shape="(10**13,)")),
    "72.8 TiB in digits": npy_bytes(claims(shape="(10000000000000,)")),
    "overflow": npy_bytes(claims(shape="(4294967296, 4294967296)")),
    "overflow to zero": npy_bytes(claims(shape="(0, 1000000000000000000000000000000)")),
    "negative": npy_bytes(claims(shape="(-1,)")),
    "two negatives": npy_bytes(claims(shape="(-1, -1)"), b"x" * 8),
    "boolean": npy_bytes(claims(shape="(True,)"), b"x" * 8),
    "shape is a list": npy_bytes(claims(shape="[1]"), b"x" * 8),
    "40 axes": npy_bytes(claims(shape=f"({'1,' * 40})"), b"x" * 8),
    "order is a number": npy_bytes(claims(order="1"), b"x" * 8),
    "objects": npy_bytes(claims("'|O'"), b"x" * 8),
    "object field": npy_bytes(claims("[('a', '|O')]"), b"x" * 8),
    "variable strings": npy_bytes(claims("'T'"), b"x" * 16),
    "type is nonsense": npy_bytes(claims("'<q99'"), b"x" * 8),
    "type is a number": npy_bytes(claims("5"), b"x" * 8),
    "type is a huge subarray": npy_bytes(claims("('<f8', (1000000000, 1000000000))"), b"x" * 8),
    "missing part": npy_bytes("{'descr': '<f8', 'shape': (1,)}\n", b"x" * 8),
    "extra part": npy_bytes(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}\n", b"x" * 8
    ),
    "code": npy_bytes("__import__('os').system('true')\n"),
    "deep": npy_bytes("(" * 9000),
    "deep minus": npy_bytes("-" * 9000 + "1"),
    "no characters of Unicode": npy_bytes(claims("'<U1'"), b"\xff\xff\xff\x7f"),
    "nor in a field": npy_bytes(claims("[('a', '<U1')]"), b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_npy_is_refused_and_nothing_is_allocated(name: str) -> None:
    with pytest.raises(MalformedContentError) as caught:
        kc.load_npy(kc.store_bytes(HOSTILE[name]))
    assert caught.value.hint


@given(st.binary(max_size=200), st.integers(0, 150))
def test_a_damaged_header_never_ends_in_another_error(noise: bytes, at: int) -> None:
    data = bytearray(b"".join(npy.buffers_of(np.ones((2, 3)))[1]))
    data[at : at + len(noise)] = noise
    try:
        header = npy.parse_header(bytes(data), len(data))
        repr(npy.from_buffer(data, header, header.size).shape)
    except MalformedContentError:
        return
