"""How a line of `%kc` says what is wrong: in one line, as IPython does for mistakes in a line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kachery_core.errors import KacheryError
from kachery_jupyter.client.feed_html import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator


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
