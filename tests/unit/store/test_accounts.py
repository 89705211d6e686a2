"""Accounts: the kernel's word on who is who."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from kachery_store.accounts import own_uid, uid_of_unix_peer

if TYPE_CHECKING:
    from pathlib import Path


def test_files_made_here_belong_to_this_account(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_uid == own_uid()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
def test_both_ends_of_a_connection_within_a_program_are_its_own() -> None:
    for end in socket.socketpair(socket.AF_UNIX):
        with end:
            assert uid_of_unix_peer(end) == own_uid()
