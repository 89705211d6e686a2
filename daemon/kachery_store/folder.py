"""Where everything is in a storage folder, and how files get their final names.

sha1/aa/bb/cc/<hash>            content, as every kachery kept it
sha1/aa/bb/cc/<hash>.manifest   its chunk table, for content above one chunk
sha1/aa/bb/cc/<hash>.link       the path of a linked file, as kachery-daemon kept it
tmp/  trash/  damaged/          on their way in, on their way out, kept for a look
.state/                         the owner's alone: catalog, keys, token, locks
kachery-store-version           what wrote this folder
"""

from __future__ import annotations

import errno
import os
import stat
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kachery_core.errors import StorageVersionError
from kachery_store.accounts import own_uid
from kachery_store.disk import (
    disk_errors,
    name_new,
    sync_directory,
    sync_file,
    syncing_directories,
    write_all,
)
from kachery_store.temporaries import Temporaries

STORE_VERSION = 1
# A folder that has been there this long was synced by whoever made it, or by the kernel's own
# periodic commit (5 to 30 s on ext4, xfs and btrfs).
_SETTLED_SECONDS = 60
_READ_ONLY_FILE = 0o444
_OPEN_FOLDER = 0o755
_OWN_FOLDER = 0o700


@dataclass(frozen=True)
class Folder:
    """One storage folder."""

    root: Path
    _settled: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def state(self) -> Path:
        """What only the owner may read."""
        return self.root / ".state"

    @property
    def temporary(self) -> Path:
        """Files that are still being written."""
        return self.root / "tmp"

    @property
    def trash(self) -> Path:
        """Content that was removed and can still be restored."""
        return self.root / "trash"

    @property
    def damaged(self) -> Path:
        """Files that no longer were what their name says."""
        return self.root / "damaged"

    def object_path(self, sha1: str) -> Path:
        """Where content with this SHA-1 is."""
        return Path(f"{self.root}/sha1/{sha1[:2]}/{sha1[2:4]}/{sha1[4:6]}/{sha1}")

    def manifest_path(self, sha1: str) -> Path:
        """Where the chunk table of this content is."""
        return Path(f"{self.object_path(sha1)}.manifest")

    def link_path(self, sha1: str) -> Path:
        """Where the path of a linked file with this content is."""
        return Path(f"{self.object_path(sha1)}.link")

    def prepare(self) -> None:
        """Make what is missing; leave what is there as it is.

        Raises:
            StorageVersionError: a newer kachery wrote this folder; nothing is touched.
            StorageReadOnlyError: the folder cannot be written.
        """
        self.check_version()
        with disk_errors(self.root):
            self.root.mkdir(mode=_OWN_FOLDER, parents=True, exist_ok=True)
            _make_folder(self.root / "sha1")
            own = (self.temporary, self.trash, self.damaged, self.state, self.state / "writers")
            for path in own:
                path.mkdir(mode=_OWN_FOLDER, exist_ok=True)
                if path.stat().st_uid == own_uid():
                    path.chmod(_OWN_FOLDER)
                _check_own(path)
            version = self.root / "kachery-store-version"
            if not version.exists():
                self.write_whole(version, f"{STORE_VERSION}\n".encode())
            sync_directory(self.root)

    def check_version(self) -> None:
        """Refuse a folder that a newer kachery wrote.

        Raises:
            StorageVersionError: see above.
        """
        try:
            text = (self.root / "kachery-store-version").read_text("ascii", "replace").strip()
        except OSError:
            return
        if not text.isdecimal() or int(text) > STORE_VERSION:
            raise StorageVersionError(
                f"The storage folder {self.root} has version {text!r}, made by a newer kachery;"
                f" this one knows version {STORE_VERSION}.",
                hint="Upgrade kachery_jupyter, or use another KACHERY_STORAGE_DIR.",
            )

    def new_temporary(self) -> tuple[int, Path]:
        """A new file, open for writing, in the file system of the store."""
        return self._temporaries.new()

    def sweep(self) -> int:
        """Remove what crashed writers left; the number of files removed."""
        return self._temporaries.sweep()

    @cached_property
    def _temporaries(self) -> Temporaries:
        return Temporaries(self.temporary, self.state / "writers")

    def place(self, temporary: Path, final: Path, descriptor: int | None = None) -> None:
        """Give a file its name under `sha1/`, durably.

        Args:
            temporary: where the file is now.
            final: its name from now on.
            descriptor: the open file, if it is not sealed yet.

        Raises:
            NameTakenError: somebody else gave that name to a file meanwhile.
        """
        parents = self.make_parents(final)
        with syncing_directories(parents[1:]):
            if descriptor is not None:
                seal(descriptor)
        name_new(temporary, final)
        sync_directory(parents[0])
        self._remember(parents)

    def make_parents(self, final: Path) -> list[str]:
        """Make the folders above an object; the folders to sync once the object is in place."""
        chain = (final.parent, final.parent.parent, final.parent.parent.parent)
        to_sync = [str(final.parent)]
        for folder in chain:
            if str(folder) in self._settled or _is_settled(folder):
                break
            to_sync.append(str(folder.parent))
        try:
            for folder in reversed(chain[: len(to_sync) - 1]):
                _make_folder(folder)
        except FileNotFoundError:
            if not self._settled:
                raise
            # Somebody removed folders that were there before.
            self._settled.clear()
            return self.make_parents(final)
        return to_sync

    def settle(self, folders: list[str]) -> None:
        """Sync folders whose entries must survive a power cut."""
        for name in folders:
            sync_directory(name)
        self._remember(folders)

    def _remember(self, folders: list[str]) -> None:
        # The innermost folder is one of 16 million: remembering those would only grow.
        self._settled.update(folders[1:-1])

    def write_whole(self, final: Path, data: bytes, mode: int = 0o644) -> None:
        """Write a small file so that it is whole or absent, whatever happens."""
        descriptor, temporary = self.new_temporary()
        try:
            try:
                write_all(descriptor, memoryview(data))
                seal(descriptor, mode)
            finally:
                os.close(descriptor)
            os.replace(temporary, final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(final.parent)


def seal(descriptor: int, mode: int = _READ_ONLY_FILE) -> None:
    """Make a finished file read-only and durable, whatever the umask."""
    set_mode(descriptor, mode)
    sync_file(descriptor)


def set_mode(descriptor: int, mode: int = _READ_ONLY_FILE) -> None:
    """Give an open file its mode, if the umask did not leave it that."""
    if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=_OPEN_FOLDER)
    except FileExistsError:
        return
    if stat.S_IMODE(path.stat().st_mode) != _OPEN_FOLDER:
        path.chmod(_OPEN_FOLDER)


def _is_settled(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_ctime > _SETTLED_SECONDS
    except FileNotFoundError:
        return False


def _check_own(path: Path) -> None:
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it belongs to another user", str(path))
