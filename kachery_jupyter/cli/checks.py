"""What the doctor looks at; each look gives findings, good and bad."""

from __future__ import annotations

import os
import platform
import stat
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_jupyter.cli.console import count_of, shown_size
from kachery_jupyter.cli.findings import Finding
from kachery_jupyter.cli.network_checks import network_checks
from kachery_jupyter.cli.settings import offline_setting, port_setting, storage_setting
from kachery_jupyter.client.connection import current_node
from kachery_store.accounts import own_uid
from kachery_store.database import Database
from kachery_store.disk import free_bytes
from kachery_store.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITTLE_SPACE = 1_000_000_000
_SHORT_SPACE = 50_000_000
_NETWORK_FILE_SYSTEMS = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "ceph", "beegfs", "afs", "9p"),
    *("glusterfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.beegfs", "fuse.rclone"),
)
_PRIVATE = 0o077
_OTHERS_WRITE = 0o022


def all_checks() -> Iterator[Finding]:
    """Look at everything, the cheap and general things first."""
    yield Finding(
        "ok",
        "versions",
        f"kachery-jupyter {version('kachery-jupyter')}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()}",
    )
    offline, storage, port = offline_setting(), storage_setting(), port_setting()
    for setting in (offline, storage, port):
        if setting.value:
            yield Finding("ok", setting.name, f"{setting.value} (from {setting.source})")
    folder = Folder(Path(offline.value or storage.value).expanduser())
    yield from _storage(folder)
    if offline.value:
        yield Finding("ok", "node", "none is needed: this is offline mode")
    else:
        yield from _node()


def _storage(folder: Folder) -> Iterator[Finding]:
    root = folder.root
    if not root.exists():
        yield Finding("ok", "storage", f"{root} is not there yet; the first store makes it")
        return
    if not root.is_dir():
        yield Finding(
            "wrong", "storage", f"{root} is not a folder", "Name another: KACHERY_STORAGE_DIR."
        )
        return
    try:
        folder.check_version()
    except KacheryError as problem:
        yield Finding("wrong", "storage", problem.message, problem.hint)
        return
    yield _space(root)
    yield from _file_system(root)
    if root.stat().st_uid != own_uid():
        yield Finding("ok", "storage", f"{root} belongs to another user: you read, it stores")
        return
    yield from _permissions(folder)
    yield from _databases(folder)
    yield from _set_aside(folder)
    yield from _unfinished(folder)


def _space(root: Path) -> Finding:
    free = free_bytes(root)
    text = f"{shown_size(free)} free"
    advice = "Free some: `kachery gc`, `kachery rm`, or move KACHERY_STORAGE_DIR."
    if free < _SHORT_SPACE:
        return Finding("wrong", "space", text, advice)
    return (
        Finding("warning", "space", text, advice)
        if free < _LITTLE_SPACE
        else Finding("ok", "space", text)
    )


def _file_system(root: Path) -> Iterator[Finding]:
    kind = file_system_kind(root)
    if kind in _NETWORK_FILE_SYSTEMS:
        yield Finding(
            "warning",
            "file system",
            f"{root} is on a network file system ({kind}), where SQLite and locks are not safe",
            "Use a folder on a disk of this computer: KACHERY_STORAGE_DIR.",
        )
    elif kind:
        yield Finding("ok", "file system", kind)


def file_system_kind(path: Path, mounts: str | None = None) -> str:
    """The kind of file system a path is on, or '' where this cannot be told.

    Args:
        path: of a file or folder.
        mounts: what Linux says is mounted, as /proc/self/mountinfo has it.
    """
    if mounts is None:
        if sys.platform != "linux":
            return ""
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    parts = path.resolve().parts
    best, kind = 0, ""
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        # Spaces in names are written \040 there.
        point = Path(mount.split(" ")[4].replace("\\040", " ")).parts
        # Of mounts on one point, the last is the one in sight.
        if len(point) >= best and parts[: len(point)] == point:
            best, kind = len(point), source.split(" ")[0]
    return kind


def _permissions(folder: Folder) -> Iterator[Finding]:
    if os.name == "nt":
        return
    state = folder.state
    found = [
        *_too_open(folder.root, _OTHERS_WRITE, "chmod go-w"),
        *_too_open(state, _PRIVATE, "chmod 700"),
        *_too_open(state / "token", _PRIVATE, "chmod 600"),
        *_too_open(state / "node.pem", _PRIVATE, "chmod 600"),
        *_too_open(folder.root / "client-token", _OTHERS_WRITE, "chmod 444"),
    ]
    if not os.access(folder.root, os.W_OK | os.X_OK):
        found.append(
            Finding(
                "wrong",
                "permissions",
                f"{folder.root} cannot be written",
                f"Run: chmod u+rwx '{folder.root}'",
            )
        )
    yield from found or [Finding("ok", "permissions", "keys and tokens are yours alone")]


def _too_open(path: Path, forbidden: int, command: str) -> Iterator[Finding]:
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & forbidden:
        yield Finding(
            "wrong",
            "permissions",
            f"{path} is open to other users (mode {mode:o})",
            f"Run: {command} '{path}'",
        )


def _databases(folder: Folder) -> Iterator[Finding]:
    advice = {
        "catalog": "The next store sets it aside; then `kachery fsck` enters all content again.",
        "mutables": "Move it away with its -wal and -shm files, or bring it back from a backup.",
    }
    for name, what_to_do in advice.items():
        path = folder.state / f"{name}.sqlite"
        if not path.exists():
            continue
        try:
            said = Database(path, (), durable=False).rows("PRAGMA quick_check(1)")[0][0]
        except KacheryError as problem:
            said = problem.message
        if said == "ok":
            yield Finding("ok", name, f"{path.name} is sound")
        else:
            yield Finding("wrong", name, f"{path}: {said}", what_to_do)


def _set_aside(folder: Folder) -> Iterator[Finding]:
    if not folder.damaged.is_dir():
        return
    count = sum(1 for _ in folder.damaged.iterdir())
    if count:
        yield Finding(
            "warning",
            "damaged",
            f"{count_of(count, 'damaged file')} set aside in {folder.damaged}",
            "Store the originals again, then delete what is in that folder.",
        )


def _unfinished(folder: Folder) -> Iterator[Finding]:
    """What was not fetched to its end: it takes room, and is gone on with."""
    paths = [*(folder.state / "downloads").glob("*.part")]
    if paths:
        # Sparse files: what they take is what has arrived.
        taken = sum(path.stat().st_blocks * 512 for path in paths)
        count = count_of(len(paths), "unfinished download")
        text = f"{count}, {shown_size(taken)}; kept for a week, to be gone on with"
        yield Finding("ok", "downloads", text)


def _node() -> Iterator[Finding]:
    try:
        node = current_node()
    except KacheryError as problem:
        yield Finding("wrong", "node", problem.message, problem.hint)
        return
    probe = node.probe
    yield Finding("ok", "node", f"{probe.node_id} answers, version {probe.version}")
    if probe.version != version("kachery-jupyter"):
        yield Finding(
            "warning",
            "node",
            f"it runs version {probe.version}, this program {version('kachery-jupyter')}",
            "Start it again: `kachery daemon stop`, then `kachery daemon start`.",
        )
    if probe.socket is None:
        yield Finding("ok", "socket", "none (its path would be too long); programs use the port")
    yield from network_checks(node.door)
