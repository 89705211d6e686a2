"""`%%kc cache`: run a cell once for the same code and inputs; then take its results from the store.

Never stale: the values of all variables that the cell may read, and of all that functions it calls
may read, decide with the code; what cannot be compared is refused. What comes from elsewhere (the
network, clocks, chance, files that the code does not name, what libraries remember) is not seen.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import os
import sys
import time
import types
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from kachery_core.errors import InvalidInputError, KacheryError
from kachery_jupyter.client.origins import origin, origin_text
from kachery_jupyter.magics.cell_names import names_of
from kachery_jupyter.magics.cell_results import (
    find_result,
    is_kept,
    keep_result,
    keep_value,
    load_value,
)
from kachery_jupyter.magics.fingerprinted_data import hash_parts
from kachery_jupyter.magics.fingerprints import Fingerprints
from kachery_jupyter.magics.replaying import Recorder, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from kachery_jupyter.magics.cell_names import CellNames

_VERSION = "1"
_LONGEST_PATH = 1000
_ABSENT = b"absent"


class CellRun:
    """One cell that is to be run, or not.

    Args:
        shell: whose variables it reads and sets.
        cell: its code.
        wanted: the variables to keep; all that it sets if empty.
    """

    def __init__(self, shell: InteractiveShell, cell: str, wanted: Sequence[str]) -> None:
        self._shell: Any = shell
        self._variables: dict[str, Any] = shell.user_ns
        self._cell = cell
        self._tree = _parsed(shell, cell)
        self._names = names_of(self._tree)
        self._wanted = _checked(self._names, wanted)
        self._is_by_name = bool(wanted)
        self._inputs = {
            name: self._variables[name]
            for name in sorted(self._names.reads)
            if name in self._variables
        }
        self._prints = Fingerprints()
        self.key = self._make_key(self._prints)
        self._digests = {name: self._input(name, self._prints) for name in self._inputs}

    def recall(self) -> str | None:
        """Set the variables and show the output as the first run did.

        Returns:
            What to tell people; None if the cell has to run.
        """
        result = find_result(self.key)
        if result is None or not all(map(is_kept, result["variables"].values())):
            return None
        try:
            values = {name: load_value(kept) for name, kept in result["variables"].items()}
        except KacheryError:
            # A class that is not here, say. Running the cell tells what is wrong, if anything is.
            return None
        for name in self._names.sets:
            # What the cell would have set anew must not be left as it was before.
            self._variables.pop(name, None)
        imports = ast.Module(body=list(self._names.imports), type_ignores=[])
        exec(_compiled(imports, "<imports>"), self._variables)  # noqa: S102 - the user's own cell
        self._variables.update(values)
        replay(self._shell, result["output"])
        kept = ", ".join(values) or "its output"
        return f"hit: {kept}, computed {result['at']} in {result['seconds']:.1f} s"

    def run(self) -> str:
        """Run the cell, and keep what it made.

        Returns:
            What to tell people.

        Raises:
            Exception: whatever the cell raises; then nothing is kept.
        """
        __tracebackhide__ = True
        recorder = Recorder(self._shell)
        began = time.monotonic()
        hidden = self._hide()
        try:
            with recorder.recording():
                self._execute(recorder)
        except BaseException:
            for name, value in hidden.items():
                self._variables.setdefault(name, value)
            raise
        seconds = time.monotonic() - began
        changed = self._changed_inputs()
        if changed:
            return (
                f"not cached: the cell changes {changed} in place. Make a copy in it, or assign"
                " something new."
            )
        try:
            kept = self._keep(recorder, seconds)
        except KacheryError as problem:
            return f"not cached: {problem.message} {problem.hint}".rstrip()
        cut = "; its output is too large and was cut" if recorder.is_cut else ""
        return f"miss: computed in {seconds:.1f} s, kept {', '.join(kept) or 'its output'}{cut}"

    def _make_key(self, prints: Fingerprints) -> str:
        version = f"{_VERSION} {sys.version_info[0]}.{sys.version_info[1]}"
        code = ast.dump(self._tree)
        parts = [version.encode(), code.encode(), repr(self._wanted).encode()]
        for name in sorted(self._names.reads):
            parts += [name.encode(), self._input(name, prints)]
        for name in sorted(self._names.modules):
            parts += [name.encode(), self._import(name, prints)]
        for path in sorted(self._files()):
            status = os.stat(path)
            parts.append(repr((path, status.st_size, status.st_mtime_ns)).encode())
        return hash_parts(*parts).hex()

    def _input(self, name: str, prints: Fingerprints) -> bytes:
        if name not in self._inputs:
            return b"built in" if hasattr(builtins, name) else _ABSENT
        value = self._inputs[name]
        if isinstance(value, types.ModuleType):
            return prints.of_attributes(value, self._names.chains.get(name, ()))
        return prints.of_value(value, name)

    def _import(self, name: str, prints: Fingerprints) -> bytes:
        """What the cell imports counts as what it has from before does."""
        home, inner, loaded = self._names.modules[name]
        try:
            importlib.import_module(loaded)
            value: Any = importlib.import_module(home)
            if inner and not hasattr(value, inner):
                importlib.import_module(f"{home}.{inner}")
            value = getattr(value, inner) if inner else value
        except (ImportError, AttributeError, TypeError):
            return _ABSENT  # the cell will say so, if it gets there
        if isinstance(value, types.ModuleType):
            return prints.of_attributes(value, self._names.chains.get(name, ()))
        return prints.of_value(value, name)

    def _files(self) -> set[str]:
        """Files that the code or a variable names."""
        texts = {*self._names.texts}
        for value in self._inputs.values():
            if isinstance(value, (str, os.PathLike)):
                path = os.fspath(value)
                texts |= {path} if isinstance(path, str) else set()
        return {text for text in texts if _is_file(text)}

    def _hide(self) -> dict[str, Any]:
        """Take away what the cell sets before it reads it, so that it cannot be read after all."""
        seen = {*self._inputs, *self._prints.seen_globals}
        return {
            name: self._variables.pop(name)
            for name in self._names.sets
            if name in self._variables and name not in seen
        }

    def _execute(self, recorder: Recorder) -> None:
        __tracebackhide__ = True
        body = list(self._tree.body)
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        filename = self._shell.compile.cache(self._cell, self._shell.execution_count)
        statements = ast.Module(body=body, type_ignores=[])
        exec(_compiled(statements, filename), self._variables)  # noqa: S102 - the user's own cell
        if isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
            value = eval(_compiled(expression, filename), self._variables)  # noqa: S307 - the user's own cell
            if not self._cell.rstrip().endswith(";"):
                recorder.show_result(value)
        # Figures are drawn when a cell ends; these belong to this one.
        self._shell.events.trigger("post_execute")

    def _changed_inputs(self) -> str:
        """The names of inputs that are not what they were."""
        if self._make_key(Fingerprints()) == self.key:
            return ""
        again = Fingerprints()
        changed = [name for name in self._inputs if self._input(name, again) != self._digests[name]]
        return ", ".join(changed) or "a file that it names"

    def _keep(self, recorder: Recorder, seconds: float) -> list[str]:
        variables = self._keep_variables()
        result = {
            "variables": variables,
            "output": recorder.events,
            "seconds": seconds,
            "at": datetime.now(timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M"),
            "from": origin_text(origin()),
        }
        keep_result(self.key, result)
        return list(variables)

    def _keep_variables(self) -> dict[str, dict[str, str]]:
        kept = {}
        for name in self._wanted:
            if name not in self._variables:
                continue
            try:
                kept[name] = keep_value(self._variables[name], name)
            except InvalidInputError:
                # A file that was open within the cell is nothing to keep, unless somebody asks.
                if self._is_by_name or name not in self._names.opens:
                    raise
        return kept


def _parsed(shell: Any, cell: str) -> ast.Module:
    """The code of a cell.

    Raises:
        SyntaxError: it is none.
        InvalidInputError: it awaits.
    """
    tree: ast.Module = ast.parse(shell.transform_cell(cell))
    try:
        _compiled(tree, "<cell>")
    except SyntaxError as problem:
        if any(isinstance(one, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for one in ast.walk(tree)):
            raise InvalidInputError(
                "A cell that awaits cannot be cached.", hint="Await in another cell."
            ) from problem
        raise
    return tree


def _compiled(tree: ast.Module | ast.Expression, filename: str) -> types.CodeType:
    # What this file takes from the future is not meant for the user's code.
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    code: types.CodeType = compile(tree, filename, mode, dont_inherit=True)
    return code


def _checked(names: CellNames, wanted: Sequence[str]) -> list[str]:
    """The variables to keep.

    Raises:
        InvalidInputError: the cell does not set them, or they cannot be kept.
    """
    for name in wanted:
        if name not in names.sets:
            raise InvalidInputError(f"The cell does not set {name}, so it cannot be kept of it.")
    kept = list(dict.fromkeys(wanted)) or [name for name in names.sets if not name.startswith("_")]
    defined = [name for name in kept if name in names.defines]
    if defined:
        raise InvalidInputError(
            f"The cell defines {', '.join(defined)}, and only values can be kept.",
            hint="Define it in a cell of its own, or name the variables: %%kc cache NAME",
        )
    return kept


def _is_file(text: str) -> bool:
    if not 0 < len(text) <= _LONGEST_PATH or "\n" in text or "\0" in text:
        return False
    return os.path.isfile(text)
