"""Share data between workstations from notebooks, JupyterLab and plain Python.

    import kachery_jupyter as kc

    uri = kc.store_npy(x)      # here
    x = kc.load_npy(uri)       # there

Importing this module imports nothing else: each function brings what it needs at its first use.
The same functions, to be awaited, are in `kachery_jupyter.client`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kachery_core.errors import KacheryError
    from kachery_core.uris import KacheryUri, build_uri, parse_uri
    from kachery_jupyter.client import loading, mutables
    from kachery_jupyter.client.batches import load_many
    from kachery_jupyter.client.feed_exports import compare_export, export_feed, read_export
    from kachery_jupyter.client.feeds import (
        Feed,
        create_feed,
        delete_feed,
        get_feed_id,
        list_feeds,
        load_feed,
        load_subfeed,
        watch_for_new_messages,
    )
    from kachery_jupyter.client.folders import list_dir, load_dir, store_dir
    from kachery_jupyter.client.holdings import (
        FileInfo,
        fsck,
        gc,
        get_node_id,
        info,
        list_files,
        pin,
        remove,
        restore,
        unpin,
    )
    from kachery_jupyter.client.loading import (
        exists,
        load_bytes,
        load_file,
        load_json,
        load_npy,
        load_object,
        load_pkl,
        load_text,
    )
    from kachery_jupyter.client.mutables import delete_value as delete
    from kachery_jupyter.client.mutables import get_string
    from kachery_jupyter.client.mutables import get_value as get
    from kachery_jupyter.client.storing import (
        link_file,
        store_bytes,
        store_file,
        store_json,
        store_many,
        store_npy,
        store_object,
        store_pkl,
        store_text,
    )
    from kachery_jupyter.client.subfeeds import Subfeed

    open = loading.open_content  # noqa: A001
    set = mutables.set_value  # noqa: A001

__version__ = "0.1.0"
# Without `open` and `set`, which `from ... import *` would put over Python's own.
__all__ = [
    "Feed",
    "FileInfo",
    "KacheryError",
    "KacheryUri",
    "Subfeed",
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
_CORE = {
    "KacheryError": "errors",
    "KacheryUri": "uris",
    "build_uri": "uris",
    "parse_uri": "uris",
}
_HOLDINGS = (
    "FileInfo fsck gc get_node_id info list_files pin remove restore unpin".split()  # noqa: SIM905
)
_FEEDS = (
    "Feed create_feed delete_feed get_feed_id"  # noqa: SIM905
    " list_feeds load_feed load_subfeed watch_for_new_messages".split()
)
# Where a function is, and what it is called there.
_HOMES = {
    **{name: (f"kachery_core.{home}", name) for name, home in _CORE.items()},
    **{name: ("kachery_jupyter.client.folders", name) for name in __all__ if name.endswith("_dir")},
    **{name: ("kachery_jupyter.client.holdings", name) for name in _HOLDINGS},
    **{name: ("kachery_jupyter.client.feeds", name) for name in _FEEDS},
    **{
        name: ("kachery_jupyter.client.feed_exports", name)
        for name in ("compare_export", "export_feed", "read_export")
    },
    "Subfeed": ("kachery_jupyter.client.subfeeds", "Subfeed"),
    "delete": ("kachery_jupyter.client.mutables", "delete_value"),
    "exists": ("kachery_jupyter.client.loading", "exists"),
    "get": ("kachery_jupyter.client.mutables", "get_value"),
    "get_string": ("kachery_jupyter.client.mutables", "get_string"),
    "load_many": ("kachery_jupyter.client.batches", "load_many"),
    "open": ("kachery_jupyter.client.loading", "open_content"),
    "set": ("kachery_jupyter.client.mutables", "set_value"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        home, there = _HOMES[name]
    elif name in __all__:
        verb = "loading" if name.startswith("load_") else "storing"
        home, there = f"kachery_jupyter.client.{verb}", name
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", "open", "set"})


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell the Jupyter server which class embeds the node."""
    from kachery_jupyter.server import KacheryExtension  # noqa: PLC0415 - heavy

    return [{"module": "kachery_jupyter", "app": KacheryExtension}]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: `%load_ext kachery_jupyter`."""
    from kachery_jupyter.magics import register  # noqa: PLC0415 - IPython

    register(shell)
