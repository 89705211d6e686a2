"""The shell command in a folder and an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KACHERY = (sys.executable, "-m", "kachery_jupyter.cli")


@dataclass
class Shell:
    """A shell in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    command: tuple[str, ...] = KACHERY

    def run(self, *arguments, status=0, **more):
        """Run the command; what it said. stdin may be given as `input`."""
        answer = subprocess.run(
            [*self.command, *map(str, arguments)],
            capture_output=True,
            cwd=self.folder,
            env=self.environment,
            timeout=60,
            check=False,
            **more,
        )
        assert answer.returncode == status, (answer.returncode, answer.stdout, answer.stderr)
        assert b"Traceback" not in answer.stderr
        return answer

    def out(self, *arguments, **more):
        return self.run(*arguments, **more).stdout.decode().strip()

    def complaint(self, *arguments, status=1, **more):
        answer = self.run(*arguments, status=status, **more)
        assert answer.stdout == b""
        return answer.stderr.decode()

    def popen(self, *arguments, **more):
        return subprocess.Popen(
            [*self.command, *map(str, arguments)], cwd=self.folder, env=self.environment, **more
        )
