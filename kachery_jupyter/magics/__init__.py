"""`%kc` and `%%kc` in notebooks: `%load_ext kachery_jupyter`, then `%kc help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kachery_jupyter.magics.commands import KacheryMagics
from kachery_jupyter.magics.completion import make_matcher

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def register(shell: InteractiveShell) -> None:
    """Give a shell the magics and their completion; may be called again."""
    shell.register_magics(KacheryMagics(shell))
    matchers = shell.Completer.custom_matchers
    identifier = "kachery.magic"
    matchers[:] = [
        matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != identifier
    ]
    matchers.append(make_matcher(shell, identifier))
