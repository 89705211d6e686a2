"""`kc.browse()`: files, feeds and channels in a notebook, and what was chosen as a Python value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import Layout, Tab, VBox  # type: ignore[import-untyped]

from kachery_jupyter.widgets.fallback import plain_browser
from kachery_jupyter.widgets.liveness import Liveness
from kachery_jupyter.widgets.sections import Channels, Feeds, Files

if TYPE_CHECKING:
    from kachery_jupyter.widgets.section import Section


class Browser(VBox):  # type: ignore[misc] # ipywidgets has no types
    """What this node has, to look at and to choose from.

    Attributes:
        selection: the facts of what is chosen, plain JSON values: "type" (file, feed, subfeed or
            channel), "uri", "name"; of files "kind" and "size" in bytes. None if nothing is.
        uri: its URI; '' if nothing is chosen, or a channel.

    Example:
        >>> browser = kc.browse()
        >>> browser.observe(lambda change: print(change.new), "uri")
    """

    selection: Any = traitlets.Dict(allow_none=True, default_value=None)
    uri = traitlets.Unicode("")

    def __init__(self, search: str = "") -> None:
        self.files, self.feeds, self.channels = Files(), Feeds(), Channels()
        sections = self.sections
        self.tabs = Tab(sections, titles=[one.title for one in sections])
        super().__init__([self.tabs], layout=Layout(width="auto", max_width="60em"))
        self.files.search.value = search
        for one in sections:
            one.observe(self._note, "chosen")
        self.tabs.observe(self._turn, "selected_index")
        self.refresh()
        # Counted by the front end from now on: what nobody sees asks nobody.
        self._view_count = 0
        self._liveness = Liveness(self)

    @property
    def sections(self) -> list[Section]:
        """The tabs, in their order."""
        return [self.files, self.feeds, self.channels]

    @property
    def section(self) -> Section:
        """The tab that is shown."""
        return self.sections[self.tabs.selected_index or 0]

    def refresh(self) -> None:
        """Ask again for what the tab shows that is seen now."""
        self.section.refresh()

    def close(self) -> None:
        """Take it away, and everything in it."""
        self._liveness.stop()
        for one in (*self.sections, self.tabs):
            one.close()
        super().close()

    def _turn(self, _: Any) -> None:
        self.refresh()
        self._note(None)

    def _note(self, _: Any) -> None:
        chosen = self.section.chosen
        with self.hold_trait_notifications():
            self.selection = chosen
            self.uri = str(chosen.get("uri", "")) if chosen else ""

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The widget; where none runs, a table."""
        text, html = plain_browser(self.files.search.value)
        bundle = super()._repr_mimebundle_(**options) or {}
        return {**bundle, "text/plain": text, "text/html": html}


def browse(search: str = "") -> Browser:
    """Browse files, feeds and channels of this node in a notebook.

    Args:
        search: what to look for among the files at first.

    Returns:
        A widget for the end of a cell; its traits `selection` and `uri` can be observed. Without
        widgets, a table is shown.
    """
    return Browser(search)
