"""Direct connections: kept for the next request, and none is left open by whoever is gone."""

import asyncio
import contextlib
import socket
import threading
from types import SimpleNamespace

import pytest

from kachery_daemon.sharing.connections import Connections
from kachery_daemon.system.threads import Threads


@pytest.fixture
def threads():
    made = Threads(2, 2)
    yield made
    made.close()


@pytest.fixture
def provider():
    """Something that accepts connections, and what it is called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield (
            server,
            SimpleNamespace(node_id="a" * 64, addresses=(f"127.0.0.1:{server.getsockname()[1]}",)),
        )


def is_ended(server):
    """Whether the other side of the next connection is closed."""
    accepted, _ = server.accept()
    with accepted:
        accepted.settimeout(10)
        return accepted.recv(1) == b""


def test_a_connection_that_comes_too_late_is_closed(threads, provider, monkeypatch):
    server, source = provider
    connect, is_cancelled = socket.create_connection, threading.Event()

    def connect_late(*args):
        is_cancelled.wait(10)
        return connect(*args)

    monkeypatch.setattr(socket, "create_connection", connect_late)

    async def story():
        taking = asyncio.ensure_future(Connections(threads).take(source))
        await asyncio.sleep(0.05)
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking
        is_cancelled.set()

    asyncio.run(story())
    assert is_ended(server)


def test_what_is_given_back_after_the_end_is_closed(threads, provider):
    server, source = provider

    async def story():
        connections = Connections(threads)
        connection, is_new = await connections.take(source)
        assert is_new
        connections.close()
        connections.give_back(connection)

    asyncio.run(story())
    assert is_ended(server)
