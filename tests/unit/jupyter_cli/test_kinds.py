"""Values are stored as what they are, and come back as what they were."""

import numpy as np
import pytest

from kachery_core.errors import KacheryError
from kachery_jupyter.magics.kinds import guess_kind, is_json, load_value, store_value


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "offline"))


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        ("text", ".txt"),
        ("", ".txt"),
        (b"bytes", ".dat"),
        ({"a": [1, 2.5, None, True, {"b": "c"}]}, ".json"),
        ([], ".json"),
        (17, ".json"),
        ((1, 2), ".pkl"),
        ({1: "a"}, ".pkl"),
        ({"x": (1, 2)}, ".pkl"),
        ({"x": {1, 2}}, ".pkl"),
        (range(3), ".pkl"),
    ],
)
def test_a_value_comes_back_equal_and_of_its_type(value, suffix):
    uri = store_value(value, "name")
    assert uri.endswith(f"/name{suffix}")
    again = load_value(uri)
    assert again == value
    assert type(again) is type(value)


def test_an_array_comes_back_as_an_array():
    array = np.arange(6.0).reshape(2, 3)
    uri = store_value(array, "array")
    assert uri.endswith("/array.npy")
    assert np.array_equal(load_value(uri), array)


def test_arrays_within_a_dict_survive():
    again = load_value(store_value({"x": np.ones(3)}, "name"))
    assert np.array_equal(again["x"], np.ones(3))


def test_a_number_that_json_does_not_know_is_not_json():
    assert not is_json({"x": float("nan")})
    assert not is_json([float("inf")])


def test_a_list_within_itself_is_not_json():
    endless = []
    endless.append(endless)
    assert not is_json(endless)


def test_a_name_without_an_ending_is_looked_up():
    import kachery_jupyter as kc

    uri = kc.store_text("hello", "notes.md")
    assert guess_kind(uri) == "text"
    assert load_value(uri) == "hello"


def test_a_file_of_an_unknown_kind_gives_its_path(tmp_path):
    import kachery_jupyter as kc

    (tmp_path / "x.xyz").write_bytes(b"123")
    path = load_value(kc.store_file(tmp_path / "x.xyz"))
    with open(path, "rb") as file:
        assert file.read() == b"123"


def test_a_folder_gives_its_list_and_a_file_in_it_its_value(tmp_path):
    import kachery_jupyter as kc

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a.json").write_text('{"a": 1}')
    uri = kc.store_dir(tmp_path / "run")
    assert list(load_value(uri)) == ["a.json"]
    assert load_value(f"{uri}/a.json") == {"a": 1}


def test_a_value_that_is_no_plain_data_is_refused_with_a_way_out():
    with pytest.raises(KacheryError, match="trusted=True"):
        store_value(object(), "name")


def test_what_is_not_here_loads_as_none():
    assert load_value(f"sha1://{40 * '0'}/x.txt") is None
