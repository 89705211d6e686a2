"""The feed socket: the same answers as over HTTP, and nothing for those who play foul."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from kachery_core.feeds import subfeed_hash
from kachery_core.messages import Head, SubfeedKey, check_run
from kachery_core.wire.lines import ASKED, LARGEST_QUESTION, decode_answer, encode_question
from tests.support.nodes import PATIENCE_SECONDS, running_node, wait_until
from tests.support.programs import OTHER_UID

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name == "nt", reason="POSIX"),
]
APPEND, READ, WATCH = "/messages/append", "/messages/read", "/messages/watch"
STALL_SECONDS, IDLE_SECONDS = 1.0, 3.0
# The node's own program, with less patience than its settings allow.
HURRIED = f"""
import dataclasses, sys
from kachery_daemon import __main__ as program
read = program.read_config
less = {{"stall_seconds": {STALL_SECONDS}, "idle_seconds": {IDLE_SECONDS}}}
program.read_config = lambda options: dataclasses.replace(read(options), **less)
sys.exit(program.main(sys.argv[4:]))
"""
needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs to become another user"
)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A node without patience; whatever was done to it, it said nothing of failures of its own."""
    folder = tmp_path_factory.mktemp("node")
    launcher = (sys.executable, "-c", HURRIED)
    with (
        (folder / "log").open("wb") as log,
        running_node(folder, "--verbose", stderr=log, launcher=launcher) as node,
    ):
        yield node
        assert node.process.poll() is None, "the node did not survive"
        said = (folder / "log").read_text("utf-8", "replace")
        assert "Traceback" not in said
        assert "incident" not in said


@pytest.fixture
def key(node):
    feed = node.ask("POST", "/api/v1/feeds", {"name": None}).json["feed"]
    return SubfeedKey(feed, subfeed_hash("main"))


@contextlib.contextmanager
def connected(node):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE_SECONDS)
        line.connect(str(node.storage / "feeds.sock"))
        yield line


def received(line):
    """The next answer, or None if the line was cut."""
    data = b""
    try:
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            piece = line.recv(1 << 16)
            if not piece:
                return None
            data += piece
    except ConnectionResetError:
        return None
    return decode_answer(data[4:])


def asked(node, path, value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    with connected(node) as line:
        line.sendall(encode_question(ASKED[path], body))
        return received(line)


def where(key, **more):
    return {"feed": key.feed, "subfeed": key.subfeed, **more}


def an_append(key, number, *messages):
    return where(key, append_id=f"{number:032x}", messages=list(messages))


def active(node):
    return node.ask("GET", "/api/v1/status").json["active_requests"]


def test_what_is_appended_on_the_socket_is_read_over_http_and_the_reverse(node, key):
    assert json.loads(asked(node, APPEND, an_append(key, 1, "a", "b")).body) == {
        "first": 0,
        "count": 2,
    }
    over_http = node.ask("POST", f"/api/v1{APPEND}", an_append(key, 2, "c"))
    assert over_http.json == {"first": 2, "count": 1}
    again = asked(node, APPEND, an_append(key, 2, "c"))
    assert json.loads(again.body) == over_http.json
    reply = node.ask("POST", f"/api/v1{READ}", where(key))
    answer = asked(node, READ, where(key))
    assert answer.body == reply.body
    for name, value in answer.facts.items():
        assert {k.lower(): v for k, v in reply.headers.items()}[name] == value
    batches = check_run(key, Head(), answer.body)
    assert [p for batch in batches for p in batch.payloads] == [b'"a"', b'"b"', b'"c"']


def test_every_refusal_is_the_one_of_http(node, key):
    nowhere = SubfeedKey("0a" * 32, key.subfeed)
    control = SubfeedKey(key.feed, subfeed_hash({"kachery": "control"}))
    questions = [
        (APPEND, an_append(key, 1)),
        (APPEND, an_append(nowhere, 1, "x")),
        (APPEND, an_append(control, 1, "x")),
        (APPEND, an_append(key, 1, "x" * (1 << 20))),
        (APPEND, an_append(key, 1, "x") | {"name": "another"}),
        (APPEND, an_append(key, 1, "x") | {"unknown": 1}),
        (APPEND, an_append(key, 1, "x") | {"feed": "../.."}),
        (READ, where(nowhere)),
        (READ, where(key, position=-1)),
        (READ, where(key, max_bytes=1 << 40)),
        (WATCH, {"positions": [where(nowhere, position=0)]}),
        (WATCH, {"positions": 5}),
        *((path, body) for path in ASKED for body in (b"", b"{", b"null", b"[" * 10_000, b"\xff")),
    ]
    for path, question in questions:
        answer = asked(node, path, question)
        json_headers = {"Content-Type": "application/json"}
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        reply = node.ask("POST", f"/api/v1{path}", body, json_headers)
        assert answer.is_error
        assert reply.status >= 400
        assert json.loads(answer.body) == reply.json, (path, question)


def test_a_line_serves_many_questions_and_an_error_does_not_end_it(node, key):
    with connected(node) as line:
        for number in range(50):
            line.sendall(
                encode_question(ASKED[APPEND], json.dumps(an_append(key, number, number)).encode())
            )
            assert json.loads(received(line).body)["first"] == number
            line.sendall(encode_question(ASKED[READ], b"{"))
            assert received(line).is_error


def test_a_waiting_reader_is_answered_when_the_message_comes(node, key):
    found = []
    waiting = threading.Thread(
        target=lambda: found.append(asked(node, READ, where(key, wait_msec=60_000)))
    )
    waiting.start()
    wait_until(lambda: active(node) == 1, "the reader waits")
    asked(node, APPEND, an_append(key, 1, "now"))
    waiting.join(PATIENCE_SECONDS)
    assert check_run(key, Head(), found[0].body)[0].payloads == [b'"now"']


def test_a_waiting_reader_that_goes_away_is_forgotten(node, key):
    with connected(node) as line:
        line.sendall(
            encode_question(ASKED[READ], json.dumps(where(key, wait_msec=600_000)).encode())
        )
        wait_until(lambda: active(node) == 1, "the reader waits")
    wait_until(lambda: active(node) == 0, "the node has forgotten it")


def test_an_append_whose_writer_goes_away_is_whole_or_not_there(node, key):
    for number in range(30):
        question = encode_question(
            ASKED[APPEND], json.dumps(an_append(key, number, *range(100))).encode()
        )
        with connected(node) as line:
            line.sendall(question[: random.Random(number).randrange(len(question) + 1)])
    wait_until(lambda: active(node) == 0, "all is over")
    before = int(asked(node, READ, where(key)).facts["kachery-length"])
    assert before % 100 == 0
    assert json.loads(asked(node, APPEND, an_append(key, 99, "x")).body)["first"] == before


HALVES = [b"\0", b"\0\0\0", b"\0\0\0\x05", b"\0\0\0\x05\x02{", struct.pack(">IB", 1 << 20, 1)]


@pytest.mark.parametrize("half", HALVES, ids=repr)
def test_a_question_that_stops_half_way_is_given_up(node, half):
    with connected(node) as line:
        began = time.monotonic()
        line.sendall(half)
        assert received(line) is None
        assert time.monotonic() - began >= STALL_SECONDS * 0.9


def test_dripping_does_not_keep_a_half_question_alive(node):
    def drip(line):
        line.sendall(struct.pack(">IB", 1 << 20, 1))
        for _ in range(int(STALL_SECONDS * 40)):
            line.sendall(b"x")
            time.sleep(0.1)

    with connected(node) as line, pytest.raises(ConnectionError):
        drip(line)


def test_a_line_without_questions_is_closed_and_a_waiting_one_is_not(node, key):
    with connected(node) as idle, connected(node) as waiting:
        waiting.sendall(
            encode_question(ASKED[READ], json.dumps(where(key, wait_msec=6000)).encode())
        )
        assert received(idle) is None
        assert not received(waiting).is_error


def test_what_is_no_question_is_answered_with_a_refusal_or_the_end(node, key):
    good = encode_question(ASKED[READ], json.dumps(where(key)).encode())
    foul = [
        b"\0\0\0\0\0",
        b"\xff\xff\xff\xff\xff",
        struct.pack(">IB", LARGEST_QUESTION + 1, 1) + b"x",
        encode_question(0, b"{}"),
        encode_question(4, b"{}"),
        encode_question(255, b""),
        b"GET /probe HTTP/1.1\r\nHost: kachery\r\n\r\n",
        good + good,
        good + b"\0",
    ]
    for bytes_of_it in foul:
        with connected(node) as line:
            line.sendall(bytes_of_it)
            answer = received(line)
            assert answer is None or answer.is_error
    assert not asked(node, READ, where(key)).is_error


def test_questions_without_waiting_for_answers_do_not_pile_up(node, key):
    asked(node, APPEND, an_append(key, 1, *["x" * 1000] * 1000))
    good = encode_question(ASKED[READ], json.dumps(where(key)).encode())
    with connected(node) as line, contextlib.suppress(OSError):
        line.settimeout(5)
        for _ in range(100_000):
            line.sendall(good)
        raise AssertionError("the node took them all")
    assert not asked(node, READ, where(key)).is_error


def test_who_does_not_take_the_answer_is_given_up(node, key):
    for number in range(4):
        asked(node, APPEND, an_append(key, number, *["x" * 1000] * 1000))
    good = encode_question(ASKED[READ], json.dumps(where(key, max_bytes=8 << 20)).encode())
    with connected(node) as line:
        line.sendall(good)
        time.sleep(3 * STALL_SECONDS)
        assert received(line) is None  # a part of it is in the kernel, the rest never comes


def test_ten_thousand_random_lines_never_find_a_failure_of_ours(node, key):
    chance = random.Random(20421)
    good = [
        encode_question(ASKED[READ], json.dumps(where(key)).encode()),
        encode_question(ASKED[WATCH], json.dumps({"positions": [where(key, position=0)]}).encode()),
        encode_question(ASKED[APPEND], json.dumps(an_append(key, 1, {"a": 1})).encode()),
    ]
    for _ in range(10_000):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            how = chance.randrange(3)
            place = chance.randrange(len(data)) if data else 0
            if how == 0 and data:
                data[place] = chance.randrange(256)
            elif how == 1:
                del data[place : place + chance.randrange(1, 20)]
            else:
                data[place:place] = chance.randbytes(chance.randrange(1, 20))
        with connected(node) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            answer = received(line)
            assert answer is None or not answer.is_error or b"incident" not in answer.body
    assert not asked(node, READ, where(key)).is_error


def test_the_socket_is_its_owners_alone_and_goes_with_the_node(tmp_path):
    with running_node(tmp_path) as node:
        path = node.storage / "feeds.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        assert node.ask("GET", "/probe").json["feeds_socket"] == str(path)
        with connected(node) as line:
            node.terminate()
            assert received(line) is None
    assert not path.exists()


OTHER = """
import os, socket, sys
os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})
line = socket.socket(socket.AF_UNIX)
try:
    line.connect(sys.argv[1])
    line.sendall(bytes.fromhex(sys.argv[2]))
    line.shutdown(socket.SHUT_WR)
    answer = b""
    while piece := line.recv(65536):
        answer += piece
    sys.stdout.buffer.write(answer)
except PermissionError:
    sys.stdout.buffer.write(b"no entry")
"""


@needs_root
def test_another_user_gets_nothing_of_a_private_node_even_where_the_file_lets_them_in():
    folder = Path(tempfile.mkdtemp(prefix="kachery-"))
    try:
        with running_node(folder) as node:
            feed = node.ask("POST", "/api/v1/feeds", {"name": None}).json["feed"]
            key = SubfeedKey(feed, subfeed_hash("main"))
            question = encode_question(ASKED[READ], json.dumps(where(key)).encode())
            path = node.storage / "feeds.sock"
            for opened in (folder, node.storage, path):
                opened.chmod(0o777)
            command = [sys.executable, "-c", OTHER.format(uid=OTHER_UID), str(path), question.hex()]
            said = subprocess.run(command, capture_output=True, check=True).stdout
            assert b"does not prove who asks" in said
    finally:
        shutil.rmtree(folder)
