"""One node: everything it is made of, started and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
from typing import TYPE_CHECKING

import aiofiles  # type: ignore[import-untyped]
import aiofiles.os  # type: ignore[import-untyped]

from kachery_core.errors import StorageInUseError
from kachery_core.wire.local import API_VERSION, Probe, Setting
from kachery_daemon import keyring
from kachery_daemon.api.door import Door
from kachery_daemon.api.services import Limits, Services
from kachery_daemon.api.serving import Serving
from kachery_daemon.channels.channels import Channels
from kachery_daemon.channels.opening import Opening
from kachery_daemon.feeds.collection import Feeds
from kachery_daemon.sharing.sharing import Sharing
from kachery_daemon.system.listening import listen_on_loopback, listen_on_path
from kachery_daemon.system.other_nodes import described, other_node
from kachery_daemon.system.threads import Threads
from kachery_store import Store
from kachery_store.accounts import own_uid
from kachery_store.disk import disk_errors
from kachery_store.locks import LifeLock

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from kachery_daemon.config import Config

_log = logging.getLogger(__name__)


class Node:
    """A node in the running event loop; one for each storage folder.

    Args:
        config: its settings.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.probe: Probe | None = None
        self._cleanup = contextlib.AsyncExitStack()
        self._stopped = asyncio.Event()
        self._turn = asyncio.Lock()
        self._services: Services | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self.probe is not None and not self._stopped.is_set()

    @property
    def active_requests(self) -> int:
        """How many requests are being answered."""
        return len(self._services.active) if self._services else 0

    @property
    def port(self) -> int:
        """The TCP port in use; 0 before the node has started."""
        return self._services.port if self._services else 0

    async def start(self) -> Probe:
        """Start; what is half done is undone if something is in the way.

        Raises:
            StorageInUseError: another node keeps this storage folder.
            PortTakenError: another program has the port.
            StorageReadOnlyError: the storage folder cannot be written.
            StorageVersionError: a newer kachery wrote it.
            KeyUnsafeError: others may read a secret of the node.
        """
        async with self._turn:
            try:
                self.probe = await self._start()
            except BaseException:
                await self._cleanup.aclose()
                raise
            return self.probe

    async def stop(self) -> None:
        """End: nothing new is let in, what is half done gets a moment; may be called twice."""
        async with self._turn:
            await self._cleanup.aclose()
            self._stopped.set()

    async def wait_stopped(self) -> None:
        """Wait until somebody has stopped the node."""
        await self._stopped.wait()

    def request_stop(self) -> None:
        """Begin to stop; returns at once."""
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self.stop())

    async def _start(self) -> Probe:
        threads = Threads(self.config.worker_threads, self.config.transfer_threads)
        self._cleanup.callback(threads.close)
        store = await threads.run(Store, self.config.storage_dir)
        self._cleanup.push_async_callback(threads.run, store.close)
        await self._take_folder(store, threads)
        group = await threads.run(_group, self.config)
        await threads.run(_set_folder_mode, store, is_shared=self.config.is_shared)
        await threads.run(store.folder.sweep)
        return await self._open_door(store, threads, group)

    async def _take_folder(self, store: Store, threads: Threads) -> None:
        lock = LifeLock(store.folder.state / "daemon.lock")
        if not await threads.run(lock.acquire):
            other = await threads.run(other_node, store.folder.state / "node.json")
            raise StorageInUseError(
                f"Another node{described(other)} already keeps the storage folder"
                f" {store.folder.root}.",
                hint="Use that one, or name another folder with KACHERY_STORAGE_DIR.",
                **other,
            )
        self._cleanup.callback(lock.release)

    async def _open_door(self, store: Store, threads: Threads, group: int | None) -> Probe:
        folder = store.folder
        key = await threads.run(keyring.node_key, folder)
        owner_token = await threads.run(keyring.owner_token, folder)
        listeners, port = listen_on_loopback(self.config.port)
        self._cleanup.callback(_close_all, listeners)
        user_token = None
        if self.config.is_shared:
            user_token = await threads.run(keyring.user_token, folder, group=group)
            self._cleanup.push_async_callback(threads.run, keyring.remove_user_token, folder)
        else:
            await threads.run(keyring.remove_user_token, folder)
        listener, path = await self._listen_beside("node.sock", store, threads, group)
        if listener is not None:
            listeners.append(listener)
        feed_listener, feed_path = await self._listen_beside("feeds.sock", store, threads, group)
        probe = Probe(
            keyring.node_id(key),
            _version(),
            API_VERSION,
            str(folder.root),
            path,
            self.config.is_shared,
            os.getpid(),
            feed_path,
        )
        door = Door(port, owner_token, user_token)
        feeds, channels, sharing = await self._start_sharing(store, threads, keyring.seed_of(key))
        await self._serve(
            listeners,
            feed_listener,
            Services(
                store,
                threads,
                feeds,
                channels,
                sharing,
                door,
                probe,
                self._settings(port),
                port,
                self._limits(),
                self.request_stop,
            ),
        )
        await self._announce(folder.state / "node.json", probe, port)
        return probe

    async def _start_sharing(
        self, store: Store, threads: Threads, node_seed: bytes
    ) -> tuple[Feeds, Channels, Sharing]:
        feeds = Feeds(store.folder, self.config.witness_path, threads)
        await feeds.start()
        self._cleanup.push_async_callback(feeds.close)
        channels = Channels(Opening(store.folder, node_seed, threads, _version()))
        self._cleanup.push_async_callback(channels.close)
        sharing = Sharing(store, feeds, channels, threads, self.config)
        await sharing.start()
        self._cleanup.push_async_callback(sharing.stop)
        # Last: whoever comes by a channel finds everything ready.
        await channels.start()
        return feeds, channels, sharing

    async def _listen_beside(
        self, name: str, store: Store, threads: Threads, group: int | None
    ) -> tuple[socket.socket | None, str | None]:
        """A UNIX socket in the storage folder, and where it is; neither where that cannot be."""
        path = store.folder.root / name
        listener = await threads.run(listen_on_path, path, self._socket_mode(group), group)
        if listener is None:
            return None, None
        self._cleanup.callback(path.unlink, missing_ok=True)
        self._cleanup.callback(listener.close)
        return listener, str(path)

    async def _serve(
        self,
        listeners: list[socket.socket],
        feed_listener: socket.socket | None,
        services: Services,
    ) -> None:
        self._services = services
        serving = Serving(services, self.config.idle_seconds)
        self._cleanup.push_async_callback(serving.close)
        await serving.listen(listeners, feed_listener)

    async def _announce(self, path: Path, probe: Probe, port: int) -> None:
        """Say where the node is, to whoever may read the owner's files."""
        facts = {
            "port": port,
            "socket": probe.socket,
            "pid": probe.pid,
            "node_id": probe.node_id,
            "version": probe.version,
        }
        with disk_errors(path.parent):
            temporary = path.with_name(f"node.json.{probe.pid}")
            await aiofiles.os.unlink(temporary) if temporary.exists() else None
            async with aiofiles.open(temporary, "x", opener=_private_opener) as file:
                await file.write(json.dumps(facts))
            await aiofiles.os.replace(temporary, path)
        self._cleanup.callback(path.unlink, missing_ok=True)

    def _socket_mode(self, group: int | None) -> int:
        if not self.config.is_shared:
            return 0o600
        return 0o666 if group is None else 0o660

    def _settings(self, port: int) -> list[Setting]:
        rows = [Setting(*row) for row in self.config.described()]
        if port == self.config.port:
            return rows
        return [*rows, Setting("port_in_use", port, "free port", "TCP port", "The port it got.")]

    def _limits(self) -> Limits:
        return Limits(
            self.config.max_upload_bytes, self.config.max_uploads, self.config.stall_seconds
        )


def _group(config: Config) -> int | None:
    return keyring.group_id(config.auth_group) if config.auth_group else None


def _set_folder_mode(store: Store, *, is_shared: bool) -> None:
    root = store.folder.root
    if os.name != "nt" and root.stat().st_uid == own_uid():
        root.chmod(0o755 if is_shared else 0o700)


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _close_all(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


def _version() -> str:
    try:
        return importlib.metadata.version("kachery-jupyter")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
