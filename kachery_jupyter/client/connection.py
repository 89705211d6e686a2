"""Where this program keeps and finds content: an offline folder, its own node's, or a shared one's.

Found once and kept for some seconds, so that a load costs no question to the node.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.errors import (
    OfflineError,
    StorageFailedError,
    StorageMismatchError,
)
from kachery_jupyter.client.environment import Environment, fingerprint, read_environment
from kachery_jupyter.client.listeners import listener_uid
from kachery_jupyter.client.node import Door, Probe, read_token, wrong_daemon
from kachery_store.accounts import own_uid, uid_of_unix_peer
from kachery_store.store import Store

if TYPE_CHECKING:
    from kachery_jupyter.client.environment import Environment

_KEPT_SECONDS = 10.0
_ROOT_UID = 0


@dataclass(frozen=True)
class Node:
    """A running node, found to be one to trust."""

    door: Door
    probe: Probe


@dataclass(frozen=True)
class Place:
    """Where content is.

    Attributes:
        store: the storage folder; not writable for a guest.
        node: the node that keeps it; None in offline mode.
        reads_by_node: the node, if it has to read for this program, which may not do so itself.
    """

    store: Store
    node: Node | None = None
    reads_by_node: Node | None = None

    @property
    def guest_of(self) -> Node | None:
        """The node of somebody else that stores for this program; None where it stores itself."""
        return None if self.store.writable else self.node


_lock = threading.Lock()
_found: tuple[tuple[object, ...], float, Place] | None = None
_last_online: tuple[object, ...] | None = None


def current_place() -> Place:
    """The place the environment names, as it was found some seconds ago at most.

    Raises:
        UnavailableError: no node, a wrong one, or not the storage folder that was named.
    """
    found = _found
    if found is not None and found[0] == fingerprint() and time.monotonic() < found[1]:
        return found[2]
    return _find_place()


def current_node() -> Node:
    """The running node.

    Raises:
        OfflineError: this program works without one.
        UnavailableError: see `current_place`.
    """
    node = current_place().node
    if node is None:
        raise OfflineError(
            "There is no node in offline mode.",
            hint="Unset KACHERY_OFFLINE_STORAGE_DIR and start a node: `kachery daemon start`.",
        )
    return node


def forget_place() -> None:
    """Look for the node again at the next call, as after it was started or stopped."""
    global _found  # noqa: PLW0603 - what this program found, one per process
    if _found is not None:
        _found[2].store.close()
    _found = None


def had_node() -> bool:
    """Whether this program has found a node where the environment says, now or before."""
    return _last_online == fingerprint()


def _find_place() -> Place:
    global _found, _last_online  # noqa: PLW0603 - what this program found, one per process
    with _lock:
        key = fingerprint()
        environment = read_environment()
        if environment.offline_dir is not None:
            place, kept = Place(_offline_store(environment.offline_dir)), float("inf")
        else:
            place, kept = _online_place(environment), time.monotonic() + _KEPT_SECONDS
            _last_online = key
        _found = (key, kept, place)
        return place


def _offline_store(folder: Path) -> Store:
    state = folder / ".state"
    may_write = all(os.access(path, os.W_OK) for path in (folder, state) if path.exists())
    return _store(folder, writable=may_write)


def _online_place(environment: Environment) -> Place:
    node, uid = _trusted_node(environment)
    storage_dir = Path(node.probe.storage_dir)
    if environment.storage_dir is not None:
        _check_same_folder(environment.storage_dir, storage_dir)
    if _may_read(storage_dir):
        return Place(_store(storage_dir, writable=_is_ours(storage_dir, uid)), node)
    if not node.door.proves_who_asks:
        raise StorageFailedError(
            f"The node's storage folder {storage_dir} cannot be read by you.",
            hint="Ask its owner for `kachery daemon start --shared`, or start your own node.",
            path=str(storage_dir),
        )
    return Place(_store(storage_dir, writable=False), node, reads_by_node=node)


def _may_read(storage_dir: Path) -> bool:
    """Whether this program may open what is in a storage folder."""
    folders = (storage_dir, storage_dir / "sha1")
    return all(
        os.access(folder, os.R_OK | os.X_OK) for folder in folders if os.access(folder, os.F_OK)
    ) and os.access(storage_dir, os.F_OK)


def _store(folder: Path, *, writable: bool) -> Store:
    """The store of a folder; the same as before where nothing changed."""
    if _found is not None:
        store = _found[2].store
        if store.folder.root == folder and store.writable == writable and folder.is_dir():
            return store
    return Store(folder, writable=writable)


def _is_ours(storage_dir: Path, node_uid: int | None) -> bool:
    """Whether this program may write the folder itself, as the node's own user."""
    token = storage_dir / ".state" / "token"
    try:
        owner = token.stat().st_uid
    except OSError:
        return False
    is_same_user = owner == own_uid() and node_uid in (own_uid(), _ROOT_UID, None)
    return is_same_user and os.access(token, os.R_OK)


def _trusted_node(environment: Environment) -> tuple[Node, int | None]:
    """The node at the port, and its user; nothing of ours was sent to it yet."""
    door = Door(environment.port)
    probe = door.probe()
    uid = feeds_socket = None
    if probe.socket is not None and hasattr(socket, "AF_UNIX"):
        uid = _socket_uid(probe.socket)
    if uid is not None:
        # Whoever has the port: from here on only the socket's answers count.
        door = Door(environment.port, probe.socket)
        probe = door.probe()
        if probe.feeds_socket is not None and _socket_uid(probe.feeds_socket) == uid:
            feeds_socket = probe.feeds_socket
    else:
        uid = listener_uid(environment.port)
    if uid not in (own_uid(), _ROOT_UID):
        _check_known(environment.port, probe, uid)
    token = read_token(Path(probe.storage_dir))
    return Node(Door(door.port, door.socket, token, feeds_socket), probe), uid


def _socket_uid(path: str) -> int | None:
    """The user at a UNIX socket; None if it cannot be used."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(1.0)
            connection.connect(path)
            return uid_of_unix_peer(connection)
        except OSError:
            return None


def _check_known(port: int, probe: Probe, uid: int | None) -> None:
    """A node of another user must be shared, and the same one as the first time."""
    if uid is not None and not probe.shared:
        raise wrong_daemon(
            port,
            f"user {uid} keeps it to themselves",
            "Start your own node at another port and set KACHERY_DAEMON_PORT to it.",
        )
    path = _known_nodes_path()
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        known = {}
    now = {"node_id": probe.node_id, "uid": uid}
    before = known.get(str(port)) if isinstance(known, dict) else None
    if before is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**known, str(port): now}, indent=1), "ascii")
    elif before != now:
        raise wrong_daemon(
            port,
            "it is another one than before",
            f"If that is right, remove the line of port {port} from {path}.",
        )


def _known_nodes_path() -> Path:
    from platformdirs import user_config_path  # noqa: PLC0415 - only for nodes of other users

    return user_config_path("kachery") / "known_nodes.json"


def _check_same_folder(named: Path, of_node: Path) -> None:
    if os.path.realpath(named) != os.path.realpath(of_node):
        raise StorageMismatchError(
            f"KACHERY_STORAGE_DIR is {named}, but the running node keeps {of_node}.",
            hint="Unset KACHERY_STORAGE_DIR, or name that node's port with KACHERY_DAEMON_PORT.",
            named=str(named),
            of_node=str(of_node),
        )
