"""The secrets of a node."""

import os
import stat
from pathlib import Path

import pytest

from kachery_core.errors import KeyUnsafeError
from kachery_daemon import keyring
from kachery_store.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "storage")
    folder.prepare()
    return folder


def test_the_key_is_made_once_and_found_again(folder: Folder) -> None:
    first = keyring.node_id(keyring.node_key(folder))
    assert len(first) == 64
    assert keyring.node_id(keyring.node_key(folder)) == first


def test_two_folders_have_two_keys(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.prepare()
    assert keyring.node_id(keyring.node_key(folder)) != keyring.node_id(keyring.node_key(other))


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_secrets_that_others_may_read_are_refused(folder: Folder, mode: int) -> None:
    keyring.node_key(folder)
    keyring.owner_token(folder)
    for name, read in (("node.pem", keyring.node_key), ("token", keyring.owner_token)):
        (folder.state / name).chmod(mode)
        with pytest.raises(KeyUnsafeError, match="chmod 600"):
            read(folder)


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_and_kept(folder: Folder, content: bytes) -> None:
    path = folder.state / "node.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnsafeError):
        keyring.node_key(folder)
    assert path.read_bytes() == content


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_secrets_are_private_from_their_first_moment(folder: Folder) -> None:
    before = os.umask(0)
    try:
        keyring.node_key(folder)
        keyring.owner_token(folder)
    finally:
        os.umask(before)
    for name in ("node.pem", "token"):
        assert stat.S_IMODE((folder.state / name).stat().st_mode) == 0o600


def test_a_token_cut_short_is_made_anew(folder: Folder) -> None:
    path = folder.state / "token"
    path.write_text("short")
    path.chmod(0o600)
    assert len(keyring.owner_token(folder)) == 43
    assert keyring.owner_token(folder) == path.read_text()
