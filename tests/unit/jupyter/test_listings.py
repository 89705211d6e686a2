"""Folders as one content: trees come back, and no name leads out of the folder."""

import json
import os

import pytest

import kachery_jupyter as kc
from kachery_core.errors import (
    ContentNotFoundError,
    InvalidPathError,
    InvalidUriError,
    MalformedContentError,
    PathIsFolderError,
    PathNotFoundError,
)
from kachery_jupyter.client.listings import decode_listing, encode_listing, is_plain_name


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "my data"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / ".hidden").write_text("")
    (root / "sub" / "what? 100%#1.txt").write_text("b")
    (root / "sub" / "big.bin").write_bytes(bytes(3_000_000))
    os.symlink(root / "a.txt", root / "sub" / "link.txt")
    return root


def everything(root):
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def test_a_folder_comes_back_whole(tree, tmp_path) -> None:
    uri = kc.store_dir(tree)
    assert uri.startswith("sha1dir://")
    assert uri.endswith(".my%20data")
    assert kc.load_dir(uri, tmp_path / "there") == str(tmp_path / "there")
    assert everything(tmp_path / "there") == everything(tree)
    assert kc.load_dir(uri, tmp_path / "there"), "what is there already is left alone"


def test_one_file_of_a_folder_is_loaded_by_its_path(tree) -> None:
    uri = kc.store_dir(tree, label="d")
    assert kc.load_text(f"{uri}/a.txt") == "a"
    assert kc.load_text(f"{uri}/sub/what%3F%20100%25%231.txt") == "b"
    assert kc.exists(f"{uri}/sub/big.bin")
    assert not kc.exists(f"{uri}/sub/no.bin")
    with pytest.raises(ContentNotFoundError, match=r"no\.bin"):
        kc.load_bytes(f"{uri}/sub/no.bin")
    with pytest.raises(PathIsFolderError):
        kc.load_text(uri)


def test_the_files_are_listed_with_uris_that_load(tree) -> None:
    files = kc.list_dir(kc.store_dir(tree))
    assert set(files) == {"a.txt", ".hidden", "sub/what? 100%#1.txt", "sub/big.bin", "sub/link.txt"}
    for path, uri in files.items():
        assert kc.load_bytes(uri) == (tree / path).read_bytes()


def test_a_large_file_keeps_its_manifest(tmp_path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "big").write_bytes(bytes(20_000_001))
    files = kc.list_dir(kc.store_dir(tmp_path / "d"))
    assert files["big"] == kc.store_file(tmp_path / "d" / "big")
    assert "?manifest=" in files["big"]


def test_equal_folders_have_equal_uris(tree, tmp_path) -> None:
    uri = kc.store_dir(tree)
    kc.load_dir(uri, tmp_path / "copy")
    assert kc.store_dir(tmp_path / "copy", label="my data") == uri


def test_another_file_in_the_way_is_kept_and_nothing_is_written(tree, tmp_path) -> None:
    uri = kc.store_dir(tree)
    there = tmp_path / "there"
    there.mkdir()
    (there / "a.txt").write_text("mine")
    with pytest.raises(InvalidPathError, match=r"a\.txt"):
        kc.load_dir(uri, there)
    assert everything(there) == {"a.txt": b"mine"}


def test_a_folder_with_a_missing_file_is_not_half_written(tree, tmp_path) -> None:
    uri = kc.store_dir(tree)
    kc.remove(kc.list_dir(uri)["sub/big.bin"])
    with pytest.raises(ContentNotFoundError, match=r"big\.bin"):
        kc.load_dir(uri, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_links_that_lead_back_are_refused(tree) -> None:
    os.symlink(tree, tree / "sub" / "loop")
    with pytest.raises(InvalidPathError, match="no end"):
        kc.store_dir(tree)


def test_links_to_nothing_and_pipes_are_refused_and_do_not_wait(tree) -> None:
    os.mkfifo(tree / "pipe")
    with pytest.raises(InvalidPathError):
        kc.store_dir(tree)
    (tree / "pipe").unlink()
    os.symlink("nowhere", tree / "dangling")
    with pytest.raises(PathNotFoundError):
        kc.store_dir(tree)


@pytest.mark.parametrize("name", [b"back\\slash", b"\xff\xfe"])
def test_names_that_other_systems_cannot_have_are_refused(tmp_path, name: bytes) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/" + name, "wb"):
        pass
    with pytest.raises(InvalidPathError, match="name"):
        kc.store_dir(folder)


def test_what_is_no_folder_is_refused(tree) -> None:
    for path in (tree / "a.txt", tree / "nowhere"):
        with pytest.raises(InvalidPathError):
            kc.store_dir(path)
    uri = kc.store_text("x")
    for function in (kc.list_dir, lambda uri: kc.load_dir(uri, "x")):
        with pytest.raises(InvalidUriError):
            function(uri)


def test_a_folder_that_is_not_here_is_none(tmp_path) -> None:
    uri = "sha1dir://" + "0" * 40 + ".x"
    assert kc.load_dir(uri, tmp_path / "there") is None
    assert kc.list_dir(uri) is None
    assert kc.load_text(f"{uri}/a.txt") is None


FILE = {"size": 1, "sha1": "0" * 40}


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"files": []},
        {"files": {"../x": FILE}},
        {"files": {"/etc/x": FILE}},
        {"files": {"a/b": FILE}},
        {"files": {"a\\b": FILE}},
        {"files": {"": FILE}},
        {"files": {".": FILE}},
        {"files": {"a\0b": FILE}},
        {"files": {"x" * 256: FILE}},
        {"dirs": {"..": {"files": {"x": FILE}}}},
        {"files": {"a": FILE}, "dirs": {"a": {}}},
        {"files": {"a": {"size": -1, "sha1": "0" * 40}}},
        {"files": {"a": {"size": 1, "sha1": "../../x"}}},
        {"files": {"a": {"size": 1}}},
        {"files": {"a": {**FILE, "manifest": "../x"}}},
        {"files": {"a": 5}},
    ],
    ids=lambda value: json.dumps(value).replace("0" * 40, "0")[:90],
)
def test_hostile_listings_are_refused(value: object, tmp_path) -> None:
    sha1 = kc.parse_uri(kc.store_json(value)).hash
    with pytest.raises(MalformedContentError):
        kc.load_dir(f"sha1dir://{sha1}", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_listing_nested_a_thousand_deep_is_refused() -> None:
    data = b'{"dirs":{"a":' * 1000 + b"{}" + b"}}" * 1000
    with pytest.raises(MalformedContentError):
        decode_listing(data)


def test_the_listing_of_kacherys_first_generation_is_read() -> None:
    data = b'{"files": {"a": {"size": 1, "sha1": "%s"}}, "dirs": {"b": {"files": {}, "dirs": {}}}}'
    listing = decode_listing(data % (b"0" * 40))
    assert decode_listing(encode_listing(listing)) == listing
    assert list(listing.walk_folders()) == ["b"]


def test_plain_names_are_taken() -> None:
    assert all(is_plain_name(name) for name in ("a", "a b", "..a", "...", "é", ".x"))
