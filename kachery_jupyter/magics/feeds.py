"""What the verbs of `%kc feed` do."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from kachery_core.errors import KacheryError
from kachery_core.feeds import FeedUri, is_feed_uri, parse_feed_uri, subfeed_label
from kachery_jupyter.client import feeds
from kachery_jupyter.client.feed_html import feed_state, shown_message
from kachery_jupyter.client.subfeeds import Subfeed
from kachery_jupyter.client.tables import Shown

if TYPE_CHECKING:
    from argparse import Namespace

    from kachery_jupyter.client.feeds import Feed

_LISTED = 50
_START = "feed://"


def run_feed_verb(arguments: Namespace, variables: dict[str, Any]) -> Any:
    """Do what a line after `%kc feed` says.

    Args:
        arguments: as parsed.
        variables: of the shell; messages and subfeeds may be named.
    """
    if arguments.feed_verb == "create":
        return feeds.create_feed(arguments.name)
    if arguments.feed_verb == "append":
        return _append(arguments, variables)
    if arguments.feed_verb == "tail":
        return _tail(_subfeed(arguments.uri, variables), arguments.count)
    return _ls()


def complete_feed(fragment: str) -> list[str]:
    """URIs that begin with a fragment, or whose feed's name does: feeds, then their subfeeds."""
    try:
        if is_feed_uri(fragment) and "/" in fragment[len(_START) :]:
            found = _subfeed_uris(feeds.load_feed(f"{_START}{parse_feed_uri(fragment).feed}"))
        else:
            found = [
                f"{one.uri}/"
                for one in feeds.list_feeds()
                if one.uri.startswith(fragment)
                or _START.startswith(fragment)
                or (one.name or "").startswith(fragment)
            ]
    except KacheryError:
        # Nothing to offer without a node; running the line will say why.
        return []
    by_name = not is_feed_uri(fragment)
    return [uri for uri in found if by_name or uri.startswith(fragment)]


def _append(arguments: Namespace, variables: dict[str, Any]) -> int:
    """Append a variable or a JSON value; its index."""
    text: str = arguments.message
    if text in variables:
        message = variables[text]
    else:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise UsageError(
                f"{text[:100]!r} is neither a variable nor JSON. Try `%kc help`."
            ) from problem
    return _subfeed(arguments.uri, variables).append_message(message)


def _tail(subfeed: Subfeed, count: int) -> Shown:
    """The last messages, with the writer's times."""
    length = len(subfeed)
    first = max(length - count, 0)
    payloads = subfeed.payloads(first, length)
    reader = feeds.load_subfeed(subfeed.uri, first)
    signed = reader.get_next_messages(0, signed=True, max_num_messages=count) if payloads else []
    return Shown(
        ("index", "time", "message"),
        [
            (str(index), _moment(one["body"].get("timestamp")), shown_message(payload))
            for index, (one, payload) in enumerate(zip(signed, payloads, strict=False), first)
        ],
    )


def _ls() -> Shown:
    rows = []
    for one in feeds.list_feeds()[:_LISTED]:
        created = "" if one.created_at is None else f"{one.created_at.astimezone():%Y-%m-%d %H:%M}"
        rows.append((one.uri, one.name or "", created, feed_state(one)))
    return Shown(("uri", "name", "created", ""), rows)


def _subfeed(word: str, variables: dict[str, Any]) -> Subfeed:
    """A subfeed by its URI, or the variable that holds it."""
    value = variables.get(word, word)
    if isinstance(value, Subfeed):
        return value
    return feeds.load_subfeed(value if isinstance(value, str) else word)


def _subfeed_uris(feed: Feed) -> list[str]:
    return [
        str(
            FeedUri(
                feed.feed_id, f"~{one.subfeed}" if one.name is None else subfeed_label(one.name)
            )
        )
        for one in feed.describe().subfeeds
    ]


def _moment(milliseconds: Any) -> str:
    if not isinstance(milliseconds, int | float):
        return ""
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"
