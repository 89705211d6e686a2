"""A bar for whatever takes longer than a second: in terminals and notebooks, nowhere else."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE_SECONDS = 1.0


class _Bar:
    """Counts bytes; shows itself once it has taken long enough and is not nearly done.

    Args:
        total: bytes there will be; 0 if nobody knows yet.
        title: what is done.
    """

    def __init__(self, total: int, title: str) -> None:
        self._total = total
        self._title = title
        self._done = 0
        self._show_at = time.monotonic() + _PATIENCE_SECONDS
        self._shown: Any = None

    def advance(self, count: int) -> None:
        self._done += count
        if self._shown is not None:
            self._shown.update(count)
        elif time.monotonic() > self._show_at and self._done < self._total:
            self._shown = _tqdm()(
                total=self._total,
                initial=self._done,
                desc=self._title,
                unit="B",
                unit_scale=True,
                leave=False,
            )

    def reach(self, done: int, total: int) -> None:
        """Be at a number of bytes out of a number that may have become known just now."""
        self._total = total
        if self._shown is not None:
            self._shown.total = total
        self.advance(done - self._done)

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None] | None]:
    """A function to call with every count of bytes done; None where nobody would see a bar."""
    with _bar(total, title) as bar:
        yield None if bar is None else bar.advance


@contextmanager
def reaching_bar(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """The same where somebody else counts: a function to call with bytes done and their total."""
    with _bar(0, title) as bar:
        yield None if bar is None else bar.reach


@contextmanager
def _bar(total: int, title: str) -> Iterator[_Bar | None]:
    if not (_is_notebook() or _is_terminal()):
        yield None
        return
    bar = _Bar(total, title)
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
