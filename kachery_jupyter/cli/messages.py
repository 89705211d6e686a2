"""`kachery feed append`, `cat` and `tail`: messages as JSON, one a line."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from kachery_core.errors import InvalidInputError
from kachery_jupyter.cli.console import count_of
from kachery_jupyter.client.feeds import load_subfeed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from kachery_jupyter.client.subfeeds import Subfeed

_PIECE = 1 << 20
_LONGEST_LINE = 64 * _PIECE
_PAGE = 10_000
_WAIT_MSEC = 20_000
_PLAIN = re.compile(rb"[ -~]*")


# -1 is a message, not an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("uri", metavar="SUBFEED_URI")
@click.argument("message", metavar="[JSON|-]", default="-")
def append(uri: str, message: str) -> None:
    """Append a message, or one for each line of standard input.

    A message is any JSON value; its index is printed. With '-', or without JSON, lines are
    appended as they come, and what has come together is signed together.
    """
    subfeed = load_subfeed(uri)
    if message != "-":
        click.echo(str(subfeed.append_message(_parsed(message, "This message"))))
        return
    count = 0
    for batch in _batches(sys.stdin.buffer):
        count += _append_lines(subfeed, batch, count)
    click.echo(f"Appended {count_of(count, 'message')}.", err=True)


@click.command()
@click.argument("uri", metavar="SUBFEED_URI")
@click.option("--from", "start", type=click.IntRange(min=0), default=0, help="First message.")
@click.option("--to", "end", type=click.IntRange(min=0), help="The message after the last.")
@click.option("--signed", is_flag=True, help="With index, the writer's time, and chain entry.")
def cat(uri: str, start: int, end: int | None, *, signed: bool) -> None:
    """Write messages to standard output, verified, one a line.

    Arrays and bytes in messages are shown as the URIs they are kept under.
    """
    _write_messages(load_subfeed(uri), start, end, signed=signed)


@click.command()
@click.argument("uri", metavar="SUBFEED_URI")
@click.option("-n", "count", type=click.IntRange(min=0), default=10, show_default=True)
@click.option("--follow", "-f", is_flag=True, help="Go on as messages come, until Ctrl-C.")
def tail(uri: str, count: int, *, follow: bool) -> None:
    """Write the last messages to standard output, and with --follow those to come."""
    subfeed = load_subfeed(uri)
    position = len(subfeed)
    _write_messages(subfeed, max(position - count, 0), position, signed=False)
    while follow:
        payloads = subfeed.payloads(position, position + _PAGE, _WAIT_MSEC)
        _write_lines(payloads)
        position += len(payloads)


def _write_messages(subfeed: Subfeed, start: int, end: int | None, *, signed: bool) -> None:
    """Write a range of messages, a page at a time."""
    while end is None or start < end:
        last = start + _PAGE if end is None else min(start + _PAGE, end)
        payloads = subfeed.payloads(start, last)
        if not payloads:
            return
        _write_lines(_signed(subfeed, start, payloads) if signed else payloads)
        start += len(payloads)


def _signed(subfeed: Subfeed, start: int, payloads: list[bytes]) -> Iterator[bytes]:
    """Messages with what proves them, the messages themselves as they were written."""
    subfeed.set_position(start)
    found = subfeed.get_next_messages(0, signed=True, max_num_messages=len(payloads))
    for one, payload in zip(found, payloads, strict=True):
        one["body"]["message"] = json.loads(payload)
        yield json.dumps(one, separators=(",", ":")).encode()


def _write_lines(payloads: Iterable[bytes]) -> None:
    output = sys.stdout.buffer
    for payload in payloads:
        output.write(_one_line(payload))
        output.write(b"\n")
    output.flush()


def _one_line(payload: bytes) -> bytes:
    """JSON on one line that neither breaks it nor plays with the terminal."""
    if _PLAIN.fullmatch(payload):
        return payload
    text = json.dumps(json.loads(payload), separators=(",", ":"), ensure_ascii=False)
    return "".join(
        letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text
    ).encode()


def _batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a stream, as many at a time as have come."""
    rest = b""
    while piece := stream.read1(_PIECE):  # type: ignore[attr-defined]
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise InvalidInputError("A line of standard input is too long for a message.")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _append_lines(subfeed: Subfeed, lines: list[bytes], before: int) -> int:
    """Append what is on these lines; how many messages that is.

    Raises:
        InvalidInputError: a line is not JSON. The lines before it were appended.
    """
    messages: list[Any] = []
    try:
        for line in lines:
            if line.strip():
                messages.append(_parsed(line, f"Message {before + len(messages) + 1} of the input"))
    finally:
        if messages:
            subfeed.append_messages(messages)
    return len(messages)


def _parsed(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InvalidInputError(
            f"{what} is not JSON: {problem}.",
            hint="""For example '{"n": 1}', '[1, 2]' or '"text"', the quotes included.""",
        ) from problem
