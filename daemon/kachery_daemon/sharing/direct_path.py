"""This node's end of the direct path: where it listens, and what it tells whom.

It listens once a channel needs it: on the loopback address only as long as all hubs are on this
computer, and on every address of its kind for the others. What it tells the members of a channel is
the address by which this computer reaches their hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.roles import Role
from kachery_daemon.network.direct_server import DirectServer
from kachery_daemon.network.tickets import Tickets

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_daemon.network.link import Link
    from kachery_daemon.system.threads import Threads
    from kachery_store import Store

_BACKLOG = 128
_ANY_PORT = 9  # no packet is sent there: only the way is looked up
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DirectSettings:
    """How others may reach this node directly.

    Attributes:
        is_on: whether at all.
        port: TCP port; 0 for any free one.
        host: address to listen on, or '' to choose by the hubs.
        address: what to tell others, host or host:port, or '' to choose by the hubs.
    """

    is_on: bool = True
    port: int = 0
    host: str = ""
    address: str = ""


class DirectPath:
    """Listens for who has a ticket.

    Args:
        store: the content.
        threads: for sending it.
        settings: see there.
        hub_host: the host of the hub of a channel id.
    """

    def __init__(
        self,
        store: Store,
        threads: Threads,
        settings: DirectSettings,
        hub_host: Callable[[str], str],
    ) -> None:
        self.tickets = Tickets()
        self.server = DirectServer(store, self.tickets, threads)
        self._threads = threads
        self._settings = settings
        self._hub_host = hub_host
        self._addresses: dict[str, list[str]] = {}
        self._ports: dict[str, int] = {}
        self._turn = asyncio.Lock()

    @property
    def told(self) -> list[str]:
        """What the members of all channels are told, host:port; each once."""
        return sorted({one for some in self._addresses.values() for one in some})

    def addresses(self, link: Link) -> list[str]:
        """Where members of a channel may reach this node; none if they may not."""
        return self._addresses.get(link.channel_id, [])

    async def open_for(self, link: Link) -> None:
        """Listen for the members of a channel, if this node provides files there."""
        is_needed = self._settings.is_on and link.state == "connected"
        if not is_needed or Role.PROVIDE_FILES not in link.own_roles:
            return
        async with self._turn:
            if link.channel_id in self._addresses:
                return
            try:
                own = await self._threads.run(_own_address, self._hub_host(link.channel_id))
                port = await self._threads.run(self._listen, own)
            except OSError as problem:
                _log.warning("Others cannot reach this node directly: %s", problem)
                self._addresses[link.channel_id] = []
                return
            told = self._settings.address or _joined(own, port)
            self._addresses[link.channel_id] = [told if _has_port(told) else _joined(told, port)]
            self.server.start()

    async def pause(self) -> None:
        """Stop listening and sending, until a channel needs it again."""
        async with self._turn:
            await self.server.stop()
            self._addresses.clear()
            self._ports.clear()

    async def close(self) -> None:
        """Stop listening and sending."""
        await self.server.stop()

    def _listen(self, own: str) -> int:
        """Listen where others come who reach this computer by one of its addresses; the port."""
        is_loopback = ipaddress.ip_address(own).is_loopback
        everywhere = "::" if ":" in own else "0.0.0.0"  # noqa: S104 - others are to reach it
        host = self._settings.host or (own if is_loopback else everywhere)
        if host not in self._ports:
            # A second listener, for the members of another kind of hub, takes a free port.
            port = 0 if self._ports else self._settings.port
            listener = _listener(host, port)
            self.server.add(listener)
            self._ports[host] = int(listener.getsockname()[1])
        return self._ports[host]


def _own_address(hub_host: str) -> str:
    """The address of this computer by which it reaches a host."""
    family, kind, _, _, target = socket.getaddrinfo(
        hub_host, _ANY_PORT, type=socket.SOCK_DGRAM, proto=socket.IPPROTO_UDP
    )[0]
    with contextlib.closing(socket.socket(family, kind)) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0]).partition("%")[0]


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - that is its name
    except BaseException:
        listener.close()
        raise
    return listener


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _has_port(address: str) -> bool:
    return address.rpartition(":")[2].isdecimal() and (address.count(":") == 1 or "]:" in address)
