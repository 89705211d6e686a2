"""Node.js for the browser side: when it is needed, and when what was built is stale."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, looking at folders of the test."""
    place = ROOT / "labextension" / "toolchain.py"
    spec = importlib.util.spec_from_file_location("toolchain", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, folder in {"HERE": "front", "OUTPUT": "out", "PACKAGES": "front/modules"}.items():
        monkeypatch.setattr(module, name, tmp_path / folder)
    (tmp_path / "front" / "src").mkdir(parents=True)
    (tmp_path / "out" / "static").mkdir(parents=True)
    return module


def put(file: Path, seconds: float, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (seconds, seconds))
    os.utime(file.parent, (seconds, seconds))


def fake_node(folder: Path, version: str) -> None:
    for name in ("node", "npm"):
        file = folder / name
        put(file, 1, f"#!/bin/sh\necho {version}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_what_is_younger_than_its_sources_is_not_built_again(toolchain: ModuleType) -> None:
    put(toolchain.HERE / "src" / "index.ts", 1_000)
    assert not toolchain.is_built(production=True), "nothing is there"
    put(toolchain.OUTPUT / "package.json", 2_000)
    assert toolchain.is_built(production=True)
    put(toolchain.HERE / "src" / "index.ts", 3_000)
    assert not toolchain.is_built(production=True), "a source changed"


def test_a_source_that_was_removed_counts_as_a_change(toolchain: ModuleType) -> None:
    put(toolchain.HERE / "src" / "index.ts", 1_000)
    put(toolchain.OUTPUT / "package.json", 2_000)
    (toolchain.HERE / "src" / "index.ts").unlink()
    assert not toolchain.is_built(production=True)


def test_users_never_get_what_was_built_for_developers(toolchain: ModuleType) -> None:
    put(toolchain.HERE / "src" / "index.ts", 1_000)
    put(toolchain.OUTPUT / "static" / "remoteEntry.js.map", 2_000)
    put(toolchain.OUTPUT / "package.json", 2_000)
    assert toolchain.is_built(production=False)
    assert not toolchain.is_built(production=True)


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("v18.20.4", False),
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.1", True),
        ("nonsense", False),
    ],
)
def test_a_nodejs_too_old_for_the_bundler_is_left_alone(
    toolchain: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    good: bool,
) -> None:
    fake_node(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert toolchain.node_wheel_needed() is not good


def test_packages_are_installed_once_for_each_lock(toolchain: ModuleType) -> None:
    put(toolchain.HERE / "package-lock.json", 1_000)
    put(toolchain.PACKAGES / ".package-lock.json", 2_000)
    toolchain.install_packages(["/nowhere/npm"])
    put(toolchain.HERE / "package-lock.json", 3_000)
    with pytest.raises(toolchain.ToolchainError):
        toolchain.install_packages(["false"])


def test_packages_of_somebody_else_are_not_touched(toolchain: ModuleType, tmp_path: Path) -> None:
    put(toolchain.HERE / "package-lock.json", 3_000)
    put(tmp_path / "theirs" / "package.json", 1_000)
    toolchain.PACKAGES.symlink_to(tmp_path / "theirs")
    toolchain.install_packages(["/nowhere/npm"])


def test_without_nodejs_the_rest_of_the_tests_goes_on_and_it_is_said_what_was_left_out(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "labextension" / "toolchain.py"
    put(copy, 1, (ROOT / "labextension" / "toolchain.py").read_text())
    put(copy.with_name("package-lock.json"), 1, "{}")
    fake_node(tmp_path / "bin", "v24.0.0")
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\nexit 1\n")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, str(copy), "lint", "test", "build"],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "LEFT OUT: lint, test, build" in done.stderr
