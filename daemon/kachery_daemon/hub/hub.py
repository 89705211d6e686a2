"""One hub: its folder, its server, its registrar, started and ended in order."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_core.errors import InvalidHubUrlError, InvalidRequestError
from kachery_core.hub_urls import HubUrl, parse_hub_url
from kachery_core.nkeys import decode_public, decode_seed
from kachery_daemon.hub.addresses import seen_from_here, seen_from_others, server_address
from kachery_daemon.hub.attached import Attached, attach, read_certificates, read_credentials
from kachery_daemon.hub.directory import Directory
from kachery_daemon.hub.folder import HubFolder, Place, hub_disk_errors
from kachery_daemon.hub.identity import hub_certificate, hub_keys
from kachery_daemon.hub.limits import MOST_CHANNELS
from kachery_daemon.hub.nats_server import NatsServer
from kachery_daemon.hub.program import find_program
from kachery_daemon.hub.registrar import Registrar
from kachery_daemon.hub.server_config import child_config
from kachery_daemon.system.certificates import trusting
from kachery_daemon.system.logs import hide
from kachery_daemon.system.nats_client import Server
from kachery_daemon.system.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_daemon.hub.identity import Certificate, Keys

DEFAULT_PORT = 7422
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """What whoever starts a hub may choose.

    Attributes:
        data: its folder.
        port: TCP port; 0 for any free one; None for the one it had before, or 7422.
        host: the address to listen at.
        public_address: the host in its URL; None for a guess.
        is_tls: whether it speaks TLS.
        program: the nats-server to run; None to look for one.
        most_channels: how many channels it has room for.
        server: address of a nats-server that is there already; None to run one.
        server_certificate: PEM file with what that server shows; None if it shows the hub's own.
        system_credentials: file with a user of that server's system account; None if the server
            has the hub's.
    """

    data: Path
    port: int | None = None
    host: str = "0.0.0.0"  # noqa: S104 - a hub is there for others
    public_address: str | None = None
    is_tls: bool = True
    program: str | None = None
    most_channels: int = MOST_CHANNELS
    server: str | None = None
    server_certificate: Path | None = None
    system_credentials: Path | None = None


class Hub:
    """A hub in the running event loop.

    Args:
        options: what was chosen.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._folder = HubFolder(options.data)
        self._cleanup = contextlib.AsyncExitStack()

    async def start(self) -> Place:
        """Start; what is half done is undone if something is in the way.

        Returns:
            Where it is, once nodes can register channels.

        Raises:
            StorageInUseError: another hub works in this folder.
            PortTakenError: another program has the port.
            HubProgramMissingError: there is no nats-server, or it is too old.
            KeyUnsafeError: others may read a secret of the hub, or it is damaged.
            StorageFullError, StorageFailedError: the disk.
            HubUnreachableError, HubNotTrustedError: the server that is there already.
        """
        try:
            with hub_disk_errors(self._options.data):
                return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End; may be called twice."""
        await self._cleanup.aclose()

    async def _start(self) -> Place:
        threads = Threads(2, 1)
        self._cleanup.callback(threads.close)
        await threads.run(self._folder.take)
        self._cleanup.callback(self._folder.release)
        keys = await threads.run(hub_keys, self._options.data)
        for key in (keys.operator, keys.system, keys.lobby, keys.guest):
            hide(key.seed)
        certificate = await threads.run(hub_certificate, self._options.data)
        if self._options.server is None:
            at = await self._run_server(keys, certificate, threads)
        else:
            at = await threads.run(self._attach, self._options.server, certificate)
        # Before it is ready: whoever waits for it to be may look where it is.
        url = str(_url(keys, at, self._options.public_address))
        hide(url.rpartition("/")[2])
        place = Place(url, at.port, os.getpid(), at.server.address)
        await threads.run(self._folder.write_place, place)
        await self._run_registrar(keys, at.server, threads)
        return place

    async def _run_server(self, keys: Keys, certificate: Certificate, threads: Threads) -> Attached:
        options = self._options
        paths = self._folder.server
        pem_file = certificate.path if options.is_tls else None

        def config(port: int) -> str:
            return child_config(keys, paths, pem_file, options.most_channels, options.host, port)

        program = await find_program(options.program)
        server = NatsServer(program, paths, config, options.host, threads)
        self._cleanup.push_async_callback(server.stop)
        port = await server.start(await threads.run(self._wanted_port))
        here = server_address(seen_from_here(options.host), port, is_tls=options.is_tls)
        others = await threads.run(seen_from_others, options.host)
        context = trusting(certificate.pem) if options.is_tls else None
        pin = certificate.fingerprint if options.is_tls else None
        return Attached(Server(here, context), others, port, pin)

    def _attach(self, address: str, certificate: Certificate) -> Attached:
        chosen = self._options.server_certificate
        return attach(address, read_certificates(chosen) if chosen else certificate.pem)

    async def _run_registrar(self, keys: Keys, server: Server, threads: Threads) -> None:
        directory = Directory(self._folder.directory, self._options.most_channels)
        await threads.run(directory.size)
        chosen = self._options.system_credentials
        user = await threads.run(read_credentials, chosen) if chosen else None
        registrar = Registrar(keys, directory, server, threads, user)
        self._cleanup.push_async_callback(registrar.stop)
        await registrar.start(_READY_SECONDS)

    def _wanted_port(self) -> int:
        """The port is part of the URL that channels know: a hub stays where it was."""
        before = self._folder.place()
        if self._options.port:
            return self._options.port
        if before is not None:
            return before.port
        return DEFAULT_PORT if self._options.port is None else 0


def _url(keys: Keys, at: Attached, public_address: str | None) -> HubUrl:
    lobby, seed = decode_public(keys.lobby.nkey)[1], decode_seed(keys.guest.seed)[1]
    host = public_address or at.host
    try:
        return parse_hub_url(str(HubUrl(host.strip("[]"), at.port, at.pin, lobby, seed)))
    except InvalidHubUrlError as problem:
        raise InvalidRequestError(
            f"{host!r} is no name and no address of a computer.",
            hint="It is the part of the hub's URL that others find this computer by.",
        ) from problem
