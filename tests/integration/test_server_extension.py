"""The node inside a Jupyter server, beside it, or found running."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError

from tests.support.nodes import running_node

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_jupyter.server import KacheryExtension
    from kachery_jupyter.server.starting import Connected

pytest_plugins = ["pytest_jupyter.jupyter_server"]
pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(os.name == "nt", reason="POSIX")]


async def start(extension: KacheryExtension) -> Connected:
    await extension._start_jupyter_server_extension(extension.serverapp)
    assert extension.connected is not None, "see the log above"
    return extension.connected


async def status_of(connected: Connected) -> dict[str, Any]:
    return json.loads(await connected.upstream.ask("GET", "/status"))


async def test_the_jupyter_server_brings_a_node_and_kernels_learn_its_port(
    extension: KacheryExtension, storage: Path
) -> None:
    connected = await start(extension)
    assert (await status_of(connected))["storage_dir"] == str(storage)
    assert os.environ["KACHERY_DAEMON_PORT"] == str(connected.port)
    await extension.stop_extension()
    assert "KACHERY_DAEMON_PORT" not in os.environ
    assert not (storage / ".state" / "node.json").exists()


async def test_stopping_twice_or_before_the_start_does_no_harm(
    extension: KacheryExtension,
) -> None:
    await extension.stop_extension()
    await start_and_stop_twice(extension)


async def start_and_stop_twice(extension: KacheryExtension) -> None:
    extension._is_ending = False
    await start(extension)
    await extension.stop_extension()
    await extension.stop_extension()


async def test_a_node_that_does_not_end_keeps_nobody_waiting(
    extension: KacheryExtension, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kachery_jupyter.server.extension._STOP_SECONDS", 0.05)
    connected = await start(extension)
    end, forever = connected.stop, asyncio.Event()
    connected.stop = forever.wait
    await extension.stop_extension()
    forever.set()
    await end()


async def test_a_node_that_fails_while_ending_is_told_and_not_raised(
    extension: KacheryExtension,
) -> None:
    connected = await start(extension)
    end = connected.stop

    async def fail() -> None:
        raise RuntimeError("on purpose")

    connected.stop = fail
    await extension.stop_extension()
    await end()


async def test_the_node_that_keeps_the_folder_already_is_used(
    extension: KacheryExtension, tmp_path: Path, storage: Path
) -> None:
    with running_node(tmp_path, environment={"KACHERY_STORAGE_DIR": str(storage)}) as node:
        connected = await start(extension)
        assert connected.port == node.port
        await extension.stop_extension()
        assert node.process.poll() is None, "it is not ours to end"


async def test_a_port_of_somebody_else_is_left_to_them(extension: KacheryExtension) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        extension.port = str(taken)
        assert (await start(extension)).port != taken


async def test_a_child_process_serves_and_ends_with_its_input(
    extension: KacheryExtension, storage: Path
) -> None:
    extension.node = "process"
    connected = await start(extension)
    facts = json.loads((storage / ".state" / "node.json").read_text())
    assert facts["pid"] != os.getpid()
    assert (await status_of(connected))["storage_dir"] == str(storage)
    await extension.stop_extension()
    await until(lambda: not (storage / ".state" / "node.json").exists())


async def test_a_child_that_was_killed_is_started_again(
    extension: KacheryExtension, storage: Path
) -> None:
    extension.node = "process"
    connected = await start(extension)
    first = pid_in(storage)
    os.kill(first, 9)
    await until(lambda: pid_in(storage) not in {None, first})
    assert (await status_of(connected))["storage_dir"] == str(storage)


async def test_attaching_to_nothing_is_told_and_jupyter_goes_on(
    extension: KacheryExtension, caplog: pytest.LogCaptureFixture
) -> None:
    extension.node = "attach"
    extension.log.propagate = True
    await extension._start_jupyter_server_extension(extension.serverapp)
    assert extension.connected is None
    assert "no node for this Jupyter server" in caplog.text


async def test_the_rest_api_lists_what_the_node_holds(
    extension: KacheryExtension, jp_fetch: Any
) -> None:
    await start(extension)
    status = json.loads((await jp_fetch("kachery", "api", "v1", "status")).body)
    assert status["contents"] == 0
    files = await jp_fetch("kachery", "api", "v1", "files", params={"search": "x", "limit": "3"})
    assert json.loads(files.body) == {"files": [], "total": 0, "found": 0}


async def test_a_wrong_parameter_is_explained(extension: KacheryExtension, jp_fetch: Any) -> None:
    await start(extension)
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("kachery", "api", "v1", "files", params={"limit": "many"})
    assert caught.value.code == 400
    assert "limit" in json.loads(caught.value.response.body)["message"]


@pytest.mark.usefixtures("extension")
async def test_without_a_node_the_rest_api_says_so(jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("kachery", "api", "v1", "status")
    assert caught.value.code == 503
    assert "No kachery node" in json.loads(caught.value.response.body)["message"]


async def until(condition: Any) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("never happened")


def pid_in(storage: Path) -> int | None:
    try:
        return json.loads((storage / ".state" / "node.json").read_text())["pid"]
    except (OSError, ValueError):
        return None
