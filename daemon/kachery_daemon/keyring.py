"""The secrets of a node: its key, its tokens. They are born private, and refused if they are not.

The caller holds the storage folder's life lock, so nobody else makes the same file meanwhile.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from kachery_core.errors import InvalidInputError, KeyUnsafeError
from kachery_core.keys import SeedSigner
from kachery_core.nkeys import account_nkey
from kachery_daemon.system.private_files import PRIVATE, read_private, write_durably
from kachery_store.disk import disk_errors, sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from kachery_store.folder import Folder

_READABLE = 0o444
_GROUP_READABLE = 0o440
# The node's owner, as feeds and mutables know their writers; other users are their user ids.
OWNER = -1
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def node_key(folder: Folder) -> Ed25519PrivateKey:
    """The node's key; made when the node starts for the first time.

    Raises:
        KeyUnsafeError: others may read it, or it is not a key.
    """
    path = folder.state / "node.pem"
    with disk_errors(folder.root):
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            _write_new(folder, path, _pem(key), PRIVATE)
        return _checked_key(path, read_private(path))


def node_id(key: Ed25519PrivateKey) -> str:
    """The node's name: its public key, 64 hex digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def seed_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that are the secret of a key."""
    return key.private_bytes_raw()


def make_feed_key(folder: Folder) -> str:
    """Make the key of a new feed; its public key, which is the feed's name."""
    key = Ed25519PrivateKey.generate()
    with disk_errors(folder.root):
        _make_key_folder(folder)
        _write_new(folder, _feed_key_path(folder, node_id(key)), _pem(key), PRIVATE)
    return node_id(key)


def feed_signer(folder: Folder, feed: str) -> SeedSigner:
    """What signs for a feed; the key itself never leaves this file.

    Raises:
        KeyUnsafeError: others may read the key, or it is none.
    """
    path = _feed_key_path(folder, feed)
    with disk_errors(folder.root):
        return SeedSigner(seed_of(_checked_key(path, read_private(path))))


def delete_feed_key(folder: Folder, feed: str) -> None:
    """Forget the key of a feed: nobody can append to it any more."""
    with disk_errors(folder.root):
        _feed_key_path(folder, feed).unlink(missing_ok=True)


def make_channel_key(folder: Folder) -> SeedSigner:
    """Make the key of a new channel; whoever has it decides who belongs to the channel."""
    key = Ed25519PrivateKey.generate()
    with disk_errors(folder.root):
        _make_key_folder(folder)
        path = _channel_key_path(folder, account_nkey(node_id(key)))
        _write_new(folder, path, _pem(key), PRIVATE)
    return SeedSigner(seed_of(key))


def channel_signer(folder: Folder, channel_id: str) -> SeedSigner:
    """What signs for a channel that this node owns.

    Raises:
        KeyUnsafeError: others may read the key, or it is none.
    """
    path = _channel_key_path(folder, channel_id)
    with disk_errors(folder.root):
        return SeedSigner(seed_of(_checked_key(path, read_private(path))))


def owner_token(folder: Folder) -> str:
    """The token that proves a program runs as the owner; made when it is missing.

    Raises:
        KeyUnsafeError: others may read it.
    """
    path = folder.state / "token"
    with disk_errors(folder.root):
        if path.exists():
            token = read_private(path).decode("ascii", "replace").strip()
            if _TOKEN.fullmatch(token):
                return token
        token = secrets.token_urlsafe(32)
        _write_new(folder, path, token.encode(), PRIVATE)
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


def _channel_key_path(folder: Folder, channel_id: str) -> Path:
    return folder.state / "keys" / f"channel-{channel_id}.pem"


def _make_key_folder(folder: Folder) -> None:
    keys = folder.state / "keys"
    if not keys.exists():
        keys.mkdir(mode=0o700, exist_ok=True)
        sync_directory(keys.parent)


def _write_new(
    folder: Folder, path: Path, data: bytes, mode: int, group: int | None = None
) -> None:
    """Write a secret; what is half written is in the state folder, where nobody else looks."""
    write_durably(path, data, mode, folder.state, group)


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
