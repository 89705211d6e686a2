"""The commands that store and load: store, load, cat, link, info, ls."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kachery_core.errors import ContentNotFoundError, InvalidRangeError
from kachery_core.uris import parse_content_uri
from kachery_jupyter.cli.console import printable, shown_size, shown_time
from kachery_jupyter.client import folders, holdings, loading, storing
from kachery_jupyter.client.locating import nobody_has

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from kachery_jupyter.client.file_info import FileInfo

_PIECE = 1 << 20
# Standard input up to this size needs no temporary file.
_KEPT_IN_MEMORY = 16 * _PIECE


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--name", help="What the URI calls it, instead of the file's own name.")
def store(paths: tuple[str, ...], name: str | None) -> None:
    """Store files and folders; print the URI of each.

    A PATH of '-' is standard input.
    """
    if name is not None and len(paths) > 1:
        raise click.UsageError("--name goes with one PATH only.")
    for path in paths:
        click.echo(_store_one(path, name))


def _where_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say where to look for what is not here."""
    for option in (
        click.option("--local-only", is_flag=True, help="Ask no other node."),
        click.option("--channel", metavar="NAME", help="The only channel to ask."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("uri")
@click.option("--dest", help="Write a copy here; needed for a folder.")
@_where_options
def load(uri: str, dest: str | None, channel: str | None, *, local_only: bool) -> None:
    """Print the path of a verified copy, or write one with --dest.

    What is not here is fetched from the channels of this node.
    """
    parts = parse_content_uri(uri)
    if parts.is_folder and not parts.path:
        if dest is None:
            raise click.UsageError(
                "A folder needs --dest; `kachery cat` and `kachery ls` look inside without it."
            )
        path: Any = folders.load_dir(uri, dest, channel=channel, local_only=local_only)
    else:
        path = loading.load_file(uri, dest, channel=channel, local_only=local_only)
    if path is None:
        hint = f"`kachery explain {shlex.quote(uri)}` says where was looked."
        raise nobody_has(uri, hint, channel=channel, local_only=local_only)
    click.echo(str(path))


@click.command()
@click.argument("uri")
@click.option("--start", type=click.IntRange(min=0), default=0, help="First byte.")
@click.option("--end", type=click.IntRange(min=0), help="The byte after the last.")
@_where_options
def cat(uri: str, start: int, end: int | None, channel: str | None, *, local_only: bool) -> None:
    """Write content to standard output, verified.

    No byte is written before the part it is in was compared with its digest. Of a large content
    on another node only what is written is fetched.
    """
    parse_content_uri(uri)  # a path is not a URI here, though it is for `kc.open`
    with loading.open_content(uri, channel=channel, local_only=local_only) as content:
        size = content.seek(0, 2)
        last = size if end is None else end
        if not start <= last <= size:
            raise InvalidRangeError(
                f"Bytes {start} to {last} are not within content of {size} bytes.",
                hint=f"Use 0 <= start <= end <= {size}.",
                size=size,
            )
        content.seek(start)
        _copy(content, sys.stdout.buffer, last - start)


@click.command()
@click.argument("path")
@click.option("--name", help="What the URI calls it, instead of the file's own name.")
def link(path: str, name: str | None) -> None:
    """Make a file loadable where it is, without a copy.

    It must not change afterwards: loading it would then be an error.
    """
    click.echo(storing.link_file(path, name))


@click.command()
@click.argument("uri")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(uri: str, *, as_json: bool) -> None:
    """Show what is known of a content."""
    facts = holdings.info(uri)
    if facts is None:
        raise _not_found(uri)
    if as_json:
        click.echo(json.dumps(facts.as_dict()))
        return
    for key, value in facts.as_dict().items():
        click.echo(f"{key:9}  {_shown_fact(key, value)}")


@click.command()
@click.argument("search", default="")
@click.option("--long", "as_table", is_flag=True, help="Size, time and kind as well.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
def ls(search: str, *, as_table: bool, as_json: bool, limit: int) -> None:
    """List what is stored, the newest first.

    All of it, or what has SEARCH in its name, kind or hash.
    """
    entries = holdings.list_files(search, limit)
    if as_json:
        click.echo(json.dumps([entry.as_dict() for entry in entries]))
        return
    for entry in entries:
        click.echo(_long_line(entry) if as_table else entry.uri)
    if len(entries) == limit:
        click.echo(f"Only the newest {limit:,} are shown; see --limit.", err=True)


def _long_line(entry: FileInfo) -> str:
    when = shown_time(entry.stored_at)
    pin = "pinned" if entry.pinned else ""
    return f"{shown_size(entry.size):>9}  {when}  {entry.kind:6}  {pin:6}  {entry.uri}"


def _store_one(path: str, name: str | None) -> str:
    if path == "-":
        return _store_stream(sys.stdin.buffer, name)
    if Path(path).is_dir():
        return folders.store_dir(path, name)
    return storing.store_file(path, name)


def _store_stream(stream: BinaryIO, name: str | None) -> str:
    data = stream.read(_KEPT_IN_MEMORY)
    if len(data) < _KEPT_IN_MEMORY:
        return storing.store_bytes(data, name)
    with tempfile.TemporaryDirectory(prefix="kachery-") as folder:
        path = Path(folder) / (name or "file.dat").replace("/", "_")
        with path.open("wb") as file:
            file.write(data)
            while piece := stream.read(_PIECE):
                file.write(piece)
        return storing.store_file(str(path), name or "file.dat")


def _copy(content: BinaryIO, output: BinaryIO, count: int) -> None:
    while count > 0:
        piece = content.read(min(count, _PIECE))
        output.write(piece)
        count -= len(piece)
    output.flush()


def _shown_fact(key: str, value: Any) -> str:
    if key == "size":
        return f"{value:,} bytes ({shown_size(value)})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = json.dumps(value) if isinstance(value, dict) else str(value or "-")
    return printable(text)


def _not_found(uri: str) -> ContentNotFoundError:
    return ContentNotFoundError(f"{uri} is not in the store.", hint="`kachery ls` lists what is.")
