"""The bytes of a connection to a hub: all of them, in their order, however they come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from urllib.parse import urlparse

import pytest

from benchmarks.remote_tls import make_certificate
from kachery_daemon.system.nats_transport import WideTransport

LARGE = os.urandom(3 << 20)


@contextlib.asynccontextmanager
async def connected(folder, serve, *, is_safe):
    """A transport, connected to a server that does what `serve` does with each connection."""
    contexts = [None, None]
    if is_safe:
        paths = make_certificate(folder)
        contexts[0] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[0].load_cert_chain(*paths)
        contexts[1] = ssl.create_default_context(cafile=paths[0])
    writers = []

    async def serve_and_note(reader, writer):
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(serve_and_note, "127.0.0.1", 0, ssl=contexts[0])
    port = server.sockets[0].getsockname()[1]
    transport = WideTransport()
    try:
        await transport.connect(urlparse(f"nats://127.0.0.1:{port}"), 0, 5)
        if is_safe:
            await transport.connect_tls("127.0.0.1", contexts[1], 0, 5)
        yield transport
    finally:
        transport.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.1)  # the server notices
        server.close()
        await server.wait_closed()


async def echo(reader, writer):
    writer.write(b"INFO {}\r\nand more")
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def read_exactly(transport, size):
    data = b""
    while len(data) < size:
        piece = await transport.read(1)
        assert piece, "it ended early"
        data += piece
    return data


@pytest.mark.parametrize("is_safe", [False, True])
def test_what_is_sent_comes_back_the_same(tmp_path, is_safe):
    async def story():
        async with connected(tmp_path, echo, is_safe=is_safe) as transport:
            assert await transport.readline() == b"INFO {}\r\n"
            assert await read_exactly(transport, 8) == b"and more"
            sent = [LARGE[:10], LARGE[10:400_000], memoryview(LARGE)[400_000:], b"!"]
            transport.writelines(sent)
            transport.write(b"?")
            reading = asyncio.ensure_future(read_exactly(transport, len(LARGE) + 2))
            await transport.drain()
            assert await reading == LARGE + b"!?"
            assert transport.received >= len(LARGE)
            assert not transport.at_eof()

    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.mark.parametrize("is_safe", [False, True])
def test_the_end_is_noticed_by_who_reads(tmp_path, is_safe):
    async def say_goodbye(reader, writer):
        del reader
        writer.write(b"bye")
        writer.close()

    async def story():
        async with connected(tmp_path, say_goodbye, is_safe=is_safe) as transport:
            assert await read_exactly(transport, 3) == b"bye"
            assert await transport.read(1) == b""
            assert transport.at_eof()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_who_waits_is_let_go_when_it_is_closed(tmp_path):
    async def silent(reader, writer):
        del reader
        await asyncio.sleep(0.3)
        writer.close()

    async def story():
        async with connected(tmp_path, silent, is_safe=False) as transport:
            transport.write(bytes(64 << 20))  # more than anybody takes
            reading = asyncio.ensure_future(transport.read(1))
            draining = asyncio.ensure_future(transport.drain())
            await asyncio.sleep(0.05)
            transport.close()
            assert await reading == b""
            with pytest.raises(ConnectionResetError):
                await draining
            transport.close()

    asyncio.run(asyncio.wait_for(story(), 30))
