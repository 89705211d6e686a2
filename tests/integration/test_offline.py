"""Files without a node: every function, every defect of older kacherys, every wrong use."""

import os
import random
import shutil

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_core.errors import (
    ContentDamagedError,
    ContentNotFoundError,
    InvalidInputError,
    InvalidPathError,
    InvalidRangeError,
    InvalidUriError,
    KacheryError,
    LinkedFileChangedError,
    OfflineError,
    PathIsFolderError,
    PathNotFoundError,
)
from kachery_jupyter.client.connection import forget_place
from kachery_store.catalog import Catalog
from tests.support.programs import OTHER_UID, run_program
from tests.support.samples import leftovers, sample, wrong_files

MISSING = "sha1://" + "0" * 40 + "/file.txt"


@pytest.fixture(autouse=True)
def storage(tmp_path, monkeypatch):
    folder = tmp_path / "storage"
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(folder))
    yield folder
    forget_place()
    if folder.is_dir():
        assert not leftovers(folder)
        assert not wrong_files(folder)


@pytest.mark.parametrize("size", [0, 1, 1000, (1 << 20) + 1, 20_000_000, 20_000_001])
def test_bytes_and_files_of_any_size_come_back(size: int, tmp_path) -> None:
    data = sample(size)
    (tmp_path / "x").write_bytes(data)
    uri = kc.store_bytes(data, "x")
    assert kc.store_file(tmp_path / "x") == uri
    assert kc.store_file(str(tmp_path / "x")) == uri
    assert ("?manifest=" in uri) == (size > 20_000_000)
    assert kc.load_bytes(uri) == data
    assert kc.load_bytes(uri, 0, 0) == b""
    assert kc.load_bytes(uri, size // 3, size // 2) == data[size // 3 : size // 2]
    path = kc.load_file(uri)
    assert path is not None
    with open(path, "rb") as file:
        assert file.read() == data


def test_the_default_names_are_those_of_kachery(tmp_path) -> None:
    (tmp_path / "own name.bin").write_bytes(b"")
    uris = [
        kc.store_text(""),
        kc.store_json({}),
        kc.store_object([]),
        kc.store_npy(np.ones(1)),
        kc.store_pkl(1),
        kc.store_bytes(b""),
        kc.store_file(tmp_path / "own name.bin"),
    ]
    names = [uri.rpartition("/")[2] for uri in uris]
    assert names == [
        "file.txt", "file.json", "file.json", "file.npy", "file.pkl", "file.dat", "own%20name.bin",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["my file?a=1#z.txt", "100%.txt", "é漢🎉", "..x", "a.b.c", "~", "-x"]
)
def test_any_name_is_escaped_in_the_uri_and_comes_back(name: str) -> None:
    uri = kc.store_text("x", name)
    assert uri.isascii()
    assert kc.load_text(uri) == "x"
    assert kc.info(uri).name == name
    assert kc.build_uri(kc.parse_uri(uri)) == uri


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "/etc/passwd", "..", ".", "", "a\\b", "a\0", "é" * 200, 5, "\ud800"]
)
def test_a_path_is_no_basename(name: object) -> None:
    for store in (kc.store_text, kc.store_json, kc.store_pkl):
        with pytest.raises(InvalidInputError, match="basename"):
            store("x", name)


def test_hashes_in_capitals_are_found() -> None:
    uri = kc.store_text("x")
    sha1 = kc.parse_uri(uri).hash
    for spelling in (
        f"sha1://{sha1.upper()}/file.txt",
        f"SHA1://{sha1}",
        f"sha1://{sha1}.txt",
        f"kachery:z:sha1:{sha1}:x",
    ):
        assert kc.load_text(spelling) == "x"


def test_what_is_not_here_is_none_and_nothing_else_is() -> None:
    for load in (
        kc.load_text,
        kc.load_json,
        kc.load_object,
        kc.load_npy,
        kc.load_pkl,
        kc.load_bytes,
        kc.load_file,
    ):
        assert load(MISSING) is None
        assert load(MISSING, channel="some-channel") is None
        assert load(MISSING, local_only=True) is None
    assert kc.info(MISSING) is None
    assert not kc.exists(MISSING)
    for function in (kc.open, kc.remove, kc.restore, kc.pin):
        with pytest.raises(ContentNotFoundError):
            function(MISSING)


@pytest.mark.parametrize(
    "uri",
    [
        "sha1://", "sha1://abc/file.txt", "sha1://" + "0" * 39, "sha1://" + "0" * 41,
        "sha1://" + "g" * 40,
        "sha1:/x", "sha1", "sha2://" + "0" * 40, "http://example.org/x", "sha1://../../etc/passwd",
        "sha1://" + "0" * 40 + "?manifest=../../x", "kachery:z:md5:1", "", None, 5, b"sha1://x",
        "x" * 9000 + "://",
    ],
    ids=lambda uri: repr(uri)[:60],
)  # fmt: skip
def test_a_malformed_uri_is_an_error_with_a_hint(uri: object) -> None:
    for load in (kc.load_text, kc.load_bytes, kc.load_file, kc.open):
        with pytest.raises(InvalidUriError) as caught:
            load(uri)
        assert caught.value.hint


def test_a_path_is_read_as_it_is(tmp_path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(200_000))
    assert np.array_equal(kc.load_npy(str(path)), np.arange(200_000))
    assert kc.load_file(path) == str(path)
    assert kc.load_bytes(path, 1, 6) == b"NUMPY"
    with kc.open(path) as file:
        assert file.read(6) == b"\x93NUMPY"
    with pytest.raises(InvalidRangeError):
        kc.load_bytes(path, 0, 10**9)
    with pytest.raises(PathNotFoundError, match="not a kachery URI"):
        kc.load_text(str(tmp_path / "nowhere"))
    with pytest.raises(PathIsFolderError):
        kc.load_text(tmp_path)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 4), (3, 2), (4, 4), (-2, None)])
def test_a_range_outside_is_an_error(start: int, end: int | None) -> None:
    uri = kc.store_bytes(b"abc")
    with pytest.raises(InvalidRangeError, match="3 bytes"):
        kc.load_bytes(uri, start, end)
    with pytest.raises(InvalidInputError):
        kc.load_bytes(uri, 0.5)


def test_dest_is_honoured_and_is_no_link_into_the_store(tmp_path) -> None:
    for data in (b"small", sample(3_000_000)):
        uri = kc.store_bytes(data)
        dest = tmp_path / "copy"
        dest.write_bytes(b"old")
        assert kc.load_file(uri, dest) == str(dest)
        assert dest.read_bytes() == data
        assert dest.stat().st_nlink == 1
        dest.write_bytes(b"changed")
        assert kc.load_bytes(uri) == data
    assert kc.load_file(MISSING, tmp_path / "not made") is None
    assert not (tmp_path / "not made").exists()


def test_a_dest_that_cannot_be_is_an_error_and_leaves_nothing(tmp_path) -> None:
    uri = kc.store_text("x")
    (tmp_path / "file").write_text("")
    for dest in (tmp_path, tmp_path / "no" / "folder", tmp_path / "file" / "x", "a\0b", "", 5):
        with pytest.raises(InvalidInputError):
            kc.load_file(uri, dest)
    assert sorted(os.listdir(tmp_path)) == ["file", "storage"]


def test_a_damaged_object_is_never_copied_to_dest(tmp_path) -> None:
    data = sample(3_000_000)
    uri = kc.store_bytes(data)
    path = kc.load_file(uri)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(2_500_000)
        file.write(b"!")
    with pytest.raises(ContentDamagedError):
        kc.load_file(uri, tmp_path / "copy")
    assert sorted(os.listdir(tmp_path)) == ["storage"]
    assert kc.store_bytes(data) == uri
    assert kc.load_bytes(uri) == data


def test_a_linked_file_is_loaded_in_every_way_until_it_changes(tmp_path) -> None:
    path = tmp_path / "big.npy"
    np.save(path, np.arange(300_000))
    uri = kc.link_file(path)
    assert kc.load_bytes(uri, 1, 6) == b"NUMPY"
    assert kc.load_bytes(uri) == path.read_bytes()
    assert kc.load_file(uri) == str(path)
    assert kc.load_npy(uri)[-1] == 299_999
    assert kc.load_file(uri, tmp_path / "copy") == str(tmp_path / "copy")
    assert kc.info(uri).link
    np.save(path, np.zeros(300_000, dtype=int))
    for load in (kc.load_bytes, kc.load_file, kc.load_npy):
        with pytest.raises(LinkedFileChangedError):
            load(uri)
    path.unlink()
    with pytest.raises(LinkedFileChangedError):
        kc.load_bytes(uri)
    assert not kc.exists(uri)


@pytest.mark.parametrize("store", [kc.store_file, kc.link_file])
def test_what_is_no_readable_file_is_refused(store, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, error in [
        (tmp_path / "nowhere", PathNotFoundError),
        (tmp_path, PathIsFolderError),
        (tmp_path / "pipe", InvalidPathError),
        ("", InvalidPathError),
        ("a\0b", InvalidPathError),
        (5, InvalidInputError),
        (None, InvalidInputError),
    ]:
        with pytest.raises(error):
            store(path)


def test_open_gives_a_verified_file_to_read_and_seek_in() -> None:
    data = sample(3_000_000)
    uri = kc.store_bytes(data)
    rng = random.Random(1)
    with kc.open(uri) as file:
        for _ in range(50):
            at, count = rng.randrange(len(data)), rng.randrange(10_000)
            file.seek(at)
            assert file.read(count) == data[at : at + count]
    with kc.open(kc.store_text("a\r\nbé\n"), "r") as text:
        assert text.read() == "a\r\nbé\n"
    with pytest.raises(InvalidInputError, match="mode"):
        kc.open(uri, "wb")


def test_many_values_are_stored_at_once_in_order() -> None:
    values = [
        b"bytes",
        "text",
        {"a": 1},
        np.ones((10, 20)),
        None,
        bytearray(b"x"),
        [1],
        bytes(2 << 20),
    ]
    uris = kc.store_many(iter(values))
    assert uris == [
        kc.store_bytes(b"bytes"), kc.store_text("text"), kc.store_json({"a": 1}),
        kc.store_npy(np.ones((10, 20))), kc.store_json(None), kc.store_bytes(b"x"),
        kc.store_json([1]), kc.store_bytes(bytes(2 << 20)),
    ]  # fmt: skip
    assert kc.store_many([]) == []


def test_what_is_known_of_content_is_told(storage) -> None:
    uri = kc.store_text("x", "<b>name")
    facts = kc.info(uri)
    assert (facts.uri, facts.size, facts.kind, facts.pinned, facts.link) == (
        uri,
        1,
        "text",
        False,
        False,
    )
    assert facts.path.startswith(str(storage))
    assert facts.stored_at is not None
    assert facts.origin
    assert "<b>" not in facts._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;name" in facts._repr_mimebundle_()["text/html"]
    kc.pin(uri)
    assert kc.info(uri).pinned
    kc.unpin(uri)
    assert not kc.info(uri).pinned
    with pytest.raises(AttributeError):
        facts.size = 2


def test_the_list_is_searched(tmp_path) -> None:
    uri = kc.store_text("x", "needle.txt")
    kc.store_text("y", "hay.txt")
    assert [entry.uri for entry in kc.list_files("needle")] == [uri]
    assert len(kc.list_files()) == 2
    assert len(kc.list_files(limit=1)) == 1
    folder = tmp_path / "d"
    folder.mkdir()
    assert [entry.uri for entry in kc.list_files("folder")] == []
    uri = kc.store_dir(folder)
    assert [entry.uri for entry in kc.list_files("folder")] == [uri]
    assert kc.info(uri).kind == "folder"


def test_what_was_removed_can_be_restored_and_goes_for_good_with_gc() -> None:
    uri = kc.store_text("x")
    kc.remove(uri)
    assert kc.load_text(uri) is None
    assert kc.gc() == []
    kc.restore(uri)
    assert kc.load_text(uri) == "x"
    assert kc.gc(dry_run=False, quota_bytes=0) == []
    assert kc.load_text(uri) == "x", "what was stored here never goes by itself"


def test_fsck_finds_what_is_damaged() -> None:
    good, bad = kc.store_text("good"), kc.store_text("bad")
    assert kc.fsck().is_clean
    path = kc.load_file(bad)
    os.chmod(path, 0o644)
    with open(path, "wb") as file:
        file.write(b"BAD")
    report = kc.fsck()
    assert report.damaged == [kc.parse_uri(bad).hash]
    assert kc.load_text(good) == "good"
    assert kc.load_text(bad) is None


def test_small_values_by_name() -> None:
    assert kc.get("k") is None
    assert kc.set({"a": 1, "b": 2}, [1, None])
    assert kc.get({"b": 2, "a": 1}) == [1, None]
    assert not kc.set({"a": 1, "b": 2}, 5, update=False)
    assert kc.get_string({"a": 1, "b": 2}) == "[1,null]"
    assert kc.set("none", None), "a value of None is a value"
    assert not kc.set("none", 1, update=False)
    assert kc.get_string("nothing") is None
    assert kc.delete("none")
    assert not kc.delete("none")
    for wrong in (object(), float("nan"), "\ud800"):
        with pytest.raises(InvalidInputError):
            kc.set("k", wrong)
        with pytest.raises(InvalidInputError):
            kc.get(wrong)


def test_what_needs_a_node_says_so() -> None:
    with pytest.raises(OfflineError) as caught:
        kc.get_node_id()
    assert "kachery daemon start" in caught.value.hint


def test_an_existing_kachery_storage_is_served_as_it_is(storage) -> None:
    sha1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
    path = storage / "sha1" / sha1[:2] / sha1[2:4] / sha1[4:6] / sha1
    path.parent.mkdir(parents=True)
    path.write_text("some-random-text")
    assert kc.load_text(f"sha1://{sha1}/file.txt") == "some-random-text"
    facts = kc.info(f"sha1://{sha1}/file.txt")
    assert (facts.name, facts.size, facts.stored_at) == ("file.txt", 16, None)
    kc.pin(f"sha1://{sha1}/file.txt")
    assert kc.info(f"sha1://{sha1}").pinned


def test_the_environment_is_followed_from_call_to_call(tmp_path, monkeypatch) -> None:
    uri = kc.store_text("here")
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "other"))
    assert kc.load_text(uri) is None
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "storage"))
    assert kc.load_text(uri) == "here"


def test_a_forked_program_goes_on_storing() -> None:
    code = (
        "import os, kachery_jupyter as kc\n"
        "uri = kc.store_text('before')\n"
        "if os.fork() == 0:\n"
        "    assert kc.load_text(uri) == 'before'\n"
        "    assert kc.load_text(kc.store_text('in the child')) == 'in the child'\n"
        "    print('child', flush=True)\n"
        "else:\n"
        "    assert os.wait()[1] == 0\n"
        "    print(len(kc.list_files('text')))\n"
    )
    assert run_program(code).split() == ["child", "2"]


def test_ten_thousand_loads_leave_no_file_open() -> None:
    uri = kc.store_text("x")
    kc.load_text(uri)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(200):
        kc.store_text(str(number))
        kc.load_text(uri)
        with kc.open(uri) as file:
            file.read()
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs to become another user")
def test_another_user_reads_what_may_be_read_and_is_told_what_may_not(storage, tmp_path) -> None:
    uri = kc.store_text("readable")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:3], storage):
        folder.chmod(0o755)
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    shutil.chown(nobody, OTHER_UID, OTHER_UID)
    environment = {**os.environ, "HOME": str(nobody), "XDG_CACHE_HOME": str(nobody)}
    code = f"""
uri, path = {uri!r}, {str(tmp_path / "secret")!r}
assert kc.load_text(uri) == 'readable'
print(kc.info(uri).size)
for call in (
    lambda: kc.store_text('x'), lambda: kc.store_file(path), lambda: kc.pin(uri),
    lambda: kc.remove(uri), lambda: kc.set('a', 1), kc.fsck, lambda: kc.load_bytes(path),
):
    try:
        call()
    except kc.KacheryError as error:
        print(type(error).__name__, bool(error.hint))
"""
    assert run_program(code, environment, uid=OTHER_UID).splitlines() == [
        "8",
        "StorageReadOnlyError True",
        "PathUnreadableError True",
        *["StorageReadOnlyError True"] * 4,
        "PathUnreadableError True",
    ]


def test_a_storage_folder_that_is_a_file_is_an_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "file"))
    with pytest.raises(KacheryError) as caught:
        kc.store_text("x")
    assert caught.value.hint


LOADS = {
    "load_text": "assert kc.load_text(uri) == '[1]'",
    "load_json": "assert kc.load_json(uri) == [1]",
    "load_bytes": "assert kc.load_bytes(uri, 0, 1)",
    "load_file": "assert kc.load_file(uri)",
    "open": "kc.open(uri).close()",
}


@pytest.mark.parametrize("load", LOADS)
def test_what_a_program_loads_counts_as_used_once_it_has_ended(storage, load: str) -> None:
    """So that content of other nodes is not let go while its user works with it."""
    uri = kc.store_text("[1]")
    kc.store_text("stored later")
    catalog = Catalog(storage / ".state")
    before = max(entry.used_at for entry in catalog.search())

    run_program(f"import kachery_jupyter as kc; uri = {uri!r}; {LOADS[load]}")

    (used,) = [entry for entry in catalog.search() if entry.used_at > before]
    catalog.close()
    assert used.sha1 in uri
