"""Other programs that bring a large file from one process to another on this machine."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.brokers import nats_server
from benchmarks.measuring import Elapsed, Way
from benchmarks.nodes import free_port
from benchmarks.remote_tls import make_certificate

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

_CURL = "`curl` over HTTPS from a Python TLS server (neither verified nor synced)"
_RCLONE = "`rclone copyto` over HTTPS from `rclone serve http` (neither)"
_NATS = "NATS object store, `get` of nats-py (SHA-256, not synced)"
_NATS_PART = 5
_START_SECONDS = 20.0


def peer_ways(source: Path, folder: Path, stack: ExitStack) -> list[Way]:
    """Rows of other programs; they say so where they are not installed.

    Args:
        source: the file, which must not change any more.
        folder: for what they write.
        stack: ends what is started here.
    """
    peers = folder / "peers"
    peers.mkdir()
    return [
        _curl(source, peers, stack),
        _rclone(source, peers, stack),
        _nats(source, peers, stack),
    ]


def _curl(source: Path, folder: Path, stack: ExitStack) -> Way:
    program = shutil.which("curl")
    if program is None:
        return Way(_CURL, _nothing, absent="not installed")
    command = [sys.executable, "-m", "benchmarks.remote_tls", str(folder), str(source)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    stack.callback(end, server)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    target = folder / "curl.bin"
    certificate = ("--cacert", str(folder / "certificate.pem"))
    return _copying(
        _CURL,
        [program, "-sS", *certificate, "-o", str(target), f"https://127.0.0.1:{port}/"],
        target,
        source.stat().st_size,
        server.pid,
    )


def _rclone(source: Path, folder: Path, stack: ExitStack) -> Way:
    program = shutil.which("rclone")
    if program is None:
        return Way(_RCLONE, _nothing, absent="not installed (`apt-get install rclone`)")
    served, keys_folder = folder / "served", folder / "keys"
    served.mkdir()
    keys_folder.mkdir()
    (served / source.name).hardlink_to(source)
    certificate, key = make_certificate(keys_folder)
    port = free_port()
    keys = ("--cert", str(certificate), "--key", str(key))
    serve = [program, "serve", "http", str(served), "--addr", f"127.0.0.1:{port}", *keys]
    server = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
    stack.callback(end, server)
    wait_until_open(port, server)
    target = folder / "rclone.bin"
    remote = ("--http-url", f"https://127.0.0.1:{port}", "--no-check-certificate")
    return _copying(
        _RCLONE,
        [program, "-q", "copyto", *remote, f":http:{source.name}", str(target)],
        target,
        source.stat().st_size,
        server.pid,
    )


def _copying(name: str, command: list[str], target: Path, size: int, pid: int) -> Way:
    """A row of a program that makes a whole file."""

    def copy() -> None:
        subprocess.run(command, check=True)
        if target.stat().st_size != size:
            raise RuntimeError(f"{command[0]} brought {target.stat().st_size} of {size} bytes.")

    return Way(
        name,
        copy,
        clear=target.unlink,
        operations=max(1, size // 1_000_000),
        touches=True,
        processes=(pid,),
    )


def _nats(source: Path, folder: Path, stack: ExitStack) -> Way:
    broker = stack.enter_context(nats_server(folder / "nats"))
    if broker.absent:
        return Way(_NATS, _nothing, absent=broker.absent)
    size = source.stat().st_size // _NATS_PART
    with source.open("rb") as file:
        asyncio.run(_put(broker.address, file.read(size)))
    target = folder / "nats.bin"
    return Way(
        _NATS,
        lambda: Elapsed(asyncio.run(_get(broker.address, target, size))),
        clear=target.unlink,
        operations=max(1, size // 1_000_000),
        touches=True,
        processes=broker.pids,
    )


async def _put(port: str, data: bytes) -> None:
    import nats

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    store = await connection.jetstream().create_object_store("files")
    await store.put("file", data)
    await connection.close()


async def _get(port: str, target: Path, size: int) -> float:
    import nats

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    store = await connection.jetstream().object_store("files")
    began = time.perf_counter()
    with target.open("wb") as file:
        await store.get("file", writeinto=file)
    taken = time.perf_counter() - began
    await connection.close()
    if target.stat().st_size != size:  # noqa: ASYNC240 - nothing else runs
        raise RuntimeError("The object store brought another file.")
    return taken


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server of this benchmark."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server takes connections."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as problem:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} did not start.") from problem
            time.sleep(0.05)
        else:
            return


def _nothing() -> None:
    """What is not installed does nothing."""
