"""Which way a value is stored, and which way a URI is loaded, when nobody says."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kachery_core.uris import parse_content_uri
from kachery_jupyter.client import folders, holdings, loading, storing
from kachery_jupyter.client.batches import KINDS_OF_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST = 100


def store_value(value: Any, name: str) -> str:
    """Store a value as what it is; its URI, named after the variable."""
    if isinstance(value, str):
        return storing.store_text(value, f"{name}.txt")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return storing.store_bytes(bytes(value), f"{name}.dat")
    if _is_array(value):
        return storing.store_npy(value, f"{name}.npy")
    if is_json(value):
        return storing.store_json(value, f"{name}.json")
    return storing.store_pkl(value, f"{name}.pkl")


def load_value(uri: str, channel: str | None = None) -> Any:
    """Load what a URI stands for as what it was stored as; None if nobody has it.

    A folder gives the URIs of its files, and a file of an unknown kind gives its path.
    """
    loaders: dict[str, Callable[..., Any]] = {
        "npy": loading.load_npy,
        "json": loading.load_json,
        "text": loading.load_text,
        "pkl": loading.load_pkl,
        "bytes": loading.load_bytes,
        "folder": folders.list_dir,
        "file": loading.load_file,
    }
    return loaders[guess_kind(uri)](uri, channel=channel)


def guess_kind(uri: str) -> str:
    """What to load a URI as: what its name says, or else the catalog."""
    parts = parse_content_uri(uri)
    if parts.is_folder and not parts.path:
        return "folder"
    name = parts.path[-1] if parts.path else parts.name
    kind = KINDS_OF_SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if kind is not None:
        return kind
    # The catalog knows contents, not the files within a folder.
    facts = None if parts.path else holdings.info(uri)
    known = "" if facts is None else facts.kind
    return known if known in ("npy", "json", "text", "pkl", "bytes") else "file"


def is_json(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives back the very same value: no tuples, no numbers as keys, no NaN."""
    if depth > _DEEPEST:
        return False
    if type(value) is dict:
        return all(type(key) is str and is_json(item, depth + 1) for key, item in value.items())
    if type(value) is list:
        return all(is_json(item, depth + 1) for item in value)
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (str, int, bool)


def _is_array(value: Any) -> bool:
    """Whether this is a numpy array; without importing numpy, which then nobody has used."""
    return any(
        kind.__module__ == "numpy" and kind.__name__ == "ndarray" for kind in type(value).__mro__
    )
