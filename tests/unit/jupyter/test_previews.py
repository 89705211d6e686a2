"""How content looks: what is shown, and that nothing stored makes it slow, large or wrong."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as numpy_format

import kachery_jupyter as kc
from kachery_core.errors import ContentDamagedError, ContentNotFoundError, InvalidUriError
from tests.support.pictures import PICTURES, png_of_size

LARGE = 100_000_000_000


def look(uri, name: str = "", kind: str = "") -> dict:
    """A preview as JSON text and back: strictly, as browsers read it."""
    shown = kc.preview(uri, name, kind)
    html, text = shown._repr_html_(), repr(shown)
    assert len(html) < 300_000
    assert len(text) < 5_000
    text = json.dumps(shown.as_dict(), allow_nan=False)
    assert len(text) < 500_000
    return json.loads(text)


def looks_of(array, name: str = "x.npy") -> dict:
    return look(kc.store_npy(np.asarray(array), name))


def sparse_array(path: Path, shape, dtype="f8", *, fortran: bool = False) -> Path:
    """An npy file that claims to be large, and is; most of it was never written."""
    descr = numpy_format.dtype_to_descr(np.dtype(dtype))
    with path.open("wb") as file:
        header = {"descr": descr, "fortran_order": fortran, "shape": shape}
        numpy_format.write_array_header_2_0(file, header)
        count = int(np.prod([float(length) for length in shape]))
        file.truncate(file.tell() + count * np.dtype(dtype).itemsize)
    return path


def test_a_signal_is_a_line_with_its_extent() -> None:
    shown = looks_of(np.array([3, 1, 2], "i2"))
    assert shown["type"] == "array"
    assert (shown["shape"], shown["dtype"]) == ([3], "int16")
    assert (shown["min"], shown["max"], shown["nan"]) == (1, 3, 0)
    assert shown["lines"] == [[3, 1, 2]]
    assert not shown["sampled"]


def test_no_peak_of_a_long_signal_is_lost() -> None:
    signal = np.zeros(1_000_000)
    signal[123_457] = 5
    (line,) = looks_of(signal)["lines"]
    assert len(line) == 1000
    assert max(line) == 5


def test_a_picture_of_numbers_is_an_image() -> None:
    shown = looks_of(np.arange(300 * 400).reshape(300, 400))
    assert (shown["image"]["rows"], shown["image"]["columns"]) == (256, 256)
    assert shown["image"]["png"].startswith("iVBORw0KGgo")
    assert shown["max"] == 300 * 400 - 1


@pytest.mark.parametrize("shape", [(3, 1000), (1000, 3)])
def test_few_rows_or_columns_are_lines(shape) -> None:
    values = np.arange(3000.0).reshape(shape)
    lines = looks_of(values)["lines"]
    longer = values if shape[0] == 3 else values.T
    assert lines == longer.tolist()


def test_of_many_axes_a_slice_is_shown_and_named() -> None:
    for array in (np.zeros((5, 20, 30)), np.asfortranarray(np.zeros((5, 20, 30)))):
        shown = looks_of(array)
        assert shown["slice"] == "[0, :, :]"
        assert (shown["image"]["rows"], shown["image"]["columns"]) == (20, 30)


@pytest.mark.parametrize("colours", [3, 4])
def test_a_photograph_keeps_its_colours(colours) -> None:
    shown = looks_of(np.zeros((20, 30, colours), "u1"))
    assert "slice" not in shown
    assert (shown["image"]["rows"], shown["image"]["columns"]) == (20, 30)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.float32(3), {"shape": [], "values": ["3.0"]}),
        (np.array("text"), {"values": ["text"]}),
        (np.zeros((0, 3)), {"shape": [0, 3]}),
        (np.array([True, False]), {"min": 0, "max": 1, "lines": [[1, 0]]}),
        (np.array([3 + 4j, np.nan]), {"min": 5, "max": 5, "nan": 1, "lines": [[5, None]]}),
        (np.array(["a", "béé"]), {"values": ["a", "béé"]}),
        (np.array([b"a\xff"]), {"values": ["a\\xff"]}),
        (np.array([b"abc"], "V3"), {"values": ["616263"]}),
        (np.array([np.inf, -np.inf, 1, np.nan]), {"min": 1, "max": 1, "nan": 1, "inf": 2}),
        (np.array([np.nan]), {"nan": 1, "lines": [[None]]}),
        (np.array(["2020-01-02", "NaT"], "M8[D]"), {"min": "2020-01-02", "nan": 1}),
        (np.array([5, 2], "m8[s]"), {"min": "2 seconds", "max": "5 seconds"}),
        (np.array([2**63], "u8"), {"max": 2**63}),
        (np.array([1.5], ">f4"), {"min": 1.5, "lines": [[1.5]]}),
        (np.array([1], np.longdouble), {"max": 1}),
        (np.zeros(3, [("a", "f4"), ("s", "U2"), ("b", "i2")]), {"labels": ["a", "b"]}),
        (np.zeros(2, [("s", "U2")]), {"values": ["('',)", "('',)"]}),
        (np.zeros((), [("a", "i2")]), {"values": ["(0,)"]}),
        (np.array([-1e308, 1e308]).reshape(1, 2), {"min": -1e308, "max": 1e308}),
    ],
)
def test_every_type_of_array_is_shown(array, expected) -> None:
    shown = looks_of(array)
    assert {name: shown.get(name) for name in expected} == expected
    assert ("min" in shown) == ("max" in shown)


@pytest.mark.parametrize("values", [[1e308, -1e308], [np.nan, np.inf], [7, 7], [0, 1e-320]])
def test_no_number_is_too_far_from_another_for_an_image(values) -> None:
    assert "image" in looks_of(np.array(values * 50).reshape(10, 10))


@pytest.mark.parametrize(
    ("shape", "dtype", "fortran"),
    [
        ((LARGE // 8,), "f8", False),
        ((100_000, 125_000), "f8", False),
        ((100_000, 125_000), "f8", True),
        ((20, LARGE // 160), "f8", False),
        ((5, LARGE // 40), "f8", False),
        ((LARGE // 40, 5), "f8", True),
        ((1000, 1000, 12_500), "c8", False),
        ((1000, 1000, 12_500), "c8", True),
        ((100_000, 333_000, 3), "u1", False),
        ((100_000, 333_000, 3), "u1", True),
        ((LARGE // 80,), [("a", "f8"), ("b", "f8", (9,))], False),
        ((100,), "S1000000000", False),
        ((LARGE // 400,), "U100", False),
        ((LARGE // 8,), "M8[ns]", False),
    ],
)
def test_100_gigabytes_cost_a_moment_and_some_megabytes(tmp_path, shape, dtype, fortran) -> None:
    path = sparse_array(tmp_path / "large.npy", shape, dtype, fortran=fortran)
    began = time.monotonic()
    shown = look(path)
    assert time.monotonic() - began < 20
    assert shown["shape"] == list(shape)
    assert {"lines", "image", "values"} & set(shown)
    assert all(len(line) <= 1000 for line in shown.get("lines", ()))


def test_a_sample_says_that_it_is_one(tmp_path) -> None:
    assert look(sparse_array(tmp_path / "a.npy", (10_000_000,)))["sampled"]


def test_what_is_sampled_stands_where_it_is() -> None:
    array = np.arange(6000 * 2000, dtype="f4").reshape(6000, 2000)
    for stored in (array, np.asfortranarray(array)):
        shown = looks_of(stored)
        assert (shown["sampled"], shown["min"]) == (True, 0)
    (line,) = looks_of(np.arange(9_000_000.0))["lines"]
    steps = np.diff(line)
    assert (steps.min(), line[0]) == (steps.max(), 0)


@pytest.mark.parametrize(
    "claims",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        b"{'descr': [('a', '<f8', (1000000000,))], 'fortran_order': False, 'shape': (1,), }",
        b"__import__('os').system('false')",
        b"(" * 5000,
        b"\xff" * 200,
        b"",
    ],
)
def test_an_array_that_lies_about_itself_is_bytes_with_the_reason(claims) -> None:
    data = b"\x93NUMPY\x02\x00" + len(claims).to_bytes(4, "little") + claims + bytes(24)
    shown = look(kc.store_bytes(data, "x.npy"))
    assert shown["type"] == "bytes"
    assert "npy" in shown["problem"]
    assert shown["hex"].startswith("934e554d5059")


def test_text_beyond_unicode_is_shown_as_far_as_it_is_text() -> None:
    good = np.array(["ab", "cd"])
    data = bytearray(Path(kc.load_file(kc.store_npy(good))).read_bytes())
    data[-1] = 0xFF
    assert looks_of(good)["values"] == ["ab", "cd"]
    shown = look(kc.store_bytes(bytes(data), "x.npy"))
    assert shown["values"][0] == "ab"


def test_json_is_a_tree() -> None:
    value = {"a": [1, 2.5, None, True, {"b": "c"}]}
    assert look(kc.store_json(value)) == {"type": "json", "size": 33, "value": value, "cut": False}


def test_of_much_json_the_outer_nodes_are_shown() -> None:
    value = {"list": [[n, {"x": str(n)}] for n in range(100_000)], "after": 1}
    shown = look(kc.store_json(value))
    assert shown["cut"]
    assert shown["value"]["list"][:2] == [[0, {"x": "0"}], [1, {"x": "1"}]]
    assert count_nodes(shown["value"]) <= 502
    small = {"long": list(range(1000)), "after": {"b": 2}}
    assert look(kc.store_json(small))["value"]["after"] == {"b": 2}


def count_nodes(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count_nodes, inner))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[" * 5_000, "text"),
        (b"[" * 10_000_000, "json"),
        (b'{"a":' * 100_000, "json"),
        (b"[" + b"1e999," * 9 + b"1]", "json"),
        (b'"' + b"x" * 1_000_000, "text"),
        (b"[" + b",," * 200_000, "text"),
        (b"9" * 1_000_000, "text"),
        (b"[NaN]", "text"),
        (b'["\\ud800"]', "text"),
        (b"[1] [2]", "text"),
        (b"}" * 300_000, "text"),
        (b'{"a": "\xff"}', "bytes"),
        (b"\0" * 300_000, "bytes"),
        (b"", "text"),
    ],
)
def test_hostile_json_is_shown_as_what_it_is(data, kind) -> None:
    began = time.monotonic()
    assert look(kc.store_bytes(data, "x.json"))["type"] == kind
    assert time.monotonic() - began < 20


def test_numbers_that_json_has_no_word_for_are_null() -> None:
    assert look(kc.store_bytes(b"[1e999, 2]", "x.json"))["value"] == [None, 2]


def test_text_is_its_beginning_cut_between_characters() -> None:
    assert look(kc.store_text("some-random-text"))["text"] == "some-random-text"
    shown = look(kc.store_text("x" + "é" * 20_000))
    assert shown["cut"]
    assert set(shown["text"]) == {"x", "é"}


def test_bytes_are_digits() -> None:
    shown = look(kc.store_bytes(bytes(range(256)) * 2))
    assert shown == {"type": "bytes", "size": 512, "hex": bytes(range(256)).hex()}


@pytest.mark.parametrize(
    ("text", "name", "rows"),
    [
        ('a,b\n1,"2,3"\n', "x.csv", [["1", "2,3"]]),
        ("a;b\n1;2\n", "x.csv", [["1", "2"]]),
        ("a\tb\n1\t2\n3\n", "x.tsv", [["1", "2"], ["3", ""]]),
        ("\ufeffa,b\n1,2\n", "x.csv", [["1", "2"]]),
    ],
)
def test_a_table_has_columns_and_rows(text, name, rows) -> None:
    shown = look(kc.store_text(text, name))
    assert (shown["columns"], shown["rows"], shown["cut"]) == (["a", "b"], rows, False)


def test_of_a_long_or_wide_table_the_first_rows_and_columns_are_shown() -> None:
    shown = look(kc.store_text("a,b\n" * 100_000, "x.csv"))
    assert (len(shown["rows"]), shown["cut"]) == (50, True)
    shown = look(kc.store_text("a," * 20_000, "x.csv"))
    assert (len(shown["columns"]), shown["cut"]) == (100, True)


@pytest.mark.parametrize("text", ['"' * 100_000, "\n" * 1000, '"x' + "\n" * 60_000, "a" * 200_000])
def test_hostile_tables_are_shown_as_something(text) -> None:
    assert look(kc.store_text(text, "x.csv"))["type"] in ("table", "text")


@pytest.mark.parametrize("mimetype", PICTURES)
def test_a_picture_tells_its_size_whatever_it_is_called(mimetype) -> None:
    shown = look(kc.store_bytes(PICTURES[mimetype], "what.ever"))
    assert (shown["type"], shown["mimetype"]) == ("image", mimetype)
    assert (shown["width"], shown["height"]) == (3, 2)


@pytest.mark.parametrize("mimetype", PICTURES)
def test_half_a_picture_is_bytes_or_a_picture_and_never_an_error(mimetype) -> None:
    data = PICTURES[mimetype]
    for length in range(3, min(len(data), 64)):
        assert look(kc.store_bytes(data[:length]))["type"] in ("image", "bytes", "text")


def test_a_picture_that_would_fill_the_memory_of_a_browser_is_not_shown() -> None:
    shown = look(kc.store_bytes(png_of_size(60_000, 60_000), "x.png"))
    assert shown["type"] == "bytes"
    assert "too many" in shown["problem"]


def test_drawings_with_scripts_are_text() -> None:
    assert look(kc.store_text("<svg onload='alert(1)'/>", "x.svg"))["type"] == "text"


def test_a_folder_lists_its_files(tmp_path) -> None:
    folder = tmp_path / "run"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("bb")
    uri = kc.store_dir(folder)
    entries = look(uri)["entries"]
    assert [(one["name"], one["size"]) for one in entries] == [("a.txt", 1), ("deep/b.txt", 2)]
    assert kc.load_text(entries[1]["uri"]) == "bb"
    assert look(f"{uri}/a.txt")["text"] == "a"


def test_of_a_large_folder_the_first_files_are_shown() -> None:
    files = {f"{n}.txt": {"size": 1, "sha1": "0" * 40} for n in range(1000)}
    uri = kc.store_json({"files": files, "dirs": {}})
    shown = look(uri, kind="folder")
    assert (len(shown["entries"]), shown["cut"]) == (200, True)


def test_a_pickle_of_plain_data_is_a_tree_and_any_other_is_not_opened() -> None:
    assert look(kc.store_pkl({"a": (1, {2})}))["value"] == {"a": [1, [2]]}
    shown = look(kc.store_pkl(print, trusted=True))
    assert shown["type"] == "bytes"
    assert "print" in shown["problem"]


def test_a_value_within_itself_is_cut() -> None:
    value: list = []
    value.append(value)
    assert look(kc.store_pkl(value))["cut"]


def test_a_hash_alone_is_enough_for_what_the_catalog_knows() -> None:
    sha1 = kc.store_text('{"a": 1}', "x.json")[7:47]
    assert look(sha1)["type"] == "json"
    assert look(sha1, "x.txt", "text")["type"] == "text"


def test_what_is_not_here_is_not_fetched() -> None:
    with pytest.raises(ContentNotFoundError, match="not in the store"):
        kc.preview("sha1://" + "0" * 40)


@pytest.mark.parametrize("uri", ["/etc/hostname", "hostname", "../x", "feed://x", ""])
def test_text_is_never_taken_for_a_path(uri) -> None:
    with pytest.raises(InvalidUriError):
        kc.preview(uri)


def test_damaged_content_is_not_shown(offline_storage) -> None:
    uri = kc.store_text("some-random-text")
    path = next(offline_storage.glob("sha1/*/*/*/*728"))
    path.chmod(0o600)
    path.write_text("some-Random-text")
    with pytest.raises(ContentDamagedError):
        kc.preview(uri)


@pytest.mark.parametrize("name", ["x.txt", "x.json", "x.csv", "x.svg", "x.html"])
def test_what_is_shown_as_html_is_escaped(name) -> None:
    text = '["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"]'
    html = kc.preview(kc.store_text(text, name))._repr_html_()
    assert "<script" not in html
    assert "<img" not in html


def test_names_of_fields_and_files_are_escaped(tmp_path) -> None:
    array = np.zeros(3, [("<b>", "f4")])
    assert "<b>" not in kc.preview(kc.store_npy(array))._repr_html_()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "<b>.txt").write_text("x")
    assert "<b>" not in kc.preview(kc.store_dir(tmp_path / "in"))._repr_html_()


def test_no_terminal_is_moved() -> None:
    assert "\x1b" not in repr(kc.preview(kc.store_text("a\x1b[31mb")))


def test_nothing_is_noted_as_used_by_the_notebook() -> None:
    from kachery_jupyter.client.dependencies import forget_notes

    uri = kc.store_text("x")
    forget_notes()
    kc.preview(uri)
    assert kc.freeze().loaded == []


STARTS = [
    b"",
    b"\x93NUMPY\x01\x00",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"\xff\xd8\xff",
    b"RIFF",
    b"[",
]


@settings(max_examples=300)
@given(
    st.sampled_from(STARTS),
    st.binary(max_size=400)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(["x", "x.npy", "x.json", "x.csv", "x.tsv", "x.pkl", "x.png", "x.ipynb"]),
    st.sampled_from(["", "npy", "json", "pkl", "text", "folder", "what"]),
)
def test_whatever_the_bytes_are_something_is_shown(start, data, name, kind) -> None:
    assert look(kc.store_bytes(start + data, name), name, kind)["type"]


@settings(max_examples=200)
@given(st.data())
def test_an_array_whose_header_was_tampered_with_is_shown_as_something(data) -> None:
    array = data.draw(
        st.sampled_from([np.arange(6).reshape(2, 3), np.array(["a"]), np.zeros(2, "M8")])
    )
    good = bytearray(Path(kc.load_file(kc.store_npy(array))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(6, len(good) - 1))] = data.draw(st.integers(0, 255))
    assert look(kc.store_bytes(bytes(good), "x.npy"))["type"] in ("array", "bytes")
