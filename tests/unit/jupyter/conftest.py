"""An offline storage folder, or a scripted node, for each test of the client package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kachery_jupyter.client.connection import forget_place
from tests.support.scripted_node import ScriptedNode, scripted_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def offline_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "storage"
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(folder))
    yield folder
    forget_place()


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedNode]:
    """A node whose other nodes have what the test says."""
    with scripted_node(tmp_path / "node") as node:
        monkeypatch.delenv("KACHERY_OFFLINE_STORAGE_DIR")
        for name, value in node.environment.items():
            monkeypatch.setenv(name, value)
        yield node
        forget_place()
