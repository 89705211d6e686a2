"""What is different on this node, told to the owner's programs as it happens."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from tornado.iostream import StreamClosedError
from typing_extensions import override

from kachery_core.wire.events import EventLine
from kachery_core.wire.local import API_PATH, SharingChange, SharingState
from kachery_daemon.api.door import Role
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.loads import LINES
from kachery_daemon.api.operations import operation

# So that who listens knows that the node is there.
_SIGN_SECONDS = 10.0
# Ten lines a second at most.
_REST_SECONDS = 0.1


class EventsEndpoint(Endpoint):
    """A stream of events."""

    PATH = f"{API_PATH}/events"
    _wait: asyncio.Task[Any] | None = None
    _is_gone = False

    @override
    @operation("JSON lines that say what is worth being asked for again.", None, role=Role.OWNER)
    async def get(self) -> None:
        """Tell what changes, until whoever listens hangs up or the node ends."""
        # It is no request in hand: nobody waits for its end.
        self.services.active.discard(self)
        self.services.streams.add(self)
        self.set_header("Content-Type", LINES)
        try:
            with self.services.sharing.noticing.listen() as listener:
                await self._send(EventLine())
                while not self._is_gone:
                    self._wait = asyncio.ensure_future(listener.next(_SIGN_SECONDS))
                    await asyncio.wait({self._wait})
                    if self._wait.cancelled():
                        return
                    await self._send(EventLine(self._wait.result()))
                    await asyncio.sleep(_REST_SECONDS)
        except StreamClosedError:
            return
        finally:
            self.services.streams.discard(self)

    def end(self) -> None:
        """The node ends."""
        self._is_gone = True
        if self._wait is not None:
            self._wait.cancel()

    @override
    def on_connection_close(self) -> None:
        self.end()
        super().on_connection_close()

    async def _send(self, line: EventLine) -> None:
        self.write(msgspec.json.encode(line) + b"\n")
        await self.flush()


class SharingEndpoint(Endpoint):
    """Whether this node is connected to its channels."""

    PATH = f"{API_PATH}/sharing"

    @override
    @operation("Whether this node is connected to its channels.", SharingState)
    async def get(self) -> SharingState:
        """Say whether it shares."""
        return SharingState(self.services.sharing.switching.is_on)

    @override
    @operation(
        "Connect this node to its channels, or to none; remembered.",
        SharingState,
        body=SharingChange,
        role=Role.OWNER,
    )
    async def post(self, body: SharingChange) -> SharingState:
        """Turn sharing on or off; off is done when answered."""
        sharing = self.services.sharing
        await sharing.switching.turn(is_on=body.enabled)
        sharing.noticing.tell(("channels", "transfers", "status"))
        return SharingState(sharing.switching.is_on)


EVENT_ENDPOINTS: tuple[type[Endpoint], ...] = (EventsEndpoint, SharingEndpoint)
