"""The public functions as coroutines: each runs in a thread, so that the caller's loop goes on."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kachery_jupyter.client import (
    feed_exports,
    feeds,
    folders,
    holdings,
    loading,
    mutables,
    storing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _awaited(function: Callable[_P, _T]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """The same function, to be awaited."""

    @functools.wraps(function)
    async def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await asyncio.to_thread(function, *args, **kwargs)

    return call


store_text = _awaited(storing.store_text)
store_json = _awaited(storing.store_json)
store_object = _awaited(storing.store_object)
store_npy = _awaited(storing.store_npy)
store_pkl = _awaited(storing.store_pkl)
store_bytes = _awaited(storing.store_bytes)
store_file = _awaited(storing.store_file)
store_many = _awaited(storing.store_many)
link_file = _awaited(storing.link_file)
store_dir = _awaited(folders.store_dir)
load_dir = _awaited(folders.load_dir)
list_dir = _awaited(folders.list_dir)
load_text = _awaited(loading.load_text)
load_json = _awaited(loading.load_json)
load_object = _awaited(loading.load_object)
load_npy = _awaited(loading.load_npy)
load_pkl = _awaited(loading.load_pkl)
load_bytes = _awaited(loading.load_bytes)
load_file = _awaited(loading.load_file)
open = _awaited(loading.open_content)  # noqa: A001 - kc.open, as in `io.open`
exists = _awaited(loading.exists)
info = _awaited(holdings.info)
list_files = _awaited(holdings.list_files)
remove = _awaited(holdings.remove)
restore = _awaited(holdings.restore)
pin = _awaited(holdings.pin)
unpin = _awaited(holdings.unpin)
gc = _awaited(holdings.gc)
fsck = _awaited(holdings.fsck)
get_node_id = _awaited(holdings.get_node_id)
get = _awaited(mutables.get_value)
set = _awaited(mutables.set_value)  # noqa: A001 - kc.set, as kachery has it
get_string = _awaited(mutables.get_string)
delete = _awaited(mutables.delete_value)
create_feed = _awaited(feeds.create_feed)
load_feed = _awaited(feeds.load_feed)
load_subfeed = _awaited(feeds.load_subfeed)
list_feeds = _awaited(feeds.list_feeds)
get_feed_id = _awaited(feeds.get_feed_id)
delete_feed = _awaited(feeds.delete_feed)
watch_for_new_messages = _awaited(feeds.watch_for_new_messages)
export_feed = _awaited(feed_exports.export_feed)
read_export = _awaited(feed_exports.read_export)
compare_export = _awaited(feed_exports.compare_export)
