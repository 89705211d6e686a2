"""Programs' side of a node: `await client.store_npy(x)`, and the blocking functions underneath."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kachery_core.uris import build_uri, parse_uri
    from kachery_jupyter.client.awaitable import (
        compare_export,
        create_feed,
        delete,
        delete_feed,
        exists,
        export_feed,
        fsck,
        gc,
        get,
        get_feed_id,
        get_node_id,
        get_string,
        info,
        link_file,
        list_dir,
        list_feeds,
        list_files,
        load_bytes,
        load_dir,
        load_feed,
        load_file,
        load_json,
        load_many,
        load_npy,
        load_object,
        load_pkl,
        load_subfeed,
        load_text,
        pin,
        read_export,
        remove,
        restore,
        store_bytes,
        store_dir,
        store_file,
        store_json,
        store_many,
        store_npy,
        store_object,
        store_pkl,
        store_text,
        unpin,
        watch_for_new_messages,
    )
    from kachery_jupyter.client.awaitable import open as open  # noqa: A004
    from kachery_jupyter.client.awaitable import set as set  # noqa: A004

# Without `open` and `set`, which `from ... import *` would put over Python's own.
__all__ = [
    "build_uri",
    "compare_export",
    "create_feed",
    "delete",
    "delete_feed",
    "exists",
    "export_feed",
    "fsck",
    "gc",
    "get",
    "get_feed_id",
    "get_node_id",
    "get_string",
    "info",
    "link_file",
    "list_dir",
    "list_feeds",
    "list_files",
    "load_bytes",
    "load_dir",
    "load_feed",
    "load_file",
    "load_json",
    "load_many",
    "load_npy",
    "load_object",
    "load_pkl",
    "load_subfeed",
    "load_text",
    "parse_uri",
    "pin",
    "read_export",
    "remove",
    "restore",
    "store_bytes",
    "store_dir",
    "store_file",
    "store_json",
    "store_many",
    "store_npy",
    "store_object",
    "store_pkl",
    "store_text",
    "unpin",
    "watch_for_new_messages",
]
_PURE = {"build_uri", "parse_uri"}


def __getattr__(name: str) -> Any:
    if name not in (*__all__, "open", "set"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "kachery_core.uris" if name in _PURE else f"{__name__}.awaitable"
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "open", "set"})
