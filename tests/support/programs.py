"""Programs of their own: scripts in fresh processes, as this user or as another one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OTHER_UID = 12345
# Another user may not read the interpreter's own files: all of it is imported before.
_BECOME_OTHER = """
import encodings.ascii, encodings.idna, encodings.latin_1, http.client, http.server, json
import linecache, os, platformdirs.unix, traceback, numpy
import kachery_jupyter as kc, kachery_store.collection, kachery_store.fsck
from kachery_jupyter.client import destinations, npy, pickled_arrays, plain_values, safe_pickle
from kachery_jupyter.client import fetching, guest_reading, remote_file
[getattr(kc, name) for name in (*kc.__all__, "open", "set")]
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
"""


def run_program(
    code: str,
    environment: Mapping[str, str] | None = None,
    *,
    uid: int | None = None,
    cwd: Path | None = None,
) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        program_command(code, uid),
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(environment or os.environ),
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def program_command(code: str, uid: int | None = None) -> list[str]:
    """The command of a program, run as another user if one is given."""
    prelude = "" if uid is None else _BECOME_OTHER.format(uid=uid)
    return [sys.executable, "-c", prelude + code]
