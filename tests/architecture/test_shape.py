"""The shape of the code: lengths, names, and a sentence of purpose in every file."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "kachery_jupyter",
    "daemon/kachery_client",
    "daemon/kachery_core",
    "daemon/kachery_daemon",
    "daemon/kachery_store",
)
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_FILE = 300
VAGUE = {"utils", "util", "helpers", "misc", "common", "manager", "data", "stuff", "base"}
VAGUE_VERBS = re.compile(r"_?(handle|process|do|manage)_")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text
    assert text.splitlines()[0].rstrip().endswith((".", "?", ":"))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_name_is_vague(path: Path) -> None:
    assert path.stem not in VAGUE
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not VAGUE_VERBS.match(node.name), node.name


def test_the_daemon_folder_does_not_hide_the_daemon_package_of_others() -> None:
    assert not (ROOT / "daemon" / "__init__.py").exists()


def test_core_has_nothing_asynchronous() -> None:
    for path in (ROOT / "daemon/kachery_core").rglob("*.py"):
        tree = ast.parse(path.read_text())
        waiting = [
            node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        ]
        assert not waiting, path
