"""One tab of the browser: a search, a list, and the look of what is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import (  # type: ignore[import-untyped]
    HTML,
    Button,
    HBox,
    Layout,
    Select,
    Text,
    VBox,
)

from kachery_core.errors import KacheryError
from kachery_jupyter.client.feed_html import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS_SHOWN = 10


@dataclass(frozen=True)
class Item:
    """One line of a list.

    Attributes:
        label: what is shown; it may come from anybody.
        uri: of what it stands for, or what identifies it.
        facts: plain JSON values, for whoever observes the selection.
    """

    label: str
    uri: str
    facts: dict[str, Any]


class Section(VBox):  # type: ignore[misc] # ipywidgets has no types
    """A list that is asked for when it is shown, and again when somebody wants to.

    Attributes:
        chosen: the facts of the line that is chosen, or None.
    """

    chosen: Any = traitlets.Dict(allow_none=True, default_value=None)
    title = ""
    empty = ""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._is_filling = False
        # Labels that are seen: a tooltip is no name for everybody.
        self.search = Text(
            description="Search",
            placeholder=self.title.lower(),
            style={"description_width": "initial"},
            layout=Layout(width="auto", flex="1 1 auto"),
        )
        self.again = Button(
            description="Refresh",
            icon="refresh",
            tooltip="Look again",
            layout=Layout(width="auto", flex="0 0 auto"),
        )
        self.list = Select(
            description=self.title,
            rows=_ROWS_SHOWN,
            style={"description_width": "initial"},
            layout=Layout(width="auto"),
        )
        self.state = HTML()
        self.detail = HTML()
        super().__init__(
            [HBox([self.search, self.again]), self.list, self.state, self.detail],
            layout=Layout(width="auto"),
        )
        self.search.observe(self._search, "value")
        self.again.on_click(self._look_again)
        self.list.observe(self._choose, "value")

    def find(self, search: str) -> tuple[Sequence[Item], str]:
        """The lines, and what to say below them."""
        raise NotImplementedError

    def describe(self, item: Item) -> str:
        """What is chosen, as HTML."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Ask again; what is chosen stays chosen if it is still there."""
        before = self.list.value
        try:
            items, said = self.find(self.search.value)
        except KacheryError as problem:
            items, said = (), problem_html(problem)
        else:
            said = escape(said or ("" if items else self.empty))
        self._items = {item.uri: item for item in items}
        self.state.value = said
        options = [(one_line(item.label), item.uri) for item in items]
        # Lists choose their first line whenever they are given others: nobody is told of that.
        self._is_filling = True
        try:
            with self.list.hold_sync():
                if options != list(self.list.options):
                    self.list.options = options
                self.list.value = before if before in self._items else None
        finally:
            self._is_filling = False
        self._show(self.list.value)

    def choose(self, uri: str) -> None:
        """Choose a line, as a click does."""
        self.list.value = uri if uri in self._items else None

    def _search(self, _: Any) -> None:
        self.refresh()

    def _look_again(self, _: Any) -> None:
        self.refresh()

    def _choose(self, change: Any) -> None:
        if not self._is_filling:
            self._show(change["new"])

    def _show(self, uri: str | None) -> None:
        item = self._items.get(uri or "")
        if item is None:
            self.detail.value, self.chosen = "", None
            return
        if self.chosen == item.facts and self.detail.value:
            return
        try:
            self.detail.value = self.describe(item)
        except KacheryError as problem:
            self.detail.value = problem_html(problem)
        self.chosen = item.facts


def problem_html(problem: KacheryError) -> str:
    """An error with what to do about it."""
    hint = f"<div>{escape(problem.hint)}</div>" if problem.hint else ""
    return f'<div role="alert"><b>{escape(problem.message)}</b>{hint}</div>'


def code_html(code: str) -> str:
    """A line of Python that a click selects."""
    style = "font-family:var(--jp-code-font-family,monospace);user-select:all"
    return f'<div><code style="{style}">{escape(code)}</code></div>'
