"""A feed in one file, with what proves it: for archives, and to be checked anywhere, offline.

The file is a line of JSON, `{"kachery_feed_export": 1, "feed", "retired", "subfeeds": [{"subfeed",
"name", "length", "bytes"}]}`, and after it the batches of each subfeed in that order.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import InvalidInputError, MalformedContentError, PathNotFoundError
from kachery_core.feeds import parse_feed_uri, subfeed_hash
from kachery_core.messages import Head, SubfeedKey, check_run, outline_batches
from kachery_core.wire.feeds import FeedId, FeedInfo, SubfeedHash
from kachery_jupyter.client.destinations import writing_whole
from kachery_jupyter.client.line import ask_patiently
from kachery_jupyter.client.payloads import decode_messages
from kachery_jupyter.client.readers import VerifiedReader
from kachery_store.disk import write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_core.wire.feeds import SubfeedInfo

# And one more group of appends: the node takes 96 MiB of JSON.
_COMPARED_BYTES = 8 << 20


class ExportedSubfeed(msgspec.Struct, frozen=True):
    """One subfeed in an export: its hash and name, its messages and their bytes."""

    subfeed: SubfeedHash
    name: Any
    length: int
    bytes: int


class Export(msgspec.Struct, frozen=True):
    """The first line of an export."""

    feed: FeedId
    subfeeds: list[ExportedSubfeed]
    retired: dict[str, Any] | None = None
    kachery_feed_export: int = 1


def export_feed(feed_uri: str, dest: str | Path) -> Path:
    """Write a feed with all its messages and signatures to one file.

    Args:
        feed_uri: the feed, or one of its subfeeds.
        dest: the file to write; whole or absent.

    Returns:
        The path of the file.
    """
    reply = ask_patiently(f"/feeds/{parse_feed_uri(feed_uri).feed}", method="GET")
    info = msgspec.json.decode(reply.body, type=FeedInfo)
    if info.legacy:
        raise InvalidInputError(
            f"{feed_uri} was written by an old kachery daemon, which signed each message alone;"
            " an export has no form for that.",
            hint="Read it with kc.load_subfeed; its file, feeds.db, can be copied as it is.",
        )
    runs = [(one, _all_batches(info.feed, one)) for one in info.subfeeds]
    head = Export(
        info.feed,
        [ExportedSubfeed(one.subfeed, one.name, _length(run), len(run)) for one, run in runs],
        info.retired,
    )
    with writing_whole(Path(dest)) as descriptor:
        for part in (msgspec.json.encode(head) + b"\n", *(run for _, run in runs)):
            write_all(descriptor, memoryview(part))
    return Path(dest)


def read_export(path: str | Path) -> dict[str, list[Any]]:
    """The messages in an exported file, by subfeed, each verified; needs no node.

    Raises:
        UntrustworthyError: the file is not what the feed's writer signed.
        MalformedContentError: not an export.
    """
    messages = {}
    for key, one, run in _exported(Path(path)):
        batches = check_run(key, Head(), run)
        if (batches[-1].head.length if batches else 0) != one.length:
            raise MalformedContentError(f"The export says {one.length} messages and has others.")
        label = one.name if isinstance(one.name, str) else json.dumps(one.name)
        messages[label] = decode_messages([p for batch in batches for p in batch.payloads])
    return messages


def compare_export(path: str | Path) -> int:
    """Compare an exported file with the same feed on this node.

    Returns:
        How many messages of the file were compared.

    Raises:
        FeedForkedError: they are two histories; the proof is kept by the node, for ever.
        FeedNotFoundError: the feed is not on this node.
        UntrustworthyError: the file is not what the feed's writer signed.
    """
    compared = 0
    for key, one, run in _exported(Path(path)):
        check_run(key, Head(), run)
        for before, part in _pieces(run):
            request = {
                "feed": key.feed,
                "subfeed": key.subfeed,
                "before_length": before.length,
                "before_entry": before.entry.hex(),
                "run": base64.b64encode(part).decode(),
            }
            ask_patiently("/messages/compare", json.dumps(request).encode())
        compared += one.length
    return compared


def _length(run: bytes) -> int:
    """How many messages are in a run; what was appended meanwhile is with them."""
    return max((outline.head.length for outline in outline_batches(run)), default=0)


def _all_batches(feed: str, one: SubfeedInfo) -> bytes:
    return b"".join(VerifiedReader(SubfeedKey(feed, one.subfeed)).runs(one.length))


def _exported(path: Path) -> Iterator[tuple[SubfeedKey, ExportedSubfeed, bytes]]:
    """Each subfeed of an export and its batches, not yet checked."""
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
        head = msgspec.json.decode(first, type=Export)
    except FileNotFoundError as problem:
        raise PathNotFoundError(f"There is no file {path}.") from problem
    except (OSError, msgspec.MsgspecError) as problem:
        raise MalformedContentError(f"{path} is not an exported feed: {problem}.") from problem
    if sum(one.bytes for one in head.subfeeds) != len(rest):
        raise MalformedContentError(f"{path} is not whole.", hint="Export the feed again.")
    start = 0
    for one in head.subfeeds:
        if one.name is not None and subfeed_hash(one.name) != one.subfeed:
            raise MalformedContentError(
                f"{one.name!r:.100} is not the name of a subfeed in {path}."
            )
        yield SubfeedKey(head.feed, one.subfeed), one, rest[start : start + one.bytes]
        start += one.bytes


def _pieces(run: bytes) -> Iterator[tuple[Head, bytes]]:
    """A run in parts the node takes, each up to a signed batch, with the head before it."""
    before = after = Head()
    start = 0
    for outline in outline_batches(run):
        if not outline.is_signed:
            continue
        after = outline.head
        if outline.end - start >= _COMPARED_BYTES or outline.end == len(run):
            yield before, run[start : outline.end]
            before, start = after, outline.end
