"""The node that keeps a storage folder already, as it announced itself there."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_SECONDS = 2.0


def other_node(path: Path) -> dict[str, Any]:
    """What the node that keeps the folder says of itself; it may have started just now."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads(path.read_text("utf-8"))
            if _is_alive(int(facts["pid"])):
                return {"pid": int(facts["pid"]), "port": int(facts["port"])}
        if time.monotonic() > end:
            return {}
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def described(other: dict[str, Any]) -> str:
    """Which node that is, as part of a sentence."""
    return f" (process {other['pid']}, port {other['port']})" if other else ""
