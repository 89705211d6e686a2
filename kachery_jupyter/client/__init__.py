"""Programs' side of a node: `await client.store_npy(x)`, and the blocking functions underneath."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kachery_jupyter.client.names import AWAITED, HIDING, HOMES, MODULES, PURE

if TYPE_CHECKING:
    from kachery_core.uris import build_uri as build_uri
    from kachery_core.uris import parse_uri as parse_uri
    from kachery_jupyter.client import channels as channels
    from kachery_jupyter.client.awaitable import *  # noqa: F403 - the same names for type checkers
else:
    __all__ = sorted((AWAITED | PURE | MODULES) - HIDING)  # noqa: PLE0605 - one list: `client.names`


def __getattr__(name: str) -> Any:
    if name not in AWAITED | PURE | MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in MODULES:
        return import_module(f"{__name__}.{name}")
    home = f"{__name__}.awaitable" if name in AWAITED else HOMES[name][0]
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(AWAITED | PURE | MODULES)
