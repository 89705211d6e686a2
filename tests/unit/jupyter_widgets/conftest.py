"""An offline storage folder for each test of the widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kachery_jupyter.client.connection import forget_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def offline_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "storage"
    monkeypatch.setenv("KACHERY_OFFLINE_STORAGE_DIR", str(folder))
    yield folder
    forget_place()
