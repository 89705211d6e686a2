"""The Jupyter server extension: a node for the kernels, and its REST API behind Jupyter's login.

The one module of this package that may import the node itself, to embed it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.application import ExtensionApp
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from traitlets import Enum, Unicode
from typing_extensions import override

from kachery_core.errors import (
    DaemonNotRunningError,
    KacheryError,
    PortTakenError,
    StorageInUseError,
    error_from_wire,
)
from kachery_core.wire.local import API_PATH, TOKEN_HEADER
from kachery_daemon.config import Config, read_config
from kachery_daemon.node import Node
from kachery_daemon.system.child import Child

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_STOP_SECONDS = 3.0
_PARAMETERS = ("search", "limit", "offset")


@dataclasses.dataclass
class Connected:
    """A node that answers, and how to end it if it is ours."""

    port: int
    token: str
    stop: Callable[[], Awaitable[None]]
    node: Node | None = None

    async def ask(self, path: str) -> tuple[int, bytes]:
        """What the node answers: status and JSON."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            reply = await AsyncHTTPClient().fetch(
                url, headers={TOKEN_HEADER: self.token}, raise_error=False
            )
        except (OSError, HTTPClientError) as problem:
            raise _no_node() from problem
        return reply.code, reply.body


class KacheryExtension(ExtensionApp):
    """Starts a node with the Jupyter server, or finds the one that runs already."""

    name = "kachery_jupyter"
    load_other_extensions = True
    node = Enum(
        ["embedded", "process", "attach"],
        default_value="embedded",
        help="Where the node runs: within the Jupyter server, in a process of its own,"
        " or only where somebody else has started it.",
    ).tag(config=True)
    storage_dir = Unicode(
        "", help="The storage folder; by default KACHERY_STORAGE_DIR or ~/kachery-storage."
    ).tag(config=True)
    port = Unicode(
        "", help="The node's TCP port; by default KACHERY_DAEMON_PORT or 20421; 0 for any."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connected: Connected | None = None
        self._environment_before: dict[str, str | None] = {}
        self._is_ending = False

    @override
    def initialize_handlers(self) -> None:
        extra = {"extension": self}
        self.handlers.extend(
            [
                (r"/kachery/api/v1/status", StatusHandler, extra),
                (r"/kachery/api/v1/files", FilesHandler, extra),
            ]
        )

    @override
    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Start the node; what goes wrong is told, and never takes Jupyter down."""
        del serverapp
        try:
            config = read_config(
                {"storage_dir": self.storage_dir or None, "port": self.port or None}
            )
            self.connected = await self._connect(config)
        except KacheryError as error:
            self.log.error("kachery: no node for this Jupyter server. %s", error)  # noqa: TRY400
        except Exception:
            self.log.exception("kachery: no node for this Jupyter server")
        else:
            if self._is_ending:
                await self.connected.stop()
                return
            self._tell_kernels(config)
            self.log.info(
                "kachery: node on port %d, storage folder %s",
                self.connected.port,
                config.storage_dir,
            )

    @override
    async def stop_extension(self) -> None:
        """End the node if it is ours; never raises, never takes longer than three seconds."""
        self._is_ending = True
        connected, self.connected = self.connected, None
        self._untell_kernels()
        if connected is None:
            return
        ending = asyncio.ensure_future(connected.stop())
        done, _ = await asyncio.wait({ending}, timeout=_STOP_SECONDS)
        if not done:
            self.log.warning("kachery: the node takes long to end; leaving it")
        elif (problem := ending.exception()) is not None:
            self.log.error("kachery: the node did not end well", exc_info=problem)

    @override
    def current_activity(self) -> dict[str, int] | None:
        """Requests in hand, so that nobody stops an idle-looking server in mid transfer."""
        node = self.connected.node if self.connected else None
        return {"requests": node.active_requests} if node and node.active_requests else None

    async def _connect(self, config: Config) -> Connected:
        if self.node == "attach":
            return await _attach(config)
        start = self._embed if self.node == "embedded" else self._spawn
        try:
            return await start(config)
        except StorageInUseError as error:
            connected = await _attach(config)
            self.log.info("kachery: using the node that runs already. %s", error.message)
            return connected
        except PortTakenError as error:
            self.log.warning("kachery: %s Taking a free port instead.", error.message)
            return await start(dataclasses.replace(config, port=0))

    async def _embed(self, config: Config) -> Connected:
        node = Node(config)
        await node.start()
        token = await asyncio.to_thread(_read_token, config.storage_dir)
        return Connected(node.port, token, node.stop, node)

    async def _spawn(self, config: Config) -> Connected:
        child = Child(config.storage_dir, config.port, self.log)
        port = await child.start()
        token = await asyncio.to_thread(_read_token, config.storage_dir)
        return Connected(port, token, child.stop)

    def _tell_kernels(self, config: Config) -> None:
        """Kernels and terminals inherit this process's environment."""
        told = {"KACHERY_DAEMON_PORT": str(self.connected.port if self.connected else "")}
        if self.storage_dir:
            told["KACHERY_STORAGE_DIR"] = str(config.storage_dir)
        for name, value in told.items():
            self._environment_before.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def _untell_kernels(self) -> None:
        before, self._environment_before = self._environment_before, {}
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _NodeHandler(APIHandler):
    """Asks the node on behalf of whoever is logged in to Jupyter."""

    auth_resource = "kachery"

    @override
    def initialize(self, extension: KacheryExtension) -> None:
        self.extension = extension

    async def relay(self, path: str) -> None:
        """Send on what the node answers."""
        try:
            connected = self.extension.connected
            if connected is None:
                raise _no_node()
            status, body = await connected.ask(path)
        except DaemonNotRunningError as error:
            raise web.HTTPError(503, str(error)) from error
        if status >= 400:  # noqa: PLR2004
            raise web.HTTPError(status, str(error_from_wire(json.loads(body)["error"])))
        self.finish(body)


class StatusHandler(_NodeHandler):
    """How the node is."""

    @override
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Ask the node how it is."""
        await self.relay(f"{API_PATH}/status")


class FilesHandler(_NodeHandler):
    """What the node holds."""

    @override
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List and search contents."""
        given = {
            name: self.get_query_argument(name)
            for name in _PARAMETERS
            if self.get_query_argument(name, None) is not None
        }
        await self.relay(f"{API_PATH}/files?{urlencode(given)}")


async def _attach(config: Config) -> Connected:
    """Use the node that keeps the storage folder."""
    path = config.storage_dir / ".state" / "node.json"
    try:
        port = int(json.loads(await asyncio.to_thread(path.read_text, "utf-8"))["port"])
        token = await asyncio.to_thread(_read_token, config.storage_dir)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise _no_node() from problem
    connected = Connected(port, token, _leave_running)
    status, _ = await connected.ask(f"{API_PATH}/status")
    if status != 200:  # noqa: PLR2004
        raise _no_node()
    return connected


async def _leave_running() -> None:
    """Do nothing: the node is somebody else's."""


def _read_token(storage: Path) -> str:
    return (storage / ".state" / "token").read_text("ascii").strip()


def _no_node() -> DaemonNotRunningError:
    return DaemonNotRunningError(
        "No kachery node answers here.", hint="The log of the Jupyter server says why."
    )
