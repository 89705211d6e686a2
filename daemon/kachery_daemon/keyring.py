"""The secrets of a node: its key, its tokens. They are born private, and refused if they are not.

The caller holds the storage folder's life lock, so nobody else makes the same file meanwhile.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from nacl.bindings import crypto_sign

from kachery_core.errors import InvalidInputError, KeyUnsafeError
from kachery_core.keys import SIGNATURE_SIZE
from kachery_store.disk import disk_errors, sync_directory, write_all

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.folder import Folder

_PRIVATE = 0o600
_READABLE = 0o444
_GROUP_READABLE = 0o440
# The node's owner, as feeds and mutables know their writers; other users are their user ids.
OWNER = -1
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class FeedSigner:
    """Signs for one feed."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._public_key = node_id(key)
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        # As libsodium has it, which signs in two thirds of OpenSSL's time.
        self._key = raw + bytes.fromhex(self._public_key)

    @property
    def public_key(self) -> str:
        """The feed's public key."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of a signature."""
        return crypto_sign(data, self._key)[:SIGNATURE_SIZE]


def node_key(folder: Folder) -> Ed25519PrivateKey:
    """The node's key; made when the node starts for the first time.

    Raises:
        KeyUnsafeError: others may read it, or it is not a key.
    """
    path = folder.state / "node.pem"
    with disk_errors(folder.root):
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            _write_new(folder, path, _pem(key), _PRIVATE)
        return _checked_key(path, _read_private(path))


def node_id(key: Ed25519PrivateKey) -> str:
    """The node's name: its public key, 64 hex digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_feed_key(folder: Folder) -> str:
    """Make the key of a new feed; its public key, which is the feed's name."""
    key = Ed25519PrivateKey.generate()
    keys = folder.state / "keys"
    with disk_errors(folder.root):
        if not keys.exists():
            keys.mkdir(mode=0o700)
            sync_directory(keys.parent)
        _write_new(folder, _feed_key_path(folder, node_id(key)), _pem(key), _PRIVATE)
    return node_id(key)


def feed_signer(folder: Folder, feed: str) -> FeedSigner:
    """What signs for a feed; the key itself never leaves this file.

    Raises:
        KeyUnsafeError: others may read the key, or it is none.
    """
    path = _feed_key_path(folder, feed)
    with disk_errors(folder.root):
        return FeedSigner(_checked_key(path, _read_private(path)))


def delete_feed_key(folder: Folder, feed: str) -> None:
    """Forget the key of a feed: nobody can append to it any more."""
    with disk_errors(folder.root):
        _feed_key_path(folder, feed).unlink(missing_ok=True)


def owner_token(folder: Folder) -> str:
    """The token that proves a program runs as the owner; made when it is missing.

    Raises:
        KeyUnsafeError: others may read it.
    """
    path = folder.state / "token"
    with disk_errors(folder.root):
        if path.exists():
            token = _read_private(path).decode("ascii", "replace").strip()
            if _TOKEN.fullmatch(token):
                return token
        token = secrets.token_urlsafe(32)
        _write_new(folder, path, token.encode(), _PRIVATE)
        return token


def user_token(folder: Folder, *, group: int | None) -> str:
    """A new token for other users of this computer, where they may read it.

    Args:
        folder: the storage folder.
        group: id of the group whose members may read it; everybody if None.
    """
    token = secrets.token_urlsafe(32)
    path = folder.root / "client-token"
    mode = _READABLE if group is None else _GROUP_READABLE
    with disk_errors(folder.root):
        _write_new(folder, path, token.encode(), mode, group)
    return token


def remove_user_token(folder: Folder) -> None:
    """Other users may not use this node any more."""
    with disk_errors(folder.root):
        (folder.root / "client-token").unlink(missing_ok=True)


def group_id(name: str) -> int:
    """The number of a group.

    Raises:
        InvalidInputError: there is no such group on this computer.
    """
    try:
        import grp  # noqa: PLC0415 - not on Windows

        return grp.getgrnam(name).gr_gid
    except (ImportError, KeyError) as problem:
        raise InvalidInputError(
            f"There is no group {name!r} on this computer.",
            hint="`getent group` lists the groups.",
        ) from problem


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _feed_key_path(folder: Folder, feed: str) -> Path:
    return folder.state / "keys" / f"{feed}.pem"


def _write_new(
    folder: Folder, path: Path, data: bytes, mode: int, group: int | None = None
) -> None:
    """Write a file that is never readable by more than it should be, and whole or absent."""
    temporary = folder.state / f"{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        try:
            write_all(descriptor, memoryview(data))
            if group is not None:
                os.fchown(descriptor, -1, group)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _read_private(path: Path) -> bytes:
    """The content of a secret file that nobody else may read."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name != "nt" and mode & 0o077:
            raise KeyUnsafeError(
                f"The secret file {path} can be read by others (mode {mode:04o}).",
                hint=f"Run `chmod 600 {path}`; if somebody may have read it, delete it instead.",
                path=str(path),
            )
        return file.read()


def _checked_key(path: Path, pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as problem:
        raise _not_a_key(path) from problem
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_a_key(path)
    return key


def _not_a_key(path: Path) -> KeyUnsafeError:
    return KeyUnsafeError(
        f"The file {path} does not hold an Ed25519 key.",
        hint="Restore it from a backup; or move it away, and the node gets a new identity.",
        path=str(path),
    )
