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

from kachery_jupyter.client.names import HIDING, HOMES, MODULES

if TYPE_CHECKING:
    from kachery_core.errors import KacheryError as KacheryError
    from kachery_core.uris import KacheryUri as KacheryUri
    from kachery_core.uris import build_uri as build_uri
    from kachery_core.uris import parse_uri as parse_uri
    from kachery_jupyter.client import belonging, loading, mutables
    from kachery_jupyter.client.batches import load_many as load_many
    from kachery_jupyter.client.dependencies import Dependencies as Dependencies
    from kachery_jupyter.client.dependencies import freeze as freeze
    from kachery_jupyter.client.explaining import explain as explain
    from kachery_jupyter.client.explanation import Explanation as Explanation
    from kachery_jupyter.client.feed_exports import compare_export as compare_export
    from kachery_jupyter.client.feed_exports import export_feed as export_feed
    from kachery_jupyter.client.feed_exports import read_export as read_export
    from kachery_jupyter.client.feeds import Feed as Feed
    from kachery_jupyter.client.feeds import create_feed as create_feed
    from kachery_jupyter.client.feeds import delete_feed as delete_feed
    from kachery_jupyter.client.feeds import get_feed_id as get_feed_id
    from kachery_jupyter.client.feeds import list_feeds as list_feeds
    from kachery_jupyter.client.feeds import load_feed as load_feed
    from kachery_jupyter.client.feeds import load_subfeed as load_subfeed
    from kachery_jupyter.client.feeds import watch_for_new_messages as watch_for_new_messages
    from kachery_jupyter.client.file_info import FileInfo as FileInfo
    from kachery_jupyter.client.folders import list_dir as list_dir
    from kachery_jupyter.client.folders import load_dir as load_dir
    from kachery_jupyter.client.folders import store_dir as store_dir
    from kachery_jupyter.client.holdings import fsck as fsck
    from kachery_jupyter.client.holdings import gc as gc
    from kachery_jupyter.client.holdings import get_node_id as get_node_id
    from kachery_jupyter.client.holdings import info as info
    from kachery_jupyter.client.holdings import list_files as list_files
    from kachery_jupyter.client.holdings import pin as pin
    from kachery_jupyter.client.holdings import remove as remove
    from kachery_jupyter.client.holdings import restore as restore
    from kachery_jupyter.client.holdings import unpin as unpin
    from kachery_jupyter.client.loading import exists as exists
    from kachery_jupyter.client.loading import load_bytes as load_bytes
    from kachery_jupyter.client.loading import load_file as load_file
    from kachery_jupyter.client.loading import load_json as load_json
    from kachery_jupyter.client.loading import load_npy as load_npy
    from kachery_jupyter.client.loading import load_object as load_object
    from kachery_jupyter.client.loading import load_pkl as load_pkl
    from kachery_jupyter.client.loading import load_text as load_text
    from kachery_jupyter.client.mutables import get_string as get_string
    from kachery_jupyter.client.previews import preview as preview
    from kachery_jupyter.client.previews_forms import Preview as Preview
    from kachery_jupyter.client.progress import progress as progress
    from kachery_jupyter.client.storing import link_file as link_file
    from kachery_jupyter.client.storing import store_bytes as store_bytes
    from kachery_jupyter.client.storing import store_file as store_file
    from kachery_jupyter.client.storing import store_json as store_json
    from kachery_jupyter.client.storing import store_many as store_many
    from kachery_jupyter.client.storing import store_npy as store_npy
    from kachery_jupyter.client.storing import store_object as store_object
    from kachery_jupyter.client.storing import store_pkl as store_pkl
    from kachery_jupyter.client.storing import store_text as store_text
    from kachery_jupyter.client.subfeeds import Subfeed as Subfeed
    from kachery_jupyter.streams.publisher import ZMQPublisher as ZMQPublisher
    from kachery_jupyter.streams.subscriber import ZMQSubscriber as ZMQSubscriber
    from kachery_jupyter.widgets.browser import browse as browse

    channels = belonging
    delete = mutables.delete_value
    get = mutables.get_value
    open = loading.open_content  # noqa: A001
    set = mutables.set_value  # noqa: A001
else:
    __all__ = sorted(HOMES.keys() - HIDING)  # noqa: PLE0605 - one list: `client.names`

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, there = HOMES[name]
    is_module = name in MODULES
    value = import_module(f"{home}.{there}") if is_module else getattr(import_module(home), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*HOMES, "__version__"})


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell the Jupyter server which class embeds the node."""
    from kachery_jupyter.server import KacheryExtension  # noqa: PLC0415 - heavy

    return [{"module": "kachery_jupyter", "app": KacheryExtension}]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: `%load_ext kachery_jupyter`."""
    from kachery_jupyter.magics import register  # noqa: PLC0415 - IPython

    register(shell)
