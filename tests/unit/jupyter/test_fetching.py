"""What is not here: the node is asked for it, watched while it fetches, and left if need be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_core.errors import (
    ContentNotFoundError,
    DaemonNotRunningError,
    InvalidRangeError,
    StorageFullError,
    WrongDaemonError,
    error_to_wire,
)
from kachery_core.uris import ContentUri
from kachery_jupyter import client
from kachery_jupyter.client.fetching import shown_name
from tests.support.nodes import isolated_environment
from tests.support.programs import program_command
from tests.support.samples import sample, sha1_of
from tests.support.scripted_node import scripted_node

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scripted_node import ScriptedNode

BIG = sample(2_500_000, "big")
TABLE = "ab" * 20
NOBODYS = "sha1://" + "0" * 40 + "/file.txt"


def test_text_that_is_not_here_comes_from_another_node(node: ScriptedNode) -> None:
    (sha1,) = node.offer(b"some-random-text")
    uri = f"sha1://{sha1}/file.txt"
    assert not kc.exists(uri)
    assert kc.load_text(uri) == "some-random-text"
    assert node.loads == [{"uris": [{"sha1": sha1, "name": "file.txt"}]}]
    assert kc.exists(uri)


def test_what_is_here_is_asked_of_nobody(node: ScriptedNode) -> None:
    uri = kc.store_text("mine")
    assert kc.load_text(uri) == "mine"
    assert kc.load_many([uri]) == ["mine"]
    assert node.loads == []


def test_a_channel_may_be_named(node: ScriptedNode) -> None:
    (sha1,) = node.offer(b"1")
    assert kc.load_json(f"sha1://{sha1}", channel="lab") == 1
    assert node.loads[0]["channels"] == ["lab"]


def test_nobody_is_asked_if_the_caller_says_so(node: ScriptedNode) -> None:
    (sha1,) = node.offer(b"x")
    uri = f"sha1://{sha1}/x.txt?manifest={TABLE}"
    assert kc.load_text(uri, local_only=True) is None
    assert kc.load_bytes(uri, 0, 1, local_only=True) is None
    assert kc.load_many([uri], local_only=True) == [None]
    assert kc.list_dir(f"sha1dir://{sha1}", local_only=True) is None
    with pytest.raises(ContentNotFoundError):
        kc.open(uri, local_only=True)
    assert (node.loads, node.ranges) == ([], [])


def test_nobody_is_asked_without_a_node() -> None:
    assert kc.load_text(NOBODYS) is None
    assert kc.load_many([NOBODYS]) == [None]
    assert kc.load_bytes(f"{NOBODYS}?manifest={TABLE}", 0, 1) is None
    assert kc.list_dir(NOBODYS.replace("sha1:", "sha1dir:")) is None


@pytest.mark.usefixtures("node")
def test_what_cannot_be_opened_says_where_was_looked_and_names_its_uri() -> None:
    uri = f"sha1://{sha1_of(b'nowhere')}/file.txt"
    for asked, words in (
        ({}, "neither in the store nor on any channel"),
        ({"channel": "lab"}, "neither in the store nor on channel 'lab'"),
        ({"local_only": True}, f"{uri} is not in the store"),
    ):
        with pytest.raises(ContentNotFoundError) as caught:
            kc.open(uri, **asked)
        assert words in caught.value.message
        assert f"kc.explain({uri!r})" in caught.value.hint


def test_what_nobody_has_is_none_and_a_hint_is_given_once(
    node: ScriptedNode, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kachery_jupyter.client.fetching._hinted", False)
    node.lines = lambda question: iter(
        [{"done": [False] * len(question["uris"]), "asked": ["lab"]}]
    )
    assert kc.load_text(NOBODYS) is None
    assert kc.load_npy(NOBODYS) is None
    assert [record.message for record in caplog.records] == [
        "Nobody on the channels has it; `kc.explain(uri)` says where was looked."
    ]


def test_without_channels_there_is_no_hint(
    node: ScriptedNode, caplog: pytest.LogCaptureFixture
) -> None:
    assert kc.load_text(NOBODYS) is None
    assert not caplog.records
    assert node.loads


def test_every_way_of_loading_fetches(node: ScriptedNode, tmp_path: Path) -> None:
    array = np.arange(300_000.0)
    text = sha1_of(b"text")
    files = {"a.txt": b"a", "b.dat": BIG}
    for uri in (kc.store_npy(array), kc.store_pkl({"x": array})):
        path = kc.load_file(uri)
        assert path is not None
        with open(path, "rb") as file:
            node.offer(file.read())
        kc.remove(uri)
        loaded = kc.load_npy(uri) if uri.endswith(".npy") else kc.load_pkl(uri)["x"]
        assert np.array_equal(loaded, array)
    node.offer(b"text", *files.values())
    assert kc.load_bytes(f"sha1://{text}") == b"text"
    assert kc.load_file(f"sha1://{sha1_of(BIG)}", tmp_path / "copy") == str(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BIG
    with kc.open(f"sha1://{sha1_of(b'a')}") as file:
        assert file.read() == b"a"
    assert node.ranges == []


def test_a_folder_is_two_questions(node: ScriptedNode, tmp_path: Path) -> None:
    (tmp_path / "run" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "a.txt").write_text("a")
    (tmp_path / "run" / "deep" / "b.txt").write_text("b")
    uri = kc.store_dir(tmp_path / "run")
    listing = kc.list_dir(uri)
    assert listing is not None
    for one in (uri, *listing.values()):
        parts = kc.parse_uri(one.replace("sha1dir", "sha1"))
        node.offer(node.store.objects.read(node.store.objects.get(parts.hash)))
        node.store.objects.get(parts.hash).path.unlink()
    assert kc.load_dir(uri, tmp_path / "again") == str(tmp_path / "again")
    assert (tmp_path / "again" / "deep" / "b.txt").read_text() == "b"
    assert [len(question["uris"]) for question in node.loads] == [1, 2]


def test_a_file_within_a_folder_brings_the_listing_and_itself_only(node: ScriptedNode) -> None:
    one, other = node.offer(b"one", b"other")
    listing = json.dumps(
        {"files": {"one": {"size": 3, "sha1": one}, "other": {"size": 5, "sha1": other}}}
    ).encode()
    (folder,) = node.offer(listing)
    assert kc.load_text(f"sha1dir://{folder}/one") == "one"
    assert [[wanted["sha1"] for wanted in asked["uris"]] for asked in node.loads] == [
        [folder],
        [one],
    ]
    with kc.open(f"sha1dir://{folder}/other") as file:
        assert file.read() == b"other"
    assert kc.load_many([f"sha1dir://{folder}/one", f"sha1dir://{folder}/other"]) == [
        b"one",
        b"other",
    ]


def test_a_folder_of_which_a_file_is_lost_writes_nothing(
    node: ScriptedNode, tmp_path: Path
) -> None:
    (one,) = node.offer(b"one")
    listing = {"files": {"one": {"size": 3, "sha1": one}, "lost": {"size": 5, "sha1": "0" * 40}}}
    (folder,) = node.offer(json.dumps(listing).encode())
    with pytest.raises(ContentNotFoundError, match="'lost'"):
        kc.load_dir(f"sha1dir://{folder}", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_many_values_are_one_question_each_as_its_name_says(node: ScriptedNode) -> None:
    uris = [kc.store_text("here")]
    for data, name in ((b"t", "t.txt"), (b"[1]", "j.json"), (b"b", "b.dat")):
        (sha1,) = node.offer(data)
        uris.append(f"sha1://{sha1}/{name}")
    uris += [uris[1], NOBODYS]
    assert kc.load_many(uris) == ["here", "t", [1], b"b", "t", None]
    assert [len(question["uris"]) for question in node.loads] == [4]
    assert kc.load_many(uris[1:3], kind="bytes") == [b"t", b"[1]"]
    with pytest.raises(ValueError, match="unknown"):
        kc.load_many(uris, kind="nonsense")


def test_more_than_a_thousand_are_asked_for_by_the_thousand(node: ScriptedNode) -> None:
    data = [b"%d" % number for number in range(1001)]
    uris = [f"sha1://{sha1}/x.json" for sha1 in node.offer(*data)]
    assert kc.load_many(uris) == list(range(1001))
    assert [len(question["uris"]) for question in node.loads] == [1000, 1]


def test_the_bar_goes_on_from_question_to_question(
    node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = []

    @contextlib.contextmanager
    def bar(title: str):
        assert title == "Fetching 1,001 contents"
        yield lambda done, total: reached.append((done, total))

    monkeypatch.setattr("kachery_jupyter.client.fetching.reaching_bar", bar)

    def lines(question):
        for done in (10, 100):
            yield {"progress": {"done": done, "total": 100}}
        yield {"done": [False] * len(question["uris"])}

    node.lines = lines
    assert not any(kc.load_many([f"sha1://{number:040x}" for number in range(1001)]))
    assert reached == [(10, 100), (100, 100), (110, 200), (200, 200)]


def test_a_name_cannot_move_the_cursor() -> None:
    assert shown_name([ContentUri("0" * 40, "\x1b[2Jevil" + "x" * 100)]) == "[2Jevil" + "x" * 33
    assert shown_name([ContentUri("0" * 40)]) == "0" * 12


def test_errors_of_the_node_are_the_same_here(node: ScriptedNode) -> None:
    (sha1,) = node.offer(b"x")
    node.refusal = StorageFullError("no room", hint="make some")
    with pytest.raises(StorageFullError, match="no room"):
        kc.load_text(f"sha1://{sha1}")
    node.refusal = None
    node.lines = lambda _: iter(
        [
            {"progress": {"done": 0, "total": 1}},
            {"error": error_to_wire(StorageFullError("no room any more"))},
        ]
    )
    with pytest.raises(StorageFullError, match="any more"):
        kc.load_text(f"sha1://{sha1}")


def test_a_node_that_was_started_again_elsewhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
    monkeypatch.setenv("KACHERY_STORAGE_DIR", str(tmp_path / "storage"))
    for number in range(2):
        with scripted_node(tmp_path) as node:
            noted = node.store.folder.state / "node.json"
            noted.write_text(json.dumps({"port": node.port}))
            if number:
                with pytest.raises(DaemonNotRunningError, match="kachery daemon start"):
                    kc.load_text(NOBODYS)
            assert kc.load_text(NOBODYS) is None
            assert node.loads


def test_a_node_that_is_killed_meanwhile_is_an_error(node: ScriptedNode) -> None:
    node.lines = lambda _: iter([{"progress": {"done": 0, "total": 1}}, None])
    with pytest.raises(DaemonNotRunningError, match="stopped while it was fetching"):
        kc.load_text(NOBODYS)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_who_waits_at_a_terminal_sees_bytes_and_their_rate(
    node: ScriptedNode, tmp_path: Path
) -> None:
    (sha1,) = node.offer(BIG)
    node.pause_seconds = 3.0
    code = f"import kachery_jupyter as kc\nprint(len(kc.load_bytes('sha1://{sha1}/big.dat')))"
    environment = isolated_environment(tmp_path, **node.environment)
    termios, fcntl = pytest.importorskip("termios"), pytest.importorskip("fcntl")
    terminal, theirs = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    shown = bytearray()

    def watch() -> None:
        # Closed by the last who wrote to it, a terminal is an error to read from.
        with contextlib.suppress(OSError):
            while piece := os.read(terminal, 10_000):
                shown.extend(piece)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with subprocess.Popen(
        program_command(code), env=environment, stdout=subprocess.PIPE, stderr=theirs
    ) as program:
        os.close(theirs)
        said, _ = program.communicate(timeout=60)
    watcher.join(10)
    os.close(terminal)
    text = shown.decode()
    assert int(said) == len(BIG)
    assert "Fetching big.dat" in text
    assert "/2.50M" in text
    assert "B/s" in text


@pytest.mark.parametrize("lines", [[{"done": []}], [{"done": 1}], ["nonsense"], [7]])
def test_a_node_that_answers_nonsense_is_an_error(node: ScriptedNode, lines: list) -> None:
    node.lines = lambda _: iter(lines)
    with pytest.raises(WrongDaemonError):
        kc.load_text(NOBODYS)


def test_of_a_large_content_only_what_is_read_is_fetched(node: ScriptedNode) -> None:
    uri = f"sha1://{node.offer(BIG)[0]}/big.dat?manifest={TABLE}"
    assert kc.load_bytes(uri, 1_000_000, 1_000_010) == BIG[1_000_000:1_000_010]
    assert node.ranges == [(0, 0), (1_000_000, 1_000_010)]
    with pytest.raises(InvalidRangeError):
        kc.load_bytes(uri, 0, len(BIG) + 1)
    with kc.open(uri) as file:
        assert file.seek(-100, os.SEEK_END) == len(BIG) - 100
        assert file.read() == BIG[-100:]
        assert file.seek(2_000_000) == 2_000_000
        assert file.read(1024) == BIG[2_000_000:2_001_024]
    assert node.ranges[4:] == [(len(BIG) - 100, len(BIG)), (2_000_000, 2_000_000 + 65536)]
    assert node.loads == []


def test_whoever_reads_on_gets_larger_pieces(node: ScriptedNode) -> None:
    uri = f"sha1://{node.offer(BIG)[0]}?manifest={TABLE}"
    with kc.open(uri) as file:
        read = b""
        while piece := file.read(10_000):
            read += piece
    assert read == BIG
    sizes = [end - start for start, end in node.ranges[1:]]
    assert sizes[:4] == [1 << 16, 1 << 17, 1 << 18, 1 << 19]
    assert sum(sizes) == len(BIG)


def test_large_text_opens_as_text(node: ScriptedNode) -> None:
    (sha1,) = node.offer("größer\r\n".encode() * 100)
    with kc.open(f"sha1://{sha1}?manifest={TABLE}", "r") as file:
        assert file.readline() == "größer\r\n"


def test_all_of_a_large_content_is_fetched_as_a_whole(node: ScriptedNode) -> None:
    uri = f"sha1://{node.offer(BIG)[0]}/big.dat?manifest={TABLE}"
    assert kc.load_bytes(uri) == BIG
    assert node.loads[0]["uris"][0]["manifest"] == TABLE
    assert node.ranges == []


def test_a_part_that_nobody_has_is_none(node: ScriptedNode) -> None:
    uri = f"{NOBODYS}?manifest={TABLE}"
    assert kc.load_bytes(uri, 0, 1) is None
    with pytest.raises(ContentNotFoundError, match=r"kc\.explain"):
        kc.open(uri)
    assert node.loads == []


def test_too_few_bytes_are_an_error(node: ScriptedNode) -> None:
    (sha1,) = node.offer(BIG)
    with kc.open(f"sha1://{sha1}?manifest={TABLE}") as file:
        node.elsewhere[sha1] = BIG[:100]
        with pytest.raises(WrongDaemonError):
            file.read(200_000)


def test_ctrl_c_hangs_up(node: ScriptedNode, tmp_path: Path) -> None:
    (sha1,) = node.offer(b"slow")
    node.pause_seconds = 60.0
    code = f"import kachery_jupyter as kc\nprint('go', flush=True)\nkc.load_text('sha1://{sha1}')"
    environment = isolated_environment(tmp_path, **node.environment)
    with subprocess.Popen(
        program_command(code), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"go\n"
        while not node.loads:
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20)
    assert b"KeyboardInterrupt" in said
    assert program.returncode
    assert node.left.wait(10)
    assert node.store.objects.find(sha1) is None


def test_a_cancelled_coroutine_hangs_up(node: ScriptedNode) -> None:
    (sha1,) = node.offer(b"slow")
    node.pause_seconds = 60.0

    async def cancel() -> None:
        loading = asyncio.ensure_future(client.load_text(f"sha1://{sha1}"))
        while not node.loads:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading

    asyncio.run(cancel())
    assert node.left.wait(10)


def test_coroutines_load_side_by_side(node: ScriptedNode) -> None:
    uris = [f"sha1://{sha1}/x.txt" for sha1 in node.offer(b"a", b"b", b"c")]

    async def load() -> list:
        return await asyncio.gather(*(client.load_text(uri) for uri in uris))

    assert asyncio.run(load()) == ["a", "b", "c"]
    assert asyncio.run(client.load_many(uris)) == ["a", "b", "c"]
