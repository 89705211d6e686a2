"""Which program stored something: kept in the catalog, for people to find it again."""

from __future__ import annotations

import os
import sys
from typing import Any

_LONGEST = 300


def origin() -> dict[str, Any]:
    """The notebook or the script this program is."""
    notebook = os.environ.get("JPY_SESSION_NAME")
    if notebook:
        return {"notebook": notebook[-_LONGEST:]}
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    return {"program": os.path.basename(script)[-_LONGEST:] or "python"}
