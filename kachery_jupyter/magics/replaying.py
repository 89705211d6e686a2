"""What a cell prints and shows: kept while it runs, shown again later."""

from __future__ import annotations

import base64
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

_MOST_BYTES = 10_000_000
# A widget lives in its kernel; what it looks like without one is shown again.
_LIVING = ("application/vnd.jupyter.widget-view+json",)
_BASE64 = "base64:"
_TEXT = "text:"

# {"stream": name, "text"} or {"data", "metadata"}: plain JSON values.
Event = dict[str, Any]


class Recorder:
    """Keeps what is printed and shown, which goes on to where it would go anyway.

    Attributes:
        events: in their order.
        is_cut: whether there was more than is kept.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self.events: list[Event] = []
        self.is_cut = False
        self._bytes = 0
        self._is_paused = False
        self._by_id: dict[str, Event] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep what happens within the block, in this thread and others."""
        publisher = self._shell.display_pub
        before = sys.stdout, sys.stderr, publisher.publish
        own = vars(publisher).get("publish")  # of another recorder, around this one
        sys.stdout, sys.stderr = (
            _Copied(before[0], self, "stdout"),
            _Copied(before[1], self, "stderr"),
        )
        publisher.publish = self._publishing(before[2])
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before[:2]
            if own is None:
                del publisher.publish  # its class has it
            else:
                publisher.publish = own

    def show_result(self, value: Any) -> None:
        """Show the value of the last expression, as a cell does."""
        if value is not None:
            data, metadata = self._shell.display_formatter.format(value)
            self._keep({"data": _plain(data), "metadata": metadata})
        with self._paused():
            sys.displayhook(value)

    def printed(self, stream: str, text: str) -> None:
        """Something was printed."""
        if self._is_paused or self._is_full(len(text)):
            return
        last = self.events[-1] if self.events else {}
        if last.get("stream") == stream:
            last["text"] += text
        else:
            self.events.append({"stream": stream, "text": text})

    def _publishing(self, publish: Any) -> Any:
        def publish_and_keep(
            data: Any,
            metadata: Any = None,
            *,
            transient: Any = None,
            update: bool = False,
            **more: Any,
        ) -> None:
            self._note(data, metadata or {}, (transient or {}).get("display_id"), update=update)
            with self._paused():
                publish(data, metadata or {}, transient=transient, update=update, **more)

        return publish_and_keep

    def _note(self, data: Any, metadata: Any, display_id: str | None, *, update: bool) -> None:
        event = {"data": _plain(data), "metadata": metadata}
        if display_id is not None and update:
            self._by_id.get(display_id, {}).update(event)
            return
        if display_id is not None:
            self._by_id[display_id] = event
        self._keep(event)

    def _keep(self, event: Event) -> None:
        size = sum(len(str(value)) for value in event["data"].values())
        if event["data"] and not self._is_full(size):
            self.events.append(event)

    def _is_full(self, more: int) -> bool:
        self._bytes += more
        self.is_cut = self.is_cut or self._bytes > _MOST_BYTES
        return self.is_cut

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Shells without a front end print what they show: that is not another event."""
        before, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = before


def replay(shell: InteractiveShell, events: list[Event]) -> None:
    """Show again what a cell printed and showed."""
    publisher: Any = shell.display_pub
    for event in events:
        if "stream" in event:
            stream = sys.stderr if event["stream"] == "stderr" else sys.stdout
            stream.write(event["text"])
            stream.flush()
        else:
            publisher.publish(data=_unplain(event["data"]), metadata=event["metadata"])


class _Copied:
    """A stream that is also heard by a recorder."""

    def __init__(self, stream: TextIO, recorder: Recorder, name: str) -> None:
        self._stream = stream
        self._recorder = recorder
        self._name = name

    def write(self, text: str) -> int:
        self._recorder.printed(self._name, text)
        return self._stream.write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """A mime bundle as JSON values; bytes and text are told apart by a mark."""
    plain: dict[str, Any] = {}
    for mimetype, value in data.items():
        if mimetype in _LIVING:
            continue
        if isinstance(value, bytes):
            plain[mimetype] = _BASE64 + base64.b64encode(value).decode()
        else:
            plain[mimetype] = _TEXT + value if isinstance(value, str) else value
    return plain


def _unplain(data: dict[str, Any]) -> dict[str, Any]:
    return {mimetype: _unmarked(value) for mimetype, value in data.items()}


def _unmarked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith(_BASE64):
        return base64.b64decode(value[len(_BASE64) :])
    return value[len(_TEXT) :]
