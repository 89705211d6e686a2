"""The public functions as coroutines: each runs in a thread, so that the caller's loop goes on.

To cancel one is to hang up: the node stops what it was doing for it.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kachery_jupyter.client import (
    batches,
    feed_exports,
    feeds,
    folders,
    holdings,
    loading,
    mutables,
    storing,
)
from kachery_jupyter.client.stopping import Stopper, stopped_by

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")


def awaitable(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The same function, to be awaited."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        stopper = Stopper()
        try:
            with stopped_by(stopper):
                return await asyncio.to_thread(function, *args, **kwargs)
        except asyncio.CancelledError:
            stopper.stop()
            raise

    return call


store_text = awaitable(storing.store_text)
store_json = awaitable(storing.store_json)
store_object = awaitable(storing.store_object)
store_npy = awaitable(storing.store_npy)
store_pkl = awaitable(storing.store_pkl)
store_bytes = awaitable(storing.store_bytes)
store_file = awaitable(storing.store_file)
store_many = awaitable(storing.store_many)
link_file = awaitable(storing.link_file)
store_dir = awaitable(folders.store_dir)
load_dir = awaitable(folders.load_dir)
list_dir = awaitable(folders.list_dir)
load_text = awaitable(loading.load_text)
load_json = awaitable(loading.load_json)
load_object = awaitable(loading.load_object)
load_npy = awaitable(loading.load_npy)
load_pkl = awaitable(loading.load_pkl)
load_bytes = awaitable(loading.load_bytes)
load_file = awaitable(loading.load_file)
load_many = awaitable(batches.load_many)
open = awaitable(loading.open_content)  # noqa: A001 - kc.open, as in `io.open`
exists = awaitable(loading.exists)
info = awaitable(holdings.info)
list_files = awaitable(holdings.list_files)
remove = awaitable(holdings.remove)
restore = awaitable(holdings.restore)
pin = awaitable(holdings.pin)
unpin = awaitable(holdings.unpin)
gc = awaitable(holdings.gc)
fsck = awaitable(holdings.fsck)
get_node_id = awaitable(holdings.get_node_id)
get = awaitable(mutables.get_value)
set = awaitable(mutables.set_value)  # noqa: A001 - kc.set, as kachery has it
get_string = awaitable(mutables.get_string)
delete = awaitable(mutables.delete_value)
create_feed = awaitable(feeds.create_feed)
load_feed = awaitable(feeds.load_feed)
load_subfeed = awaitable(feeds.load_subfeed)
list_feeds = awaitable(feeds.list_feeds)
get_feed_id = awaitable(feeds.get_feed_id)
delete_feed = awaitable(feeds.delete_feed)
watch_for_new_messages = awaitable(feeds.watch_for_new_messages)
export_feed = awaitable(feed_exports.export_feed)
read_export = awaitable(feed_exports.read_export)
compare_export = awaitable(feed_exports.compare_export)
