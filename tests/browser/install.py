"""Chromium for the browser tests, installed where that is possible; says why where it is not.

`python -m tests.browser.install` ends with 0 in any case: without a browser those tests skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

UPDATE_SECONDS = 120
INSTALL_SECONDS = 420
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The program; KACHERY_TEST_CHROMIUM names another one than what is on the path."""
    named = os.environ.get("KACHERY_TEST_CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


def obstacle() -> str:
    """Why it cannot be installed here; empty if it can."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return "only root may install it (apt-get install chromium)"
    return ""


def install() -> str:
    """Install it with apt; why that did not work, or nothing."""
    # The folder for temporary files may be small or closed to apt's own user.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/var/tmp"}
    steps = (
        (("update",), UPDATE_SECONDS),
        (("install", "-y", "--no-install-recommends", "chromium"), INSTALL_SECONDS),
    )
    for words, seconds in steps:
        command = ["apt-get", "-q", *words]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=seconds, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            return str(problem)
        if done.returncode:
            return f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}"
    return "" if chromium() else "apt-get installed no program called chromium"


def main() -> None:
    """Install it unless it is there."""
    if (found := chromium()) is not None:
        print(f"The browser tests use {found}.")
        return
    problem = obstacle() or install()
    print(f"No browser tests: {problem}." if problem else f"Installed {chromium()}.")


if __name__ == "__main__":
    sys.exit(main())
