"""What the magics show: results, what can be typed, and in one line what went wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from kachery_core.errors import KacheryError
from kachery_jupyter.client import holdings, previews
from kachery_jupyter.client.feed_html import one_line
from kachery_jupyter.client.file_info import URI_MIMETYPE
from kachery_jupyter.client.tables import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND_WIDTH = 28


class Stored(Shown):
    """Variables that were stored, and their URIs.

    Attributes:
        uris: the URI of each variable, by its name.
    """

    def __init__(self, uris: dict[str, str]) -> None:
        super().__init__(("name", "uri"), uris.items())
        self.uris = uris

    @override
    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """As text and HTML; a single one with its look, and as a chip for JupyterLab."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude)
        if len(self.uris) != 1:
            return bundle
        try:
            facts = holdings.info(str(self))
            if facts is None:
                return bundle
            look = previews.preview(facts.uri, facts.name, facts.kind)._repr_html_()
        except KacheryError:
            # The node has gone since it was stored: the URI is what it was.
            return bundle
        html = f"{bundle['text/html']}{look}"
        return {**bundle, "text/html": html, URI_MIMETYPE: facts.chip()}

    @override
    def __repr__(self) -> str:
        if len(self.uris) == 1:
            return next(iter(self.uris.values()))
        return "\n".join(f"{name}: {uri}" for name, uri in self.uris.items())

    @override
    def __str__(self) -> str:
        return repr(self)


class Usage(Shown):
    """What can be typed and what it does; as it is laid out in terminals, a table elsewhere.

    Args:
        text: lines of two columns; what goes on begins with spaces.
    """

    def __init__(self, text: str) -> None:
        rows: list[tuple[str, str]] = []
        for line in text.splitlines():
            command, told = line[:_COMMAND_WIDTH].rstrip(), line[_COMMAND_WIDTH:].strip()
            if not command:
                command, begun = rows.pop()
                told = f"{begun} {told}"
            rows.append((command, told))
        super().__init__((), rows)
        self._text = text

    @override
    def __repr__(self) -> str:
        return self._text


@contextmanager
def in_one_line() -> Iterator[None]:
    """Within the block errors of kachery are shown without our code; they are raised as ever.

    Not around code of the user's own: of that its traceback says where the mistake is.
    """
    try:
        yield
    except KacheryError as error:
        # IPython asks an error how it wants to be shown; only this one does.
        words = f"{type(error).__name__}: {one_line(str(error))}"
        setattr(error, "_render_traceback_", lambda: [words])  # noqa: B010 - IPython's name
        raise
