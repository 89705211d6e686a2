"""Content that is not here: the node fetches it from the channels, this program waits and watches.

Nothing of it passes through this program: once the node has it, it is read where it lies, and
verified again. Leaving while it runs (Ctrl-C, a cancelled coroutine) closes the connection, and
the node stops unless somebody else waits for the same content.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kachery_core.errors import DaemonNotRunningError, EndpointNotFoundError, error_from_wire
from kachery_jupyter.client.connection import current_place, forget_place
from kachery_jupyter.client.node import wrong_daemon
from kachery_jupyter.client.progress import reaching_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kachery_core.uris import ContentUri
    from kachery_jupyter.client.node import Door

    Report = Callable[[int, int], None] | None

# What one question to the node may name.
_MOST_AT_ONCE = 1000
_log = logging.getLogger("kachery_jupyter")
_hinted = False


def fetch(wanted: Sequence[ContentUri], channel: str | None = None, title: str = "") -> list[bool]:
    """Have the node bring contents here.

    Args:
        wanted: content or listings, not files within folders.
        channel: the only one to ask; all that this node may request files on if None.
        title: what to call it in the progress bar.

    Returns:
        For each whether it is here now; all False where there is no node.

    Raises:
        HubUnreachableError: something was not found, and a channel could not be asked.
        NoProviderError: something was not found, and somebody who may have it did not answer.
        RoleMissingError: the node may not request files on any channel.
        ChannelNotFoundError: the node is not a member of that channel.
        UnavailableError: providers were found, and failed.
    """
    node = current_place().node
    if node is None:
        return [False] * len(wanted)
    found: list[bool] = []
    with reaching_bar(f"Fetching {title or shown_name(wanted)}") as report:
        course = _Course(report)
        for start in range(0, len(wanted), _MOST_AT_ONCE):
            some = wanted[start : start + _MOST_AT_ONCE]
            try:
                found += _fetch_some(node.door, some, channel, course)
            except DaemonNotRunningError:
                # It may have been started again elsewhere: the next load looks for it.
                forget_place()
                raise
            course.go_on()
    return found


class _Course:
    """How far several questions, one after the other, have come."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._before = 0
        self._total = 0

    def reach(self, done: int, total: int) -> None:
        """Be somewhere within the present question."""
        self._total = total
        if self._report is not None:
            self._report(self._before + done, self._before + total)

    def go_on(self) -> None:
        """Begin with the next question."""
        self._before += self._total
        self._total = 0


def shown_name(wanted: Sequence[ContentUri]) -> str:
    """What to call contents in a progress bar."""
    if len(wanted) != 1:
        return f"{len(wanted):,} contents"
    # A name may come from anybody: no part of it may move the cursor of a terminal.
    name = "".join(letter for letter in wanted[0].name if letter.isprintable())
    return name[:40] or wanted[0].sha1[:12]


def _fetch_some(
    door: Door, wanted: Sequence[ContentUri], channel: str | None, course: _Course
) -> list[bool]:
    try:
        return _ask_to_fetch(door, wanted, channel, course)
    except EndpointNotFoundError:
        # An older version that was not started again after an upgrade: it has no channels.
        return [False] * len(wanted)


def _ask_to_fetch(
    door: Door, wanted: Sequence[ContentUri], channel: str | None, course: _Course
) -> list[bool]:
    question: dict[str, Any] = {"uris": [_on_wire(parts) for parts in wanted]}
    if channel is not None:
        question["channels"] = [channel]
    with closing(door.stream("/loads", question)) as lines:
        for line in lines:
            match line:
                case {"error": dict(error)}:
                    raise error_from_wire(error)
                case {"done": list(done)} if len(done) == len(wanted):
                    return _told(done, was_asked=bool(line.get("asked")))
                case {"progress": {"done": int(done), "total": int(total)}}:
                    course.reach(done, total)
                case dict() if "done" not in line:
                    continue  # something a later node has to say
                case _:
                    raise wrong_daemon(door.port, "it answers another question than it was asked")
    raise DaemonNotRunningError(
        f"The kachery node at port {door.port} stopped while it was fetching.",
        hint="Start it again (`kachery daemon start`); what it has already is not fetched again.",
        port=door.port,
    )


def _told(done: list[Any], *, was_asked: bool) -> list[bool]:
    if was_asked and not all(done):
        _hint_once()
    return [one is True for one in done]


def _hint_once() -> None:
    """Say once in a program where to look further: None alone says little."""
    global _hinted  # noqa: PLW0603 - once per process
    if not _hinted:
        _hinted = True
        _log.warning("Nobody on the channels has it; `kc.explain(uri)` says where was looked.")


def _on_wire(parts: ContentUri) -> dict[str, str]:
    words = {"sha1": parts.sha1, "name": parts.name}
    return {**words, "manifest": parts.manifest} if parts.manifest else words
