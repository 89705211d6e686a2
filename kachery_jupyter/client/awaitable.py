"""The public functions as coroutines: each runs in a thread, so that the caller's loop goes on.

To cancel one is to hang up: the node stops what it was doing for it.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kachery_jupyter.client import (
    batches,
    explaining,
    feed_exports,
    feeds,
    folders,
    holdings,
    loading,
    mutables,
    previews,
    storing,
)
from kachery_jupyter.client.stopping import Stopper, stopped_by

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_P = ParamSpec("_P")
_T = TypeVar("_T")


def make_awaitable(function: Callable[_P, _T]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """The same function, to be awaited."""

    @functools.wraps(function)
    async def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        stopper = Stopper()
        try:
            with stopped_by(stopper):
                return await asyncio.to_thread(function, *args, **kwargs)
        except asyncio.CancelledError:
            stopper.stop()
            raise

    return call


store_text = make_awaitable(storing.store_text)
store_json = make_awaitable(storing.store_json)
store_object = make_awaitable(storing.store_object)
store_npy = make_awaitable(storing.store_npy)
store_pkl = make_awaitable(storing.store_pkl)
store_bytes = make_awaitable(storing.store_bytes)
store_file = make_awaitable(storing.store_file)
store_many = make_awaitable(storing.store_many)
link_file = make_awaitable(storing.link_file)
store_dir = make_awaitable(folders.store_dir)
load_dir = make_awaitable(folders.load_dir)
list_dir = make_awaitable(folders.list_dir)
load_text = make_awaitable(loading.load_text)
load_json = make_awaitable(loading.load_json)
load_object = make_awaitable(loading.load_object)
load_npy = make_awaitable(loading.load_npy)
load_pkl = make_awaitable(loading.load_pkl)
load_bytes = make_awaitable(loading.load_bytes)
load_file = make_awaitable(loading.load_file)
load_many = make_awaitable(batches.load_many)
open = make_awaitable(loading.open_content)  # noqa: A001 - kc.open, as in `io.open`
exists = make_awaitable(loading.exists)
explain = make_awaitable(explaining.explain)
info = make_awaitable(holdings.info)
preview = make_awaitable(previews.preview)
list_files = make_awaitable(holdings.list_files)
remove = make_awaitable(holdings.remove)
restore = make_awaitable(holdings.restore)
pin = make_awaitable(holdings.pin)
unpin = make_awaitable(holdings.unpin)
gc = make_awaitable(holdings.gc)
fsck = make_awaitable(holdings.fsck)
get_node_id = make_awaitable(holdings.get_node_id)
get = make_awaitable(mutables.get_value)
set = make_awaitable(mutables.set_value)  # noqa: A001 - kc.set, as kachery has it
get_string = make_awaitable(mutables.get_string)
delete = make_awaitable(mutables.delete_value)
create_feed = make_awaitable(feeds.create_feed)
load_feed = make_awaitable(feeds.load_feed)
load_subfeed = make_awaitable(feeds.load_subfeed)
list_feeds = make_awaitable(feeds.list_feeds)
get_feed_id = make_awaitable(feeds.get_feed_id)
delete_feed = make_awaitable(feeds.delete_feed)
watch_for_new_messages = make_awaitable(feeds.watch_for_new_messages)
export_feed = make_awaitable(feed_exports.export_feed)
read_export = make_awaitable(feed_exports.read_export)
compare_export = make_awaitable(feed_exports.compare_export)
