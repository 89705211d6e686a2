"""Keeping a widget up to date while somebody sees it, and only then.

The front end counts its views. While there are any, a thread listens to what the node says; where
there is no node, or it is silent, the widget looks again after each cell.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from kachery_core.errors import KacheryError
from kachery_jupyter.client.connection import current_place
from kachery_jupyter.client.stopping import Stopper, stopped_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kachery_jupyter.widgets.browser import Browser


class Liveness:
    """Looks again for a browser that is seen.

    Args:
        browser: made in the kernel's own thread.
    """

    def __init__(self, browser: Browser) -> None:
        # The browser may be forgotten by everybody else.
        self._browser = weakref.ref(browser)
        self._stopper: Stopper | None = None
        self._is_due = False
        self._loop = _running_loop()
        self._events = getattr(_shell(), "events", None)
        if self._events is not None:
            self._events.register("post_run_cell", self._look_after_cell)
        browser.observe(self._count, "_view_count")

    @property
    def is_listening(self) -> bool:
        """Whether the node is heard."""
        return self._stopper is not None

    def stop(self) -> None:
        """Look no more."""
        self._hang_up()
        if self._events is not None:
            self._events.unregister("post_run_cell", self._look_after_cell)
            self._events = None

    def tell(self, nouns: Iterable[str]) -> None:
        """Something is different: look again, if it is what is shown; from any thread."""
        browser = self._browser()
        if browser is None or self._loop is None or self._is_due:
            return
        if browser.section.title.lower() in nouns:
            self._is_due = True
            try:
                self._loop.call_soon_threadsafe(self._look)
            except RuntimeError:  # the kernel is ending
                self._hang_up()

    def _count(self, change: Any) -> None:
        if change["new"]:
            self._look()
            self._listen()
        else:
            self._hang_up()

    def _look_after_cell(self, _: Any = None) -> None:
        browser = self._browser()
        if browser is None:
            self.stop()
        elif browser._view_count and not self.is_listening:  # noqa: SLF001 - ipywidgets has no other name
            self._look()
            self._listen()

    def _look(self) -> None:
        self._is_due = False
        browser = self._browser()
        if browser is not None:
            browser.refresh()

    def _listen(self) -> None:
        if self.is_listening or self._loop is None:
            return
        stopper = self._stopper = Stopper()
        threading.Thread(
            target=self._hear, args=(stopper,), name="kachery-browser", daemon=True
        ).start()

    def _hang_up(self) -> None:
        stopper, self._stopper = self._stopper, None
        if stopper is not None:
            stopper.stop()

    def _hear(self, stopper: Stopper) -> None:
        """Listen until nobody looks, or the node ends; in a thread of its own."""
        try:
            with stopped_by(stopper):
                node = current_place().node
                for line in () if node is None else node.door.stream("/events", None):
                    self.tell(line.get("changed") or ())
                    if self._browser() is None:
                        break
        except (KacheryError, OSError, ValueError, AttributeError):
            # Without events there is the button, and the look after each cell.
            pass
        finally:
            if self._stopper is stopper:
                self._stopper = None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
