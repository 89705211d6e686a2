"""Builds the browser side into the wheel and the source package when it is missing or stale."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType

# `skip`: take what is built. `require`: fail instead of building a wheel without the sidebar.
WISH = "KACHERY_LABEXTENSION"


class LabextensionHook(BuildHookInterface):
    """Asks for Node.js only if the machine has none and there is something to build."""

    PLUGIN_NAME = "labextension"

    def dependencies(self) -> list[str]:
        """What else has to be installed before this hook runs."""
        toolchain = _toolchain(self.root)
        needed = self._is_due(toolchain, production=True) and toolchain.node_wheel_needed()
        return [toolchain.NODE_WHEEL] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or say in a warning why not: everything in Python works without."""
        del build_data
        toolchain = _toolchain(self.root)
        production = version != "editable"
        if not self._is_due(toolchain, production=production):
            return
        try:
            npm = toolchain.find_npm()
            toolchain.install_packages(npm)
        except toolchain.ToolchainError as error:
            self._go_on_without(str(error), has_older=toolchain.is_there())
            return
        if toolchain.run_script(npm, "build:prod" if production else "build"):
            self.app.abort("labextension/ could not be built; see above")

    def _is_due(self, toolchain: ModuleType, *, production: bool) -> bool:
        if os.environ.get(WISH) == "skip":
            return False
        return not toolchain.is_built(production=production)

    def _go_on_without(self, reason: str, *, has_older: bool) -> None:
        what = "an older build of the sidebar is taken" if has_older else "the sidebar is left out"
        words = f"{reason}: {what}; everything in Python works"
        if os.environ.get(WISH) == "require":
            self.app.abort(words)
        self.app.display_warning(words)


def _toolchain(root: str) -> ModuleType:
    """The module beside package.json; a build finds nothing of the project on its path."""
    place = Path(root) / "labextension" / "toolchain.py"
    spec = importlib.util.spec_from_file_location("toolchain", place)
    if spec is None or spec.loader is None:
        sys.exit(f"{place} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
