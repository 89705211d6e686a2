"""What is built is written down: a folder, an error, a function, a setting nobody finds is lost."""

import re
from pathlib import Path

import kachery_jupyter
from kachery_core.errors import error_classes

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
README = (ROOT / "README.md").read_text()


def test_the_architecture_names_every_module() -> None:
    missing = [
        f"{package.name}/{path.relative_to(package)}"
        for package in (*sorted((ROOT / "daemon").iterdir()), ROOT / "kachery_jupyter")
        if package.is_dir() and package.name.startswith("kachery_")
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and path.stem not in ARCHITECTURE
    ]
    assert not missing


def test_the_readme_names_every_public_function() -> None:
    missing = [
        name
        for name in kachery_jupyter.__all__
        if not re.search(rf"\b{name}\b", README) and not name.startswith("_")
    ]
    assert not missing


def test_every_environment_variable_that_is_read_is_written_down() -> None:
    read = {
        name
        for path in [*(ROOT / "daemon").rglob("*.py"), *(ROOT / "kachery_jupyter").rglob("*.py")]
        for name in re.findall(r"[\"'](KACHERY_[A-Z0-9_]+)[\"']", path.read_text())
    }
    assert read, "the pattern finds nothing any more"
    assert not {name for name in read if name not in README}


def test_every_error_says_what_it_is() -> None:
    for error_class in error_classes().values():
        assert error_class.__doc__
        assert error_class.__doc__.endswith(".")


def test_no_path_of_a_developers_machine_is_in_a_tracked_file() -> None:
    pattern = re.compile(r"/(home|Users)/[a-z]+/|/root/")
    for path in ROOT.glob("*.md"):
        assert not pattern.search(path.read_text()), path
