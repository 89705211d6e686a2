"""A nats-server that outlived its hub: found by its pid file, and ended if it is ours."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from pathlib import Path

_POLITE_SECONDS = 3.0
_KILLED_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.01
_LONGEST_PID = 20
# Where there is no /proc.
_PS = Path("/bin/ps")
_log = logging.getLogger(__name__)


def end_leftover(pid_file: Path, config: Path) -> bool:
    """End the nats-server named in a pid file, if it is the one that runs with our configuration.

    Whoever else has got its number since is left alone. The caller holds the hub's lock, so nobody
    works with it any more.

    Args:
        pid_file: what it wrote when it started.
        config: absolute path of its configuration; no other hub has the same.

    Returns:
        Whether there was one.
    """
    pid = _pid(pid_file)
    if pid is None or not _is_ours(pid, config):
        return False
    _log.warning("a nats-server of this hub was left over (process %d); it is replaced", pid)
    for number, seconds in ((signal.SIGTERM, _POLITE_SECONDS), (_kill_signal(), _KILLED_SECONDS)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not _is_ours(pid, config):
                return True
            time.sleep(_LOOK_EVERY_SECONDS)
    _log.error("process %d, a nats-server of this hub, does not end", pid)
    return True


def _pid(pid_file: Path) -> int | None:
    try:
        text = pid_file.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    is_pid = text.isdecimal() and len(text) < _LONGEST_PID and int(text) > 1
    return int(text) if is_pid else None


def _is_ours(pid: int, config: Path) -> bool:
    """Whether a process has our configuration on its command line; a dead one has none."""
    return os.fsencode(config) in _command_line(pid)


def _command_line(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        pass
    if not _PS.exists():
        return b""
    shown = subprocess.run(  # noqa: S603 - fixed words and a number
        [_PS, "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
    )
    return shown.stdout


def _kill_signal() -> int:
    return getattr(signal, "SIGKILL", signal.SIGTERM)
