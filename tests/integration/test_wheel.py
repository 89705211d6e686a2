"""What is built of the project, and what is in it: the sidebar too."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT = ROOT / "labextension"
SHARED = ".data/data/share/jupyter/labextensions/@kachery/jupyter/"
MADE_HERE = (
    *(".*", "__pycache__", "*.tsbuildinfo", "benchmarks", "build", "dist", "lib", "labextension"),
    *("node_modules", "screenshots", "tests"),
)
PATIENCE_SECONDS = 300


def copy_of_the_sources(folder: Path) -> Path:
    """The project as a fresh clone has it, with the packages of the browser side at hand."""
    tree = folder / "kachery"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*MADE_HERE))
    shutil.copy(ROOT / ".gitignore", tree)
    ignored = shutil.ignore_patterns("node_modules", "lib", "__pycache__", "*.tsbuildinfo")
    shutil.copytree(FRONT, tree / "labextension", ignore=ignored)
    return tree


def build(tree: Path, hook: str, folder: Path, **environment: str) -> Path:
    """Run one of the backend's functions, as pip does, in this Python environment."""
    program = f"import hatchling.build as b; print(b.{hook}({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tree,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources with an up-to-date sidebar, built for users."""
    if not (FRONT / "node_modules" / ".package-lock.json").exists():
        pytest.skip("the packages of labextension/ are not installed: make front")
    tree = copy_of_the_sources(tmp_path_factory.mktemp("sources"))
    (tree / "labextension" / "node_modules").symlink_to(FRONT / "node_modules")
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a machine that has Node.js."""
    folder = tmp_path_factory.mktemp("wheel")
    return zipfile.ZipFile(build(tree, "build_wheel", folder, KACHERY_LABEXTENSION="require"))


def sidebar_in(wheel: zipfile.ZipFile) -> list[str]:
    """Files of the sidebar, as JupyterLab will see them."""
    return [name.split(SHARED)[1] for name in wheel.namelist() if SHARED in name]


def test_the_wheel_has_the_built_sidebar_where_jupyterlab_looks(wheel: zipfile.ZipFile) -> None:
    files = sidebar_in(wheel)
    assert {"package.json", "install.json", "static/style.js"} <= set(files)
    assert any(re.fullmatch(r"static/remoteEntry\.\w+\.js", name) for name in files)
    assert "schemas/@kachery/jupyter/sidebar.json" in files


def test_the_wheel_enables_the_server_side(wheel: zipfile.ZipFile) -> None:
    place = ".data/data/etc/jupyter/jupyter_server_config.d/kachery_jupyter.json"
    assert [name for name in wheel.namelist() if name.endswith(place)]


def test_the_wheel_says_who_installed_the_sidebar(wheel: zipfile.ZipFile) -> None:
    (place,) = (name for name in wheel.namelist() if name.endswith(f"{SHARED}install.json"))
    assert json.loads(wheel.read(place))["packageName"] == "kachery-jupyter"


def test_the_wheel_has_nothing_else_of_the_browser_side(wheel: zipfile.ZipFile) -> None:
    strange = [
        name
        for name in wheel.namelist()
        if name.endswith((".map", ".ts", ".tsx")) or "node_modules" in name
    ]
    assert not strange
    assert not [name for name in wheel.namelist() if name.startswith("kachery_jupyter/labext")]


def test_the_wheel_names_no_place_of_the_machine_that_built_it(
    wheel: zipfile.ZipFile, tree: Path
) -> None:
    places = (str(tree).encode(), str(ROOT).encode())
    telling = [
        name for name in wheel.namelist() if any(place in wheel.read(name) for place in places)
    ]
    assert not telling


def test_who_installs_from_the_source_package_needs_no_nodejs(
    tree: Path, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    source = build(tree, "build_sdist", tmp_path)
    with tarfile.open(source) as package:
        names = [name.partition("/")[2] for name in package.getnames()]
        package.extractall(tmp_path, filter="data")
    assert {"hatch_build.py", "labextension/toolchain.py", "labextension/package-lock.json"} <= {
        *names
    }
    assert not [name for name in names if "node_modules" in name or "labextension/lib" in name]
    unpacked = tmp_path / source.name.removesuffix(".tar.gz")
    again = zipfile.ZipFile(build(unpacked, "build_wheel", tmp_path, PATH="/nowhere"))
    assert sorted(sidebar_in(again)) == sorted(sidebar_in(wheel))


def test_a_machine_that_reaches_no_registry_still_gets_everything_in_python(
    tmp_path: Path,
) -> None:
    tree = copy_of_the_sources(tmp_path)
    cut_off = {
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_cache": str(tmp_path / "cache"),
    }
    wheel = zipfile.ZipFile(build(tree, "build_wheel", tmp_path, **cut_off))
    assert sidebar_in(wheel) == ["install.json"]
    assert "kachery_jupyter/server/extension.py" in wheel.namelist()


def test_the_sidebar_has_the_version_of_the_package() -> None:
    version = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())
    assert version
    lock = json.loads((FRONT / "package-lock.json").read_text())
    assert json.loads((FRONT / "package.json").read_text())["version"] == version[1]
    assert (lock["version"], lock["packages"][""]["version"]) == (version[1], version[1])


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (FRONT / "package-lock.json").read_text()
