"""A node for this Jupyter server: within it, beside it, or one that runs already.

The one module of this package that may import the node itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING

from kachery_core.errors import PortTakenError, StorageInUseError
from kachery_daemon.config import read_config
from kachery_daemon.node import Node
from kachery_daemon.system.child import Child
from kachery_jupyter.client.listeners import listener_uid
from kachery_jupyter.server.upstream import Upstream, no_node
from kachery_store.accounts import own_uid

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from kachery_daemon.config import Config


@dataclasses.dataclass
class Connected:
    """A node that answers, and how to end it if it is ours.

    Attributes:
        upstream: where it is.
        storage: its storage folder.
        stop: ends it, or does nothing.
        is_ours: whether this Jupyter server started it.
        node: itself, if it runs in this process.
    """

    upstream: Upstream
    storage: Path
    stop: Callable[[], Awaitable[None]]
    is_ours: bool = False
    node: Node | None = None

    @property
    def port(self) -> int:
        """Its TCP port."""
        return self.upstream.port


class Starting:
    """Starts or finds the node that keeps a storage folder.

    Args:
        way: embedded, process or attach.
        storage_dir: the storage folder, or '' for the usual one.
        port: TCP port, or '' for the usual one.
        log: where to tell.

    Raises:
        InvalidInputError: a setting is not of its kind.
    """

    def __init__(self, way: str, storage_dir: str, port: str, log: logging.Logger) -> None:
        self._way = way
        self._config = read_config({"storage_dir": storage_dir or None, "port": port or None})
        self._log = log

    async def connect(self, port: int | None = None) -> Connected:
        """A node that answers.

        Args:
            port: where it should be, if it has to be started; None for the one of the settings.

        Raises:
            DaemonNotRunningError: none runs, and none may be started.
            KacheryError: why it did not start.
        """
        config = self._config
        if port is not None:
            config = dataclasses.replace(config, port=port)
        if self._way == "attach":
            return await _attach(config)
        start = _embed if self._way == "embedded" else self._spawn
        try:
            return await start(config)
        except StorageInUseError as error:
            connected = await _attach(config)
            self._log.info("kachery: using the node that runs already. %s", error.message)
            return connected
        except PortTakenError as error:
            self._log.warning("kachery: %s Taking a free port instead.", error.message)
            return await start(dataclasses.replace(config, port=0))

    async def _spawn(self, config: Config) -> Connected:
        child = Child(config.storage_dir, config.port, self._log)
        port = await child.start()
        upstream = await asyncio.to_thread(_found, config.storage_dir, port)
        return Connected(upstream, config.storage_dir, child.stop, is_ours=True)


async def _embed(config: Config) -> Connected:
    node = Node(config)
    await node.start()
    upstream = await asyncio.to_thread(_found, config.storage_dir, node.port)
    return Connected(upstream, config.storage_dir, node.stop, is_ours=True, node=node)


async def _attach(config: Config) -> Connected:
    """Use the node that keeps the storage folder."""
    try:
        upstream = await asyncio.to_thread(_found, config.storage_dir)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise no_node() from problem
    if upstream.socket is None:
        await asyncio.to_thread(_check_user, upstream.port)
    await upstream.ask("GET", "/status")
    return Connected(upstream, config.storage_dir, _leave_running)


def _found(storage: Path, port: int | None = None) -> Upstream:
    """Where the node of a storage folder says that it is."""
    state = storage / ".state"
    facts = json.loads((state / "node.json").read_text("utf-8"))
    token = (state / "token").read_text("ascii").strip()
    return Upstream(port or int(facts["port"]), token, facts["socket"])


def _check_user(port: int) -> None:
    """Send no token to a program that somebody else runs where our node was.

    Raises:
        DaemonNotRunningError: somebody else's listens there.
    """
    uid = listener_uid(port)
    if uid is not None and uid not in {own_uid(), 0}:
        raise no_node()


async def _leave_running() -> None:
    """Do nothing: the node is somebody else's."""
