"""The connection that stays open: what it takes for an answer, and when it asks again."""

import contextlib
import json
import os
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from kachery_core.errors import (
    DaemonNotRunningError,
    FeedNotFoundError,
    KacheryError,
    WrongDaemonError,
)
from kachery_jupyter.client import line as line_module
from kachery_jupyter.client.line import ask
from kachery_jupyter.client.node import Door

CLOSE = object()


@pytest.mark.parametrize("question", [Door.probe, lambda door: ask(door, "GET", "/status")])
def test_without_a_node_a_program_shows_one_traceback(question):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(DaemonNotRunningError) as caught:
            question(Door(nobody.getsockname()[1]))
    shown = traceback.format_exception(type(caught.value), caught.value, caught.tb)
    assert "".join(shown).count("Traceback") == 1


def answer(body=b"{}", status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Scripted:
    """Answers each question on each connection with the next piece of the script."""

    def __init__(self, listener, script):
        self.listener, self.script = listener, list(script)
        self.connections, self.questions = 0, []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                with connection:
                    self._talk(connection)

    def _talk(self, connection):
        while self.script and (question := _read_question(connection)) is not None:
            self.questions.append(question)
            piece = self.script.pop(0)
            if piece is CLOSE:
                return
            pieces = piece if isinstance(piece, list) else [piece]
            for part in pieces:
                connection.sendall(part)
            if len(pieces) > 1:
                return


def _read_question(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1 << 16)
        if not piece:
            return None
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(1 << 16)
    return head.decode(), rest


@pytest.fixture
def serve():
    with contextlib.ExitStack() as cleanup:

        def serve(*script):
            listener = cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
            node = Scripted(listener, script)
            return Door(listener.getsockname()[1], None, "the-token"), node

        yield serve
    line_module._lines.line = None


def test_one_connection_serves_many_questions(serve):
    door, node = serve(*[answer(b"%d" % number) for number in range(5)])
    assert [ask(door, "GET", "/feeds").body for _ in range(5)] == [b"%d" % n for n in range(5)]
    assert node.connections == 1


def test_a_question_has_the_token_and_the_literal_address(serve):
    door, node = serve(answer())
    ask(door, "POST", "/feeds", b'{"name":null}')
    head, body = node.questions[0]
    assert head.startswith("POST /api/v1/feeds HTTP/1.1\r\n")
    assert "Kachery-Token: the-token" in head
    assert f"Host: 127.0.0.1:{door.port}" in head
    assert "Content-Type: application/json" in head
    assert body == b'{"name":null}'


def test_an_answer_that_comes_in_pieces_is_whole(serve):
    whole = answer(b"x" * 300_000, headers="Kachery-Length: 7\r\n")
    door, _ = serve([whole[:10], whole[10:50], whole[50:51], whole[51:100_000], whole[100_000:]])
    reply = ask(door, "GET", "/feeds")
    assert reply.body == b"x" * 300_000
    assert reply.headers["kachery-length"] == "7"


def test_an_error_of_the_node_is_the_same_error_here_and_the_line_stays(serve):
    error = {"code": FeedNotFoundError.code, "message": "not here", "hint": "look", "fields": {}}
    door, node = serve(
        answer(json.dumps({"error": error}).encode(), "404 Not Found"), answer(b"next")
    )
    with pytest.raises(FeedNotFoundError, match="not here"):
        ask(door, "GET", "/feeds/x")
    assert ask(door, "GET", "/feeds").body == b"next"
    assert node.connections == 1


def test_a_line_that_was_closed_meanwhile_is_opened_again(serve):
    door, node = serve(answer(b"1"), CLOSE, answer(b"2"))
    assert ask(door, "GET", "/feeds").body == b"1"
    assert ask(door, "GET", "/feeds").body == b"2"
    assert node.connections == 2


def test_a_new_line_that_is_closed_is_not_tried_for_ever(serve):
    door, node = serve(CLOSE, answer(b"too late"))
    with pytest.raises(DaemonNotRunningError) as caught:
        ask(door, "GET", "/feeds")
    assert "kachery daemon start" in caught.value.hint
    assert node.connections == 1


def test_an_answer_that_is_cut_off_is_none(serve):
    """On a new line it is an error; on one that was used before, the question is asked again."""
    whole = answer(b"x" * 1000)
    door, _ = serve([whole[:-1], b""])
    with pytest.raises(DaemonNotRunningError):
        ask(door, "GET", "/feeds")
    door, _ = serve(answer(b"first"), [whole[:-1], b""], whole)
    assert ask(door, "GET", "/feeds").body == b"first"
    assert ask(door, "GET", "/feeds").body == b"x" * 1000


def test_nobody_at_the_port_is_said_in_words():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DaemonNotRunningError, match=str(port)):
        ask(Door(port), "GET", "/feeds")


def test_who_speaks_something_else_is_no_node_and_is_not_asked_again(serve):
    door, node = serve(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", answer(b"from a new line"))
    with pytest.raises(WrongDaemonError):
        ask(door, "GET", "/feeds")
    # To close it is not enough while a thread accepts.
    node.listener.shutdown(socket.SHUT_RDWR)
    node.listener.close()
    with pytest.raises(KacheryError):
        ask(door, "GET", "/feeds")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": 1}', b'{"error": {}}'])
def test_an_error_in_a_form_of_its_own_is_still_one_of_ours(serve, body):
    door, _ = serve(answer(body, "400 Bad Request"))
    with pytest.raises(KacheryError):
        ask(door, "GET", "/feeds")


def test_each_thread_has_a_line_of_its_own():
    listener = socket.create_server(("127.0.0.1", 0))
    threads = 4
    scripted = [Scripted(listener, [answer(b"%d" % n)] * 50) for n in range(threads)]
    door = Door(listener.getsockname()[1])
    barrier = threading.Barrier(threads)

    def work(_):
        barrier.wait(30)
        return {ask(door, "GET", "/feeds").body for _ in range(50)}

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(work, range(threads)))
    listener.close()
    line_module._lines.line = None
    assert all(len(bodies) == 1 for bodies in found)
    assert sum(one.connections for one in scripted) == threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_talk_on_its_parents_line(serve):
    door, node = serve(answer(b"parent"), answer(b"parent again"))
    assert ask(door, "GET", "/feeds").body == b"parent"
    assert line_module._kept_line(door) is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"none" if line_module._kept_line(door) is None else b"kept")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"none"
    os.close(reader)
    os.close(writer)
    assert ask(door, "GET", "/feeds").body == b"parent again"
    assert node.connections == 1
