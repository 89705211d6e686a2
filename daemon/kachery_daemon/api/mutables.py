"""Small named values that may change."""

from __future__ import annotations

from typing_extensions import override

from kachery_core.wire.local import (
    API_PATH,
    Changed,
    MutableChange,
    MutableKey,
    MutableValue,
)
from kachery_daemon.api.door import Role, unix_socket
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.operations import operation
from kachery_daemon.system.peers import uid_of_tcp_peer
from kachery_store.mutables import OWNER

# Another user whom the system does not name.
_SOMEBODY = -2


class _MutableEndpoint(Endpoint):
    async def writer(self) -> int:
        """Who will be remembered for a change."""
        if self.asker.role == Role.OWNER:
            return OWNER
        if self.asker.uid is not None:
            return self.asker.uid
        stream = getattr(self.request.connection, "stream", None)
        if stream is None or stream.socket is None or unix_socket(self.request) is not None:
            return _SOMEBODY
        peer = stream.socket.getpeername()
        uid = await self.services.threads.run(uid_of_tcp_peer, peer[:2], self.services.port)
        return _SOMEBODY if uid is None else uid


class MutableGetEndpoint(_MutableEndpoint):
    """Reading a value."""

    PATH = f"{API_PATH}/mutables/get"

    @override
    @operation("The value under a key, or null.", MutableValue, body=MutableKey)
    async def post(self, body: MutableKey) -> MutableValue:
        """Read a value."""
        return MutableValue(
            await self.services.threads.run(self.services.store.mutables.get, body.key)
        )


class MutableSetEndpoint(_MutableEndpoint):
    """Keeping a value."""

    PATH = f"{API_PATH}/mutables/set"

    @override
    @operation("Keep a value under a key.", Changed, body=MutableChange)
    async def post(self, body: MutableChange) -> Changed:
        """Keep a value."""
        changed = await self.services.threads.run(
            self.services.store.mutables.set,
            body.key,
            body.value,
            update=body.update,
            writer=await self.writer(),
        )
        return Changed(changed)


class MutableDeleteEndpoint(_MutableEndpoint):
    """Forgetting a value."""

    PATH = f"{API_PATH}/mutables/delete"

    @override
    @operation("Forget the value under a key.", Changed, body=MutableKey)
    async def post(self, body: MutableKey) -> Changed:
        """Forget a value."""
        changed = await self.services.threads.run(
            self.services.store.mutables.delete, body.key, writer=await self.writer()
        )
        return Changed(changed)
