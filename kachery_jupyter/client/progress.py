"""A bar for whatever takes longer than a second: a widget in notebooks, text in terminals.

Nowhere else: nobody looks at a file.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")
_PATIENCE_SECONDS = 1.0
_BYTES = {"unit": "B", "unit_scale": True}


class _Bar:
    """Counts; shows itself once it has taken long enough and is not nearly done.

    Args:
        total: how many bytes or things there will be; 0 if nobody knows yet.
        title: what is done.
        look: how the bar is to be shown, in tqdm's words.
    """

    def __init__(self, total: int, title: str, look: dict[str, Any]) -> None:
        self._look = look
        self._total = total
        self._title = title
        self._done = 0
        self._show_at = time.monotonic() + _PATIENCE_SECONDS
        self._shown: Any = None

    def advance(self, count: int) -> None:
        self._done += count
        if self._shown is not None:
            self._shown.update(count)
        elif time.monotonic() > self._show_at and self._done != self._total:
            self._shown = _tqdm()(
                total=self._total or None,
                initial=self._done,
                desc=self._title,
                leave=False,
                **self._look,
            )

    def reach(self, done: int, total: int) -> None:
        """Be at a number of bytes out of a number that may have become known just now."""
        if self._shown is not None and total != self._total:
            self._shown.total = total
            if hasattr(self._shown, "container"):
                # In notebooks the bar is a widget, which has an end of its own.
                self._shown.container.children[1].max = total
        self._total = total
        self.advance(done - self._done)

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()


def progress(items: Iterable[_T], title: str = "", total: int | None = None) -> Iterator[_T]:
    """Go through things with a bar, once it takes longer than a second.

    Args:
        items: what to go through.
        title: what is done.
        total: how many there are, if their own length does not say.

    Example:
        >>> for uri in kc.progress(uris, "Comparing"):
        ...     compare(kc.load_npy(uri))
    """
    if total is None:
        total = len(items) if isinstance(items, Sized) else 0
    with _bar(total, title, {}) as bar:
        for item in items:
            yield item
            if bar is not None:
                bar.advance(1)


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None] | None]:
    """A function to call with every count of bytes done; None where nobody would see a bar."""
    with _bar(total, title, _BYTES) as bar:
        yield None if bar is None else bar.advance


@contextmanager
def reaching_bar(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """The same where somebody else counts: a function to call with bytes done and their total."""
    with _bar(0, title, _BYTES) as bar:
        yield None if bar is None else bar.reach


@contextmanager
def _bar(total: int, title: str, look: dict[str, Any]) -> Iterator[_Bar | None]:
    if not (_is_notebook() or _is_terminal()):
        yield None
        return
    bar = _Bar(total, title, look)
    try:
        yield bar
    finally:
        bar.close()


def _tqdm() -> Any:
    if _is_notebook():
        from tqdm.notebook import tqdm as in_notebook  # type: ignore[import-untyped] # noqa: PLC0415 - half a second

        return in_notebook
    from tqdm import tqdm  # type: ignore[import-untyped] # noqa: PLC0415 - only when there is something to show

    return tqdm


def _is_notebook() -> bool:
    return "ipykernel.kernelapp" in sys.modules


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
