"""The extension itself: it brings a node along with the Jupyter server, and keeps one."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Enum, Unicode
from typing_extensions import override

from kachery_core.errors import KacheryError
from kachery_jupyter.server.addresses import HANDLERS
from kachery_jupyter.server.services import Services
from kachery_jupyter.server.starting import Connected, Starting

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kachery_jupyter.server.upstream import Upstream

_STOP_SECONDS = 3.0
_LOOK_SECONDS = 2.0
_LONGEST_LOOK_SECONDS = 15.0


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
        self._services = Services(self._upstream, self._storage)
        self._environment_before: dict[str, str | None] = {}
        self._is_ending = False
        self._keeping: asyncio.Task[None] | None = None

    @override
    def initialize_handlers(self) -> None:
        for pattern, handler, more in HANDLERS:
            extra = {"services": self._services, **more}
            self.handlers.append((rf"/kachery/api/v1/{pattern}", handler, extra))

    @override
    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Start the node; what goes wrong is told, and never takes Jupyter down."""
        del serverapp
        try:
            starting = Starting(self.node, self.storage_dir, self.port, self.log)
            self._keeping = asyncio.ensure_future(self._keep(starting))
            await self._use(await starting.connect())
        except KacheryError as error:
            self.log.error("kachery: no node for this Jupyter server. %s", error)  # noqa: TRY400
        except Exception:
            self.log.exception("kachery: no node for this Jupyter server")

    @override
    async def stop_extension(self) -> None:
        """End the node if it is ours; never raises, never takes longer than three seconds."""
        self._is_ending = True
        connected, self.connected = self.connected, None
        self._untell_kernels()
        if self._keeping is not None:
            self._keeping.cancel()
        await self._end("what it was doing for browsers", self._services.close())
        if connected is not None:
            await self._end("the node", connected.stop())

    @override
    def current_activity(self) -> dict[str, int] | None:
        """Requests in hand, so that nobody stops an idle-looking server in mid transfer."""
        node = self.connected.node if self.connected else None
        # Our own pages listen all the time: that is no activity.
        count = (node.active_requests if node else 0) - self._services.listeners
        return {"requests": count} if count > 0 else None

    async def _use(self, connected: Connected) -> None:
        """Work with a node from here on."""
        if self._is_ending:
            await connected.stop()
            return
        self.connected = connected
        self._tell_kernels(connected)
        self.log.info(
            "kachery: node on port %d, storage folder %s", connected.port, connected.storage
        )

    async def _keep(self, starting: Starting) -> None:
        """Find a node that came later; take over when one ends that was started elsewhere.

        Another Jupyter server of this user may have brought it, and is gone. Kernels of this server
        know its port, so its successor takes the same one if it can.
        """
        pause = _LOOK_SECONDS
        while not self._is_ending:
            await asyncio.sleep(pause)
            before = self.connected
            if before is not None and (before.is_ours or await before.upstream.is_there()):
                pause = _LOOK_SECONDS
                continue
            pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
            try:
                await self._use(await starting.connect(before.port if before else None))
            except KacheryError as error:
                self.log.debug("kachery: no node at the moment. %s", error)
            except Exception:
                self.log.exception("kachery: no node at the moment")

    async def _end(self, what: str, work: Awaitable[None]) -> None:
        ending = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({ending}, timeout=_STOP_SECONDS)
        if not done:
            self.log.warning("kachery: %s takes long to end; leaving it", what)
        elif (problem := ending.exception()) is not None:
            self.log.error("kachery: %s did not end well", what, exc_info=problem)

    def _upstream(self) -> Upstream | None:
        return self.connected.upstream if self.connected else None

    def _storage(self) -> Any:
        return self.connected.storage if self.connected else None

    def _tell_kernels(self, connected: Connected) -> None:
        """Kernels and terminals inherit this process's environment."""
        told = {"KACHERY_DAEMON_PORT": str(connected.port)}
        if self.storage_dir:
            told["KACHERY_STORAGE_DIR"] = str(connected.storage)
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
