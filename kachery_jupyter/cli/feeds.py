"""`kachery feed`: make feeds, look at them, keep copies with proof, end them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kachery_core.errors import FeedNotFoundError, UnavailableError
from kachery_core.feeds import FeedUri, is_feed_uri, parse_feed_uri, subfeed_label
from kachery_jupyter.cli import messages
from kachery_jupyter.cli.console import count_of, printable, shown_time
from kachery_jupyter.client import feed_exports, feeds
from kachery_jupyter.client.feed_html import feed_state

if TYPE_CHECKING:
    from kachery_core.wire.feeds import FeedInfo
    from kachery_jupyter.client.feeds import Feed

_FEED = click.argument("feed_name", metavar="URI|NAME")


@click.group()
def feed() -> None:
    """Write and follow feeds: signed logs that anybody can verify."""


feed.add_command(messages.append)
feed.add_command(messages.cat)
feed.add_command(messages.tail)


@feed.command()
@click.argument("name", required=False)
def create(name: str | None) -> None:
    """Make a feed and print its URI.

    NAME is what you call it on this computer. A subfeed is the feed's URI and a name:
    feed://.../main
    """
    click.echo(feeds.create_feed(name).uri)


@feed.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
def ls(*, as_json: bool) -> None:
    """List the feeds of this node, the newest first."""
    found = feeds.list_feeds()
    if as_json:
        click.echo(json.dumps([_facts_of_feed(one) for one in found]))
        return
    for one in found:
        facts = (one.uri, shown_time(one.created_at), f"{feed_state(one):9}")
        click.echo("  ".join((*facts, printable(one.name or ""))).rstrip())


@feed.command()
@_FEED
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(feed_name: str, *, as_json: bool) -> None:
    """Show a feed and its subfeeds."""
    facts = _facts_of_info(_load(feed_name).describe())
    if as_json:
        click.echo(json.dumps(facts))
        return
    for key in ("uri", "name", "created", "writeable", "retired"):
        click.echo(f"{key:9}  {_shown_fact(facts[key])}")
    for one in facts["subfeeds"]:
        click.echo(f"{one['uri']}  {count_of(one['messages'], 'message')}")


@feed.command()
@_FEED
@click.argument("path", metavar="FILE")
def export(feed_name: str, path: str) -> None:
    """Write a feed to one file, with what proves it.

    `kachery feed verify` checks the file anywhere, without a node.
    """
    click.echo(str(feed_exports.export_feed(_load(feed_name).uri, path)))


@feed.command()
@click.argument("path", metavar="FILE")
def verify(path: str) -> None:
    """Check an exported feed, and compare it with the one on this node.

    Checking needs no node. If there is one and it has the feed, a second history of it is
    reported, and the node keeps the proof.
    """
    subfeeds = feed_exports.read_export(path)
    with Path(path).open("rb") as file:
        identity = json.loads(file.readline())["feed"]
    count = sum(map(len, subfeeds.values()))
    click.echo(
        f"{FeedUri(identity)}: {count_of(count, 'message')}"
        f" in {count_of(len(subfeeds), 'subfeed')}, signed by the feed's writer."
    )
    try:
        feed_exports.compare_export(path)
    except (FeedNotFoundError, UnavailableError) as problem:
        click.echo(f"Not compared with a node: {problem.message}", err=True)
    else:
        click.echo("The feed on this node is the same, as far as both go.")


@feed.command()
@_FEED
@click.option("--successor", metavar="URI", help="The feed that follows.")
@click.option("--reason", default="", help="For readers.")
def retire(feed_name: str, successor: str | None, reason: str) -> None:
    """Accept no more messages for a feed, for ever; they stay readable."""
    if successor is not None:
        successor = str(parse_feed_uri(successor))
    one = _load(feed_name)
    one.retire(successor, reason)
    click.echo(f"retired {one.uri}", err=True)


@feed.command()
@_FEED
@click.option("--yes", is_flag=True, help="Do it.")
def delete(feed_name: str, *, yes: bool) -> None:
    """Delete a feed with its key and its messages.

    Without its key nobody can ever append to it again; `kachery feed retire` ends a feed and
    keeps what is in it.
    """
    one = _load(feed_name)
    if not yes:
        raise click.UsageError(f"This deletes the key of {one.uri} for ever. Repeat with --yes.")
    one.delete()
    click.echo(f"deleted {one.uri}", err=True)


def _load(text: str) -> Feed:
    """A feed by its name, its URI or that of one of its subfeeds."""
    return feeds.load_feed(str(FeedUri(parse_feed_uri(text).feed)) if is_feed_uri(text) else text)


def _facts_of_feed(one: Feed) -> dict[str, Any]:
    return {
        "uri": one.uri,
        "name": one.name,
        "created": None if one.created_at is None else one.created_at.isoformat(),
        "writeable": bool(one.is_writeable),
        "retired": one.retired,
        "copy": bool(one.is_copy),
    }


def _facts_of_info(info: FeedInfo) -> dict[str, Any]:
    subfeeds = []
    for one in info.subfeeds:
        label = f"~{one.subfeed}" if one.name is None else subfeed_label(one.name)
        uri = str(FeedUri(info.feed, label))
        subfeeds.append({"uri": uri, "name": one.name, "messages": one.length})
    return _facts_of_feed(feeds.Feed(info)) | {"subfeeds": subfeeds}


def _shown_fact(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        successor = f"; its successor is {value['successor']}" if value["successor"] else ""
        return printable(f"{value['reason'] or 'yes'}{successor}")
    return printable(str(value or "-"))
