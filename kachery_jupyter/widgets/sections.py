"""The tabs of the browser: files, feeds, channels."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from typing_extensions import override

from kachery_core.feeds import FeedUri, subfeed_label
from kachery_jupyter.client import belonging, feeds, holdings
from kachery_jupyter.client.feed_html import feed_state, one_line, subfeed_html
from kachery_jupyter.client.file_info import size_text
from kachery_jupyter.client.origins import origin_text
from kachery_jupyter.client.previews import preview
from kachery_jupyter.widgets.section import Item, Section, code_html

if TYPE_CHECKING:
    from kachery_jupyter.client.belonging import Channel
    from kachery_jupyter.client.feeds import Feed
    from kachery_jupyter.client.file_info import FileInfo

# `feed://` and the 64 digits of the key.
_FEED_URI = 71
_MOST_FILES = 500
_MOST_SUBFEEDS = 1000
_LOADERS = {
    "folder": "list_dir",
    "json": "load_json",
    "npy": "load_npy",
    "pkl": "load_pkl",
    "text": "load_text",
}


class Files(Section):
    """What is stored here, the newest first."""

    title = "Files"
    empty = "Nothing is stored here yet: kc.store_npy(x) stores an array."

    def find(self, search: str) -> tuple[list[Item], str]:
        """Contents whose name, kind or hash has a text in it."""
        found = holdings.list_files(search, _MOST_FILES)
        said = f"The newest {len(found)}; search for others." if len(found) == _MOST_FILES else ""
        if search and not found:
            said = f"Nothing here is called {search!r}."
        return [
            Item(_file_label(one), one.uri, {"type": "file", **one.chip()}) for one in found
        ], said

    def describe(self, item: Item) -> str:
        """How it looks, what loads it and where it comes from."""
        kind, name = str(item.facts["kind"]), str(item.facts["name"])
        shown = preview(item.uri, name, kind)._repr_html_()
        loader = _LOADERS.get(kind, "load_file")
        facts = holdings.info(item.uri)
        origin = "" if facts is None else origin_text(facts.origin)
        source = f"<div>from {escape(one_line(origin))}</div>" if origin else ""
        return code_html(f'x = kc.{loader}("{item.uri}")') + source + shown


class Feeds(Section):
    """The feeds of this node and its copies of others', each with its subfeeds."""

    title = "Feeds"
    empty = "There is no feed yet: kc.create_feed() makes one."

    def __init__(self) -> None:
        self._opened = ""
        super().__init__()

    def find(self, search: str) -> tuple[list[Item], str]:
        """Feeds whose name or URI has a text in it, and the subfeeds of the one that is open."""
        items: list[Item] = []
        for one in feeds.list_feeds():
            if search.lower() not in f"{one.name or ''} {one.uri}".lower():
                continue
            facts = {"type": "feed", "uri": one.uri, "name": one.name or ""}
            items.append(Item(_feed_label(one), one.uri, facts))
            if one.uri == self._opened:
                items += _subfeeds(one)
        return items, ""

    def describe(self, item: Item) -> str:
        """Of a feed what is known of it, of a subfeed its last messages."""
        if item.facts["type"] == "subfeed":
            subfeed = feeds.load_feed(str(item.facts["feed"])).load_subfeed(item.facts["name"])
            return code_html(f'feed = kc.load_subfeed("{item.uri}")') + subfeed_html(subfeed)
        feed = feeds.load_feed(item.uri)
        return code_html(f'feed = kc.load_feed("{item.uri}")') + feed._repr_html_()

    @override
    def _show(self, uri: str | None) -> None:
        feed = (uri or "")[:_FEED_URI]
        if feed and feed != self._opened:
            self._opened = feed
            self.refresh()  # it comes back here, with the subfeeds listed
        else:
            super()._show(uri)


class Channels(Section):
    """The channels of this node."""

    title = "Channels"
    empty = "This node is in no channel: kc.channels.join(invitation), or kc.channels.create."

    def find(self, search: str) -> tuple[list[Item], str]:
        """Channels whose name has a text in it."""
        found = [one for one in belonging.ls() if search.lower() in one.name.lower()]
        return [
            Item(
                _channel_label(one),
                one.channel_id,
                {"type": "channel", "name": one.name, "id": one.channel_id, "state": one.state},
            )
            for one in found
        ], ""

    def describe(self, item: Item) -> str:
        """What this node may do there, and who else is there."""
        channel = next((one for one in belonging.ls() if one.channel_id == item.uri), None)
        if channel is None:
            return "<div>This node is not in that channel any more.</div>"
        members = "".join(
            f"<li>{escape(one_line(one.name or one.node_id[:16]))}"
            f"{' (present)' if one.is_present else ''}: {escape(' '.join(one.roles))}</li>"
            for one in belonging.members(channel.channel_id)
        )
        return f"{channel._repr_html_()}<ul>{members}</ul>"


def _file_label(one: FileInfo) -> str:
    moment = f"{one.stored_at.astimezone():%Y-%m-%d %H:%M}" if one.stored_at else ""
    return f"{one.name or one.sha1[:12]}   {one.kind}   {size_text(one.size)}   {moment}"


def _feed_label(one: Feed) -> str:
    return "   ".join(filter(None, (one.name or f"{one.uri[:23]}…", feed_state(one))))


def _channel_label(one: Channel) -> str:
    owner = "owner" if one.is_owner else ""
    others = f"{one.present} other{'' if one.present == 1 else 's'} present"
    return "   ".join(filter(None, (one.name, one.state, owner, others)))


def _subfeeds(feed: Feed) -> list[Item]:
    items = []
    for one in feed.describe().subfeeds[:_MOST_SUBFEEDS]:
        name = f"~{one.subfeed}" if one.name is None else one.name
        label = name if isinstance(name, str) else json.dumps(name)
        path = f"~{one.subfeed}" if one.name is None else subfeed_label(one.name)
        uri = str(FeedUri(feed.feed_id, path))
        facts = {
            "type": "subfeed",
            "uri": uri,
            "feed": feed.uri,
            "name": name,
            "length": one.length,
        }
        items.append(Item(f"      {label}   {one.length:,} messages", uri, facts))
    return items
