"""IPython shells with the magics loaded."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


@contextlib.contextmanager
def shell_with_magics(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, in an environment of its own."""
    for name, value in {**environment, "IPYTHONDIR": str(folder / "ipython")}.items():
        monkeypatch.setenv(name, value)
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "kachery_jupyter")
    yield shell
    shell.history_manager.end_session()
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


def completions(shell: InteractiveShell, text: str) -> set[str]:
    """What the tab key would offer."""
    with provisionalcompleter():
        return {found.text for found in shell.Completer.completions(text, len(text))}
