"""Which program, and which cell of a notebook, stored something; for people to find it again."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 300


def origin() -> dict[str, Any]:
    """Where what is stored now comes from.

    Returns:
        {"notebook": path} or {"program": name}; in a notebook also "cell", the number beside the
        cell, and "cell_id" if the front end tells it. When it was, the catalog knows.
    """
    shell = _shell()
    notebook = os.environ.get("JPY_SESSION_NAME") or _notebook_of(shell)
    if notebook:
        return {"notebook": notebook[-_LONGEST:], **_cell(shell)}
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    name = "" if script in ("-c", "-m") else os.path.basename(script)[-_LONGEST:]
    return {"program": name or "python", **_cell(shell)}


def origin_text(facts: Mapping[str, Any]) -> str:
    """An origin in words: 'analysis.ipynb, cell 7'."""
    known = ("notebook", "program", "file")
    place = next((str(facts[name]) for name in known if facts.get(name)), "")
    if "node" in facts:
        return f"node {str(facts['node'])[:16]} on channel {facts.get('channel', '')}"
    return f"{place}, cell {facts['cell']}" if place and "cell" in facts else place


def _shell() -> Any:
    """The shell this runs in, without importing IPython for it; None elsewhere."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)
    return None if get is None else get()


def _notebook_of(shell: Any) -> str:
    """The path of the notebook where only VS Code knows it."""
    path = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    return path if isinstance(path, str) else ""


def _cell(shell: Any) -> dict[str, Any]:
    # Not the shell's execution count: some versions of IPython add to it before the cell runs.
    count = getattr(getattr(shell, "displayhook", None), "prompt_count", None)
    if type(count) is not int:
        return {}
    get_parent = getattr(shell, "get_parent", None)
    parent = get_parent() if get_parent is not None else {}
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    cell_id = metadata.get("cellId") if isinstance(metadata, dict) else None
    told = {"cell_id": cell_id[:_LONGEST]} if isinstance(cell_id, str) and cell_id else {}
    return {"cell": count, **told}
