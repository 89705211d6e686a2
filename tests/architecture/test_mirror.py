"""Each source file of the decided parts has its unit tests, and the reverse."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIRRORED = {
    "daemon/kachery_core": "tests/unit/core",
    "daemon/kachery_store": "tests/unit/store",
}


@pytest.mark.parametrize("package", MIRRORED)
def test_sources_and_tests_stand_side_by_side(package: str) -> None:
    sources = {
        str(path.relative_to(ROOT / package).with_name(f"test_{path.name}"))
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    tests = {
        str(path.relative_to(ROOT / MIRRORED[package]))
        for path in (ROOT / MIRRORED[package]).rglob("test_*.py")
    }
    assert sources - tests == set(), "sources without tests"
    assert tests - sources == set(), "tests of nothing"
