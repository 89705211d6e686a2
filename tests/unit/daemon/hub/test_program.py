"""Which nats-server is run: the one that was chosen, or the first found; never one too old."""

from __future__ import annotations

import asyncio
import importlib.metadata
from typing import TYPE_CHECKING

import pytest

from kachery_core.errors import HubProgramMissingError
from kachery_daemon.hub.program import find_program

if TYPE_CHECKING:
    from pathlib import Path


def a_program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)


def test_the_chosen_one_comes_first(tmp_path: Path) -> None:
    own = a_program(tmp_path / "own", "nats-server: v2.14.0")
    assert asyncio.run(find_program(str(own))) == own


def test_without_a_choice_it_is_the_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_program(tmp_path / "bin" / "nats-server", "nats-server: v9.0.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = asyncio.run(find_program(None))
    assert found.name == "nats-server"
    assert tmp_path not in found.parents


def test_without_the_wheel_it_is_the_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_the_wheel(monkeypatch)
    own = a_program(tmp_path / "bin" / "nats-server", "nats-server: v2.12.1")
    monkeypatch.setenv("PATH", str(own.parent))
    assert asyncio.run(find_program(None)) == own


def test_without_any_it_is_said_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_the_wheel(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HubProgramMissingError) as caught:
        asyncio.run(find_program(None))
    assert "pip install 'kachery-jupyter[hub]'" in caught.value.hint


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("nats-server: v2.11.9", "is nats-server v2.11.9; a hub needs 2.12 or later"),
        ("nats-server: v1.99.0", "2.12 or later"),
        ("hello", "does not say its version"),
        ("", "does not say its version"),
    ],
)
def test_one_that_is_too_old_or_something_else_is_refused(
    tmp_path: Path, says: str, message: str
) -> None:
    with pytest.raises(HubProgramMissingError, match=message):
        asyncio.run(find_program(str(a_program(tmp_path / "own", says))))


def test_a_later_generation_is_new_enough(tmp_path: Path) -> None:
    own = a_program(tmp_path / "own", "nats-server: v3.0.0-beta.1")
    assert asyncio.run(find_program(str(own))) == own


def test_a_choice_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(HubProgramMissingError, match=f"names {path}"):
            asyncio.run(find_program(str(path)))
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELFnot")
    broken.chmod(0o755)
    with pytest.raises(HubProgramMissingError, match="cannot be run"):
        asyncio.run(find_program(str(broken)))
