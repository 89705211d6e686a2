"""One hub: its folder, its server, its registrar, started and ended in order."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import (
    KacheryError,
    StorageFailedError,
    StorageFullError,
    StorageInUseError,
)
from kachery_core.hub_urls import HubUrl
from kachery_core.nkeys import decode_public, decode_seed
from kachery_daemon.hub.addresses import seen_from_here, seen_from_others, server_address
from kachery_daemon.hub.directory import Directory
from kachery_daemon.hub.identity import hub_certificate, hub_keys
from kachery_daemon.hub.limits import MOST_CHANNELS
from kachery_daemon.hub.nats_server import NatsServer
from kachery_daemon.hub.program import find_program
from kachery_daemon.hub.registrar import Registrar
from kachery_daemon.hub.server_config import ServerPaths, child_config
from kachery_daemon.system.nats_client import Server, trusting
from kachery_daemon.system.private_files import read_private, write_private
from kachery_daemon.system.threads import Threads
from kachery_store.locks import LifeLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kachery_daemon.hub.identity import Certificate, Keys

DEFAULT_PORT = 7422
_READY_SECONDS = 60.0
_log = logging.getLogger(__name__)


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
    """

    data: Path
    port: int | None = None
    host: str = "0.0.0.0"  # noqa: S104 - a hub is there for others
    public_address: str | None = None
    is_tls: bool = True
    program: str | None = None
    most_channels: int = MOST_CHANNELS


class Place(msgspec.Struct, frozen=True):
    """Where a hub is, or was when it ran last; in a file of its folder.

    Attributes:
        url: what nodes need to find it; it lets into the lobby.
        port: TCP port.
        pid: of the process that runs it, or ran it.
    """

    url: str
    port: int
    pid: int


class HubFolder:
    """The folder of one hub; private.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = LifeLock(path / "hub.lock")
        self.directory = path / "directory.sqlite"
        self.server = ServerPaths(path)
        self._place = path / "hub.json"

    def prepare(self) -> None:
        """Make it; it belongs to its user alone.

        Raises:
            OSError: the disk.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name != "nt":
            self.path.chmod(0o700)

    def place(self) -> Place | None:
        """Where the hub is, or was; None if it never ran."""
        try:
            return msgspec.json.decode(read_private(self._place), type=Place)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_place(self, place: Place) -> None:
        """Remember where the hub is."""
        write_private(self._place, msgspec.json.encode(place))


class Hub:
    """A hub in the running event loop.

    Args:
        options: what was chosen.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._folder = HubFolder(options.data)
        self._cleanup = contextlib.AsyncExitStack()
        self.server: NatsServer | None = None

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
        """
        try:
            with _disk_errors(self._options.data):
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
        await threads.run(self._take_folder)
        self._cleanup.callback(self._folder.lock.release)
        keys = await threads.run(hub_keys, self._options.data)
        certificate = (
            await threads.run(hub_certificate, self._options.data) if self._options.is_tls else None
        )
        server, port = await self._start_server(keys, certificate, threads)
        place = Place(str(await threads.run(self._url, keys, certificate, port)), port, os.getpid())
        await threads.run(self._folder.write_place, place)
        await self._start_registrar(keys, server, threads)
        return place

    def _take_folder(self) -> None:
        self._folder.prepare()
        if not self._folder.lock.acquire():
            other = self._folder.place()
            facts = {"pid": other.pid, "port": other.port} if other else {}
            shown = f" (process {other.pid}, port {other.port})" if other else ""
            raise StorageInUseError(
                f"Another hub{shown} works in the folder {self._options.data}.",
                hint="Use that one, or name another folder with --data.",
                **facts,
            )

    async def _start_server(
        self, keys: Keys, certificate: Certificate | None, threads: Threads
    ) -> tuple[Server, int]:
        options = self._options
        paths = self._folder.server
        pem_file = certificate.path if certificate else None

        def config(port: int) -> str:
            return child_config(keys, paths, pem_file, options.host, port)

        program = await find_program(options.program)
        self.server = NatsServer(program, paths, config, options.host, threads)
        self._cleanup.push_async_callback(self.server.stop)
        port = await self.server.start(await threads.run(self._wanted_port))
        here = server_address(seen_from_here(options.host), port, is_tls=options.is_tls)
        return Server(here, trusting(certificate.pem) if certificate else None), port

    async def _start_registrar(self, keys: Keys, server: Server, threads: Threads) -> None:
        directory = Directory(self._folder.directory, self._options.most_channels)
        await threads.run(directory.size)
        registrar = Registrar(keys, directory, server, threads)
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

    def _url(self, keys: Keys, certificate: Certificate | None, port: int) -> HubUrl:
        host = self._options.public_address or seen_from_others(self._options.host)
        return HubUrl(
            host,
            port,
            certificate.fingerprint if certificate else None,
            decode_public(keys.lobby.nkey)[1],
            decode_seed(keys.guest.seed)[1],
        )


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Say in the words of a hub what the operating system says of its folder."""
    try:
        yield
    except StorageFullError as problem:
        raise StorageFullError(
            f"The disk of the hub's folder {folder} is full.",
            hint="Free some space there; nothing that was registered is lost.",
            path=str(folder),
        ) from problem
    except KacheryError:
        raise
    except OSError as problem:
        raise StorageFailedError(
            f"The hub's folder {folder} cannot be used: {problem.strerror}.",
            hint="Name another folder with --data, or change its permissions.",
            path=str(folder),
        ) from problem
