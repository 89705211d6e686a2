"""Becomes another program, one that ends when the process that started it ends.

Run as a file by an interpreter of its own: a process with threads must not run Python between fork
and exec. Only Linux can say it; elsewhere the next start replaces what was left over.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def main(arguments: list[str]) -> None:
    """Become `arguments[1:]`, tied to the process with the id `arguments[0]`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(arguments[0]):
            return  # it ended before we asked: there is nobody to work for
    os.execv(arguments[1], arguments[1:])  # noqa: S606 - no shell, and our own arguments


if __name__ == "__main__":
    main(sys.argv[1:])
