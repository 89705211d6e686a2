"""Feeds with real nodes, programs and users: what people do with them, and what they may not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import kachery_jupyter as kc
from kachery_core.errors import (
    BadSignatureError,
    DaemonNotRunningError,
    FeedExistsError,
    FeedNotFoundError,
    FeedNotWriteableError,
    InvalidInputError,
    InvalidUriError,
    OfflineError,
)
from kachery_core.feeds import subfeed_hash
from kachery_core.messages import SubfeedKey, outline_batches
from kachery_jupyter.client import feed_line, line
from kachery_jupyter.client.connection import forget_place
from tests.support.feed_samples import log_path
from tests.support.feed_verifier import verify_log
from tests.support.nodes import PATIENCE_SECONDS, RunningNode, running_node, wait_until
from tests.support.programs import OTHER_UID, run_program
from tests.support.samples import VECTORS

pytestmark = pytest.mark.timeout(180)
needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs to become another user"
)
LONG_MSEC = 60_000


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One node for the tests that do not stop it; each makes feeds of its own."""
    with running_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(autouse=True)
def beside(request, monkeypatch):
    """This process uses the node of the test."""
    forget_place()
    line._lines.line = None
    if "node" in request.fixturenames:
        node = request.getfixturevalue("node")
        for name, value in environment_of(node).items():
            if name.startswith("KACHERY"):
                monkeypatch.setenv(name, value)
    yield
    line._lines.line = None
    forget_place()


@pytest.fixture
def subfeed(node):
    assert node.process.poll() is None
    return kc.create_feed().load_subfeed("main")


def environment_of(node: RunningNode) -> dict[str, str]:
    return node.environment | {"KACHERY_DAEMON_PORT": str(node.port)}


@contextlib.contextmanager
def program(node, code, *arguments):
    """A program beside the node; it has said "ready"."""
    command = [sys.executable, "-c", f"import kachery_jupyter as kc, sys, json\n{code}", *arguments]
    process = subprocess.Popen(
        command, env=environment_of(node), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def verified(node, subfeed):
    """What another program reads in the node's own file."""
    folder = node.storage.parent
    path = log_path(folder, SubfeedKey(subfeed.feed_id, subfeed.subfeed_hash))
    return verify_log(path, subfeed.feed_id, subfeed.subfeed_hash)


READER = """
from kachery_jupyter.client import line
asked, ask = [], line.ask
line.ask = lambda door, method, path, *more: asked.append(path) or ask(door, method, path, *more)
subfeed = kc.load_subfeed(sys.argv[1])
del asked[:]
print("ready", flush=True)
print(json.dumps([subfeed.get_next_messages(wait_msec=600000), asked]), flush=True)
"""


def test_a_reader_in_another_program_wakes_without_asking_again(node, subfeed):
    with program(node, READER, subfeed.uri) as reader:
        with pytest.raises(subprocess.TimeoutExpired):
            reader.wait(1.5)
        subfeed.append_message({"n": 1})
        found, asked = json.loads(reader.communicate(timeout=PATIENCE_SECONDS)[0])
    assert found == [{"n": 1}]
    assert asked == ["/messages/read"]


@pytest.mark.usefixtures("node")
def test_100_subfeeds_are_watched_over_one_connection_with_one_question(monkeypatch):
    feed = kc.create_feed()
    watched = {str(n): feed.load_subfeed(f"subfeed {n}") for n in range(100)}
    feed.load_subfeed("another").append_message(0)
    connections, questions = [], []
    connected, fed, ask = line._connected, feed_line._connected, line.ask_patiently

    def count_connection(door):
        connections.append(door)
        return connected(door)

    def count_feed_connection(door):
        connections.append(door)
        return fed(door)

    def count_question(*arguments, **more):
        questions.append(arguments[0])
        return ask(*arguments, **more)

    monkeypatch.setattr(line, "_connected", count_connection)
    monkeypatch.setattr(feed_line, "_connected", count_feed_connection)
    monkeypatch.setattr("kachery_jupyter.client.feeds.ask_patiently", count_question)

    def work():
        return kc.watch_for_new_messages(watched, wait_msec=LONG_MSEC)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(work)
        wait_until(lambda: questions, "the watch was asked for")
        feed.load_subfeed("subfeed 57").append_messages([1, 2])
        assert watching.result(PATIENCE_SECONDS) == {"57": [1, 2]}
        assert watched["57"].position == 2
        assert pool.submit(kc.watch_for_new_messages, watched).result() == {}
    assert questions == ["/messages/watch"] * 2
    assert len(connections) == 1  # the watching thread's; this one's were there


def test_16_writers_at_once_keep_their_order_and_share_signatures(node):
    feed = kc.create_feed()
    uri = feed.load_subfeed("main").uri

    def write(writer):
        subfeed = kc.load_subfeed(uri)
        return [subfeed.append_message([writer, number]) for number in range(40)]

    with ThreadPoolExecutor(16) as pool:
        places = list(pool.map(write, range(16)))
    subfeed = kc.load_subfeed(uri)
    messages = subfeed[:]
    assert sorted(itertools.chain(*places)) == list(range(640))
    for writer, mine in enumerate(places):
        assert [messages[place] for place in mine] == [[writer, number] for number in range(40)]
        assert mine == sorted(mine)
    assert verified(node, subfeed) == messages
    path = log_path(node.storage.parent, SubfeedKey(feed.feed_id, subfeed.subfeed_hash))
    signatures = sum(one.is_signed for one in outline_batches(path.read_bytes()))
    assert signatures < 640


def test_appends_of_any_size_go_through(node, subfeed):
    """The old node took 100 kB in all; one message may have a mebibyte."""
    small = [{"n": n, "text": "x" * 500} for n in range(300)]
    assert subfeed.append_messages(small) == 0
    large = ["y" * 900_000] * 25
    assert subfeed.append_messages(large) == 300
    largest = "z" * ((1 << 20) - 2)
    subfeed.append_message(largest)
    with pytest.raises(InvalidInputError, match=r"1,048,57"):
        subfeed.append_message(largest + "z")
    reader = kc.load_subfeed(subfeed.uri)
    assert reader.get_next_messages() == [*small, *large, largest]
    assert len(verified(node, subfeed)) == 326


def test_a_large_append_is_one_batch_and_a_larger_one_is_refused_whole(node, subfeed):
    """All of them or none: what is one batch is on the disk whole, or not."""
    assert subfeed.append_messages(["x" * 1_000_000] * 30) == 0
    path = log_path(node.storage.parent, SubfeedKey(subfeed.feed_id, subfeed.subfeed_hash))
    assert [one.head.length for one in outline_batches(path.read_bytes())] == [30]
    with pytest.raises(InvalidInputError, match="all of them or none"):
        subfeed.append_messages(["x" * 1_000_000] * 34)
    assert len(subfeed) == 30
    copied = kc.export_feed(subfeed.uri, node.storage.parent / "large.feed")
    assert kc.compare_export(copied) == 30
    # Over HTTP as well, where there are no UNIX sockets.
    body = {"feed": subfeed.feed_id, "subfeed": subfeed.subfeed_hash, "append_id": "0d" * 16}
    for count, status in ((31, 200), (33, 400)):
        reply = node.ask(
            "POST", "/api/v1/messages/append", body | {"messages": ["y" * 1_040_000] * count}
        )
        assert reply.status == status, reply.body[:300]
    assert len(subfeed) == 61


def test_arrays_and_bytes_in_messages_come_back_in_another_program(node, subfeed):
    array = np.arange(12.0).reshape(3, 4)
    subfeed.append_message({"x": array, "deep": [{"raw": b"\0\xff"}], "n": np.int64(3)})
    code = """
subfeed = kc.load_subfeed(sys.argv[1])
message = subfeed.get_next_message()
assert message["x"].shape == (3, 4) and message["x"].sum() == 66 and message["n"] == 3
assert message["deep"][0]["raw"] == bytes([0, 255])
print("ready")
"""
    with program(node, code, subfeed.uri):
        pass
    assert verified(node, subfeed)[0]["x"]["$kachery"].startswith("sha1://")


def test_one_append_under_one_id_from_two_programs_is_made_once(node, subfeed):
    first = subfeed.append_message("once", append_id="0a" * 16)
    code = (
        "print(kc.load_subfeed(sys.argv[1]).append_message('once', append_id='0a' * 16) or 'ready')"
    )
    with program(node, code, subfeed.uri):
        pass
    assert first == 0
    assert subfeed[:] == ["once"]


def test_iterating_gives_what_comes_later_too(subfeed):
    subfeed.append_messages([0, 1])
    threading.Timer(0.3, subfeed.append_messages, [[2, 3]]).start()
    assert list(itertools.islice(kc.load_subfeed(subfeed.uri), 4)) == [0, 1, 2, 3]


def test_async_iterating_leaves_the_loop_free_and_can_be_cancelled(subfeed):
    async def story():
        found, ticks = [], 0

        async def read():
            stream = aiter(kc.load_subfeed(subfeed.uri))
            while True:
                found.append(await anext(stream))

        reading = asyncio.ensure_future(read())
        while not found:
            await asyncio.sleep(0.01)
            ticks += 1
            if ticks == 20:
                await asyncio.to_thread(subfeed.append_message, "late")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        return found, ticks

    found, ticks = asyncio.run(story())
    assert found == ["late"]
    assert ticks >= 20


def test_positions_slices_and_lengths(subfeed):
    subfeed.append_messages(range(100))
    reader = kc.load_subfeed(subfeed.uri, position=90)
    assert reader.get_next_messages() == list(range(90, 100))
    assert (
        kc.load_feed(f"feed://{subfeed.feed_id}").load_subfeed("main", position=98).position == 98
    )
    assert subfeed[10:20] == list(range(10, 20))
    assert (subfeed[-1], subfeed[0], len(subfeed)) == (99, 0, 100)
    reader.set_position(-1)
    with pytest.raises(InvalidInputError):
        reader.get_next_messages()
    reader.set_position(10**15)
    assert reader.get_next_messages(wait_msec=0) == []


@pytest.mark.usefixtures("node")
def test_names_that_are_dicts_or_odd_text_are_found_again():
    feed = kc.create_feed()
    names = ["a b", "a/b", "ü?#%", {"a": 1, "b": 2}, ["x"], "~" + "0a" * 20]
    for number, name in enumerate(names):
        feed.load_subfeed(name).append_message(number)
    for number, name in enumerate(names):
        assert kc.load_subfeed(feed.load_subfeed(name).uri)[:] == [number]
    assert len(feed.list_subfeeds()) == len(names)


@pytest.mark.usefixtures("node")
def test_a_name_is_used_once_until_its_feed_is_deleted():
    feed = kc.create_feed("my experiment")
    assert kc.load_feed("my experiment").uri == feed.uri
    assert kc.get_feed_id("my experiment") == feed.feed_id
    with pytest.raises(FeedExistsError) as caught:
        kc.create_feed("my experiment")
    assert "load_feed" in caught.value.hint
    feed.delete()
    assert kc.create_feed("my experiment").feed_id != feed.feed_id
    kc.delete_feed("my experiment")
    assert kc.load_feed("my experiment", create=True).is_writeable()


def test_a_retired_feed_can_be_read_and_says_what_follows(subfeed):
    feed = kc.load_feed(f"feed://{subfeed.feed_id}")
    next_feed = kc.create_feed()
    subfeed.append_message(1)
    feed.retire(next_feed.uri, "the disk was replaced")
    assert feed.retired == {"successor": next_feed.uri, "reason": "the disk was replaced"}
    with pytest.raises(FeedNotWriteableError, match="disk was replaced") as caught:
        subfeed.append_message(2)
    assert next_feed.uri in caught.value.hint
    again = kc.load_subfeed(subfeed.uri)
    assert not again.is_writeable
    assert again[:] == [1]


def test_a_deleted_feed_is_gone_and_said_to_be(subfeed):
    subfeed.append_message(1)
    kc.delete_feed(f"feed://{subfeed.feed_id}")
    for work in (
        lambda: kc.load_subfeed(subfeed.uri),
        lambda: subfeed.append_message(2),
        lambda: len(subfeed),
        lambda: kc.delete_feed(f"feed://{subfeed.feed_id}"),
    ):
        with pytest.raises(FeedNotFoundError):
            work()


@pytest.mark.usefixtures("node")
def test_what_is_no_feed_here_is_said_in_words():
    nowhere = "feed://" + "0a" * 32
    for work in (
        lambda: kc.load_feed(nowhere),
        lambda: kc.load_subfeed(f"{nowhere}/main"),
        lambda: kc.load_feed("no such name"),
        lambda: kc.get_feed_id("no such name"),
        lambda: kc.export_feed(nowhere, "unused"),
    ):
        with pytest.raises(FeedNotFoundError) as caught:
            work()
        assert caught.value.hint
    for false in ("feed://", "feed://0a/main", nowhere + "/main", "sha1://" + "0a" * 20):
        with pytest.raises((InvalidUriError, FeedNotFoundError)):
            kc.load_feed(false)
    with pytest.raises(InvalidUriError):
        kc.load_subfeed(nowhere)
    assert not Path("unused").exists()


def test_without_a_node_feeds_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path))
    for work in (
        kc.create_feed,
        kc.list_feeds,
        lambda: kc.load_feed("mine", create=True),
        lambda: kc.load_subfeed("feed://" + "0a" * 32 + "/main"),
        lambda: kc.watch_for_new_messages({}),
    ):
        with pytest.raises(OfflineError) as caught:
            work()
        assert "KACHERY_OFFLINE_STORAGE_DIR" in caught.value.hint


def test_an_export_is_read_anywhere_and_agrees_with_the_feed(subfeed, tmp_path, monkeypatch):
    subfeed.append_messages([{"n": n} for n in range(50)])
    kc.load_subfeed(f"feed://{subfeed.feed_id}/other").append_message("x")
    path = kc.export_feed(subfeed.uri, tmp_path / "a.feed")
    subfeed.append_message("later")
    assert kc.compare_export(path) == 51
    assert len(verify_log(path, subfeed.feed_id, subfeed_hash("main"))) == 50
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(tmp_path / "offline"))
    assert kc.read_export(path) == {"main": [{"n": n} for n in range(50)], "other": ["x"]}


def test_a_feed_is_exported_whole_while_somebody_writes_it(subfeed, tmp_path):
    is_over = threading.Event()

    def write():
        mine = kc.load_subfeed(subfeed.uri)
        number = 0
        while not is_over.is_set():
            mine.append_message(number)
            number += 1

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            wait_until(lambda: len(subfeed) > 3, "messages are written")
            for number in range(15):
                path = kc.export_feed(subfeed.uri, tmp_path / f"{number}.feed")
                messages = kc.read_export(path)["main"]
                assert messages == list(range(len(messages)))
        finally:
            is_over.set()
        writing.result()


LIVE = """
subfeed = kc.load_subfeed(sys.argv[1])
print("ready", flush=True)
try:
    for message in subfeed:
        print(message, flush=True)
except KeyboardInterrupt:
    print(f"left at {subfeed.position} of {len(subfeed)}", flush=True)
"""


def test_ctrl_c_ends_an_endless_loop_and_nothing_else(node, subfeed):
    subfeed.append_message("first")
    with program(node, LIVE, subfeed.uri) as reader:
        assert reader.stdout.readline() == "first\n"
        reader.send_signal(signal.SIGINT)
        assert reader.communicate(timeout=10)[0] == "left at 1 of 1\n"
        assert reader.returncode == 0


def test_feeds_are_made_and_found_while_the_node_is_restarted(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    with ThreadPoolExecutor(1) as pool:
        with running_node(tmp_path, "--port", port) as node:
            for name, value in environment_of(node).items():
                if name.startswith("KACHERY"):
                    monkeypatch.setenv(name, value)
            feed = kc.create_feed("mine")
            feed.load_subfeed("main").append_message(1)
            node.kill()
        for work in (
            lambda: kc.create_feed().feed_id,
            lambda: kc.load_feed("mine").feed_id,
            lambda: kc.load_subfeed(f"{feed.uri}/main")[:],
            lambda: [one.feed_id for one in kc.list_feeds()],
            feed.list_subfeeds,
        ):
            asking = pool.submit(work)
            with pytest.raises(concurrent.futures.TimeoutError):
                asking.result(0.7)
            with running_node(tmp_path, "--port", port):
                assert asking.result(PATIENCE_SECONDS)
        with running_node(tmp_path, "--port", port):
            assert len(kc.list_feeds()) == 2


def test_where_no_node_ever_was_none_is_waited_for(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    monkeypatch.setenv("KACHERY_DAEMON_PORT", port)
    monkeypatch.setenv("KACHERY_STORAGE_DIR", str(tmp_path))
    pauses = []
    monkeypatch.setattr(line.time, "sleep", pauses.append)
    for work in (kc.create_feed, kc.list_feeds, lambda: kc.load_feed("mine", create=True)):
        with pytest.raises(DaemonNotRunningError):
            work()
    assert not pauses


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_reader_that_waits_goes_on_when_the_node_is_back(tmp_path, monkeypatch, how):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    with contextlib.ExitStack() as programs:
        with running_node(tmp_path, "--port", port) as node:
            for name, value in environment_of(node).items():
                if name.startswith("KACHERY"):
                    monkeypatch.setenv(name, value)
            subfeed = kc.create_feed().load_subfeed("main")
            subfeed.append_message("before")
            reader = programs.enter_context(program(node, LIVE, subfeed.uri))
            assert reader.stdout.readline() == "before\n"
            getattr(node, how)()
        with running_node(tmp_path, "--port", port):
            assert subfeed.append_message("after") == 1
            assert reader.stdout.readline() == "after\n"
            assert reader.poll() is None


def test_no_secret_comes_out_of_any_question(node, subfeed):
    """Keys and tokens: not as answers, not as content, not by paths that climb."""
    subfeed.append_message(1)
    state = node.storage / ".state"
    secrets = [path.read_bytes().strip() for path in (state / "keys").iterdir()]
    secrets += [(state / "node.pem").read_bytes().strip(), node.token.encode()]
    # The middle of a PEM file is its key.
    needles = [one.splitlines()[len(one.splitlines()) // 2] for one in secrets]
    description = node.ask("GET", "/api/v1/openapi.json").json
    # The answer of events has no end; it has only words of a list.
    asked = [path for path in description["paths"] if path != "/api/v1/events"]
    paths = ["/", "/probe", "/api/v1", *asked]
    names = [f"{subfeed.feed_id}.pem", "node.pem", "token", "keys"]
    climbing = ["..", "../..", "%2e%2e", "..%2f..", ".state", "%2e%2e%2f.state%2fkeys"]
    paths += [f"/api/v1/{part}/{up}/{name}" for part in ("files", "feeds") for up in climbing
              for name in names]  # fmt: skip
    paths += [path.replace("{feed}", name) for path in asked for name in names]
    assert len(description["paths"]) > 15
    answered = 0
    for path in paths:
        filled = path.replace("{feed}", subfeed.feed_id).replace("{sha1}", "0a" * 20)
        for method in ("GET", "HEAD"):
            reply = node.ask(method, filled)
            answered += reply.status == 200
            whole = reply.body + str(dict(reply.headers)).encode()
            assert not any(needle in whole for needle in needles), filled
    assert answered >= 6


def test_subfeeds_have_one_spelling_and_no_way_out_of_their_folder(node, subfeed):
    subfeed.append_message(1)
    request = {"feed": subfeed.feed_id, "append_id": "0c" * 16, "messages": [2]}
    for false in (
        subfeed.subfeed_hash + "\n",
        subfeed.subfeed_hash.upper(),
        "../" * 13 + "a",
        "",
        " " + subfeed.subfeed_hash[1:],
    ):
        reply = node.ask("POST", "/api/v1/messages/append", request | {"subfeed": false})
        assert reply.status == 400, false
    assert subfeed[:] == [1]
    assert len(list((node.storage / ".state" / "feeds" / subfeed.feed_id).iterdir())) == 1


@pytest.mark.parametrize("text", ["NaN", "1 2", "{", "'a'", "01", "[1,]", '"\\x"', "tru", "-"])
def test_what_is_no_json_never_becomes_a_message(node, subfeed, text):
    body = (
        f'{{"feed":"{subfeed.feed_id}","subfeed":"{subfeed.subfeed_hash}",'
        f'"append_id":"{"0c" * 16}","messages":[{text}]}}'
    )
    headers = {"Content-Type": "application/json"}
    reply = node.ask("POST", "/api/v1/messages/append", body.encode(), headers)
    assert reply.status == 400
    assert len(subfeed) == 0


OTHERS = """
import sys
theirs = kc.load_subfeed(URI)
print(theirs[:], bool(theirs.is_writeable))
def refused(work):
    try:
        return "done", work()
    except kc.KacheryError as error:
        return type(error).__name__
print(refused(lambda: theirs.append_message("mine")))
theirs._is_writeable = True
print(refused(lambda: theirs.append_message("mine")))
print(refused(lambda: kc.delete_feed(FEED)), refused(lambda: kc.load_feed(FEED).retire()))
own = kc.create_feed("same name")
mine = own.load_subfeed("main")
mine.append_messages([1, {"x": numpy.arange(3)}])
print(mine[0], mine[1]["x"].tolist(), bool(mine.is_writeable))
print(kc.get_feed_id("same name") == own.feed_id, refused(lambda: kc.load_feed("owners")))
print(mine.uri)
"""


@needs_root
def test_another_user_writes_feeds_of_their_own_and_reads_all():
    folder = Path(tempfile.mkdtemp(prefix="kachery-"))
    try:
        folder.chmod(0o755)
        guest = folder / "guest"
        guest.mkdir()
        shutil.chown(guest, OTHER_UID, OTHER_UID)
        with running_node(folder / "node", "--shared") as node:
            (folder / "node").chmod(0o755)
            owner = environment_of(node)
            code = """
import kachery_jupyter as kc
kc.create_feed("owners")
subfeed = kc.create_feed("same name").load_subfeed("main")
subfeed.append_message("owner's")
print(subfeed.uri)
"""
            uri = run_program(code, owner).strip()
            feed = uri.rpartition("/")[0]
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "HOME": str(guest),
                "KACHERY_DAEMON_PORT": str(node.port),
            }
            names = f"URI, FEED = {uri!r}, {feed!r}\n"
            said = run_program(names + OTHERS, environment, uid=OTHER_UID, cwd=guest).splitlines()
            assert said[:6] == [
                '["owner\'s"] False',
                "FeedNotWriteableError",
                "FeedNotWriteableError",
                "FeedNotWriteableError FeedNotWriteableError",
                "1 [0, 1, 2] True",
                "True FeedNotFoundError",
            ]
            # No other subfeed, no other name came from the refused appends.
            code = f"""
import kachery_jupyter as kc
assert kc.load_subfeed({uri!r})[:] == ["owner's"]
assert kc.load_feed({feed!r}).list_subfeeds() == {{"main": 1}}
theirs = kc.load_subfeed({said[6]!r})
print(theirs[0], theirs.append_message("the owner may"))
"""
            assert run_program(code, owner) == "1 2\n"
            for name in ("keys", "feeds", "token"):
                look = ["setpriv", "--reuid", str(OTHER_UID), "--clear-groups", "ls"]
                denied = subprocess.run(
                    [*look, str(node.storage / ".state" / name)], capture_output=True, check=False
                )
                assert denied.returncode
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def old_feed():
    path = VECTORS / "golden_feed.json"
    if not path.exists():
        pytest.skip("needs the golden feed beside the checkout")
    return json.loads(path.read_text())


def write_old_database(storage: Path, feed: dict, texts: list[str]) -> None:
    """`feeds.db` as a kachery daemon of 2020-2022 made it."""
    storage.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(storage / "feeds.db")) as database:
        database.executescript(
            """CREATE TABLE feeds (feedId TEXT PRIMARY KEY);
            CREATE TABLE subfeeds (feedId TEXT, subfeedHash TEXT,
                PRIMARY KEY (feedId, subfeedHash));
            CREATE TABLE subfeedMessages (feedId TEXT, subfeedHash TEXT, position INTEGER,
                message TEXT, PRIMARY KEY (feedId, subfeedHash, position));"""
        )
        where = (feed["feedId"], feed["subfeedHash"])
        database.execute("INSERT INTO feeds VALUES (?)", where[:1])
        database.execute("INSERT INTO subfeeds VALUES (?,?)", where)
        rows = [(*where, position, text) for position, text in enumerate(texts)]
        database.executemany("INSERT INTO subfeedMessages VALUES (?,?,?,?)", rows)
        database.commit()


def test_feeds_of_an_old_daemon_are_read_verified_and_left_alone(tmp_path, monkeypatch, old_feed):
    texts = [json.dumps(one) for one in old_feed["signedMessages"]]
    write_old_database(tmp_path / "storage", old_feed, texts)
    before = (tmp_path / "storage" / "feeds.db").read_bytes()
    with running_node(tmp_path) as node:
        for name, value in environment_of(node).items():
            if name.startswith("KACHERY"):
                monkeypatch.setenv(name, value)
        uri = f"feed://{old_feed['feedId']}/~{old_feed['subfeedHash']}"
        subfeed = kc.load_subfeed(uri)
        assert subfeed[:] == [{"i": 0}, {"i": 1}, {"i": 2}]
        assert (len(subfeed), subfeed[-1], subfeed[1:2]) == (3, {"i": 2}, [{"i": 1}])
        assert subfeed.get_next_messages(max_num_messages=2) == [{"i": 0}, {"i": 1}]
        assert subfeed.get_next_messages(signed=True) == old_feed["signedMessages"][2:]
        assert subfeed.get_next_messages(wait_msec=10) == []
        assert not subfeed.is_writeable
        with pytest.raises(FeedNotWriteableError):
            subfeed.append_message(1)
        feed = kc.load_feed(f"feed://{old_feed['feedId']}")
        assert list(feed.list_subfeeds().values()) == [3]
    assert (tmp_path / "storage" / "feeds.db").read_bytes() == before


def test_a_changed_message_of_an_old_daemon_is_refused(tmp_path, monkeypatch, old_feed):
    changed = json.loads(json.dumps(old_feed["signedMessages"]))
    changed[1]["body"]["message"] = {"i": 7}
    write_old_database(tmp_path / "storage", old_feed, [json.dumps(one) for one in changed])
    with running_node(tmp_path) as node:
        for name, value in environment_of(node).items():
            if name.startswith("KACHERY"):
                monkeypatch.setenv(name, value)
        subfeed = kc.load_subfeed(f"feed://{old_feed['feedId']}/~{old_feed['subfeedHash']}")
        with pytest.raises(BadSignatureError):
            subfeed.get_next_messages()
