"""The configuration of nats-server: whatever is put into it, it says what was meant."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import pytest

from kachery_daemon.hub.identity import hub_certificate, hub_keys
from kachery_daemon.hub.program import find_program
from kachery_daemon.hub.server_config import ServerPaths, child_config, exported_config

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "plain",
    "with blank",
    'with "quotes"',
    "back\\slash",
    "$HOME ${x}",
    "größer λ 数",
    "#no ! ;",
]


def verdict(path: Path, text: str) -> str:
    """What nats-server says of a configuration."""
    program = asyncio.run(find_program(None))
    path.write_text(text)
    command = [str(program), "-t", "-c", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return said.stderr


@pytest.mark.parametrize("name", NAMES)
def test_nats_server_understands_it_wherever_the_folder_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    keys, certificate = hub_keys(folder), hub_certificate(folder)
    paths = ServerPaths(folder)
    for pem in (certificate.path, None):
        text = child_config(keys, paths, pem, 1000, "127.0.0.1", -1)
        assert "is valid" in verdict(tmp_path / "nats-server.conf", text)
    exported = exported_config(keys, certificate.path)
    assert "is valid" in verdict(tmp_path / "exported.conf", exported)


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    keys, certificate = hub_keys(tmp_path), hub_certificate(tmp_path)
    paths = ServerPaths(tmp_path)
    texts = [
        child_config(keys, paths, certificate.path, 1000, "127.0.0.1", -1),
        exported_config(keys, certificate.path),
    ]
    for text in texts:
        for key in (keys.operator, keys.system, keys.lobby, keys.guest):
            assert key.seed not in text
        assert "PRIVATE" not in text
