"""What of a piece of code decides what it does: its instructions, constants and names.

Libraries count by their version; everything else, notebooks and one's own modules, by its code.
"""

from __future__ import annotations

import dis
import functools
import os
import site
import sys
import sysconfig
import types
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ANYWHERE = frozenset(("eval", "exec", "globals", "locals", "vars", "__import__", "get_ipython"))
# Of classes that may be changed: Py_TPFLAGS_HEAPTYPE.
_MADE_IN_PYTHON = 1 << 9
_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))
_SETTING = frozenset(("STORE_GLOBAL", "DELETE_GLOBAL"))
_SETS = "the statement global"
_ATTRIBUTE = frozenset(("LOAD_ATTR", "LOAD_METHOD"))
# Our own functions are known; in a checkout their code is no library's.
_OURS = frozenset(
    ("kachery_jupyter", "kachery_client", "kachery_core", "kachery_store", "kachery_daemon")
)

# What Python notes of a class that does not decide what it does.
CLASS_OWN = frozenset(
    (
        *("__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__"),
        *("__static_attributes__", "__annotations__", "__annotate__", "__annotate_func__"),
        *("__annotations_cache__", "_abc_impl", "__abstractmethods__", "__classdictcell__"),
    )
)


@dataclass(frozen=True)
class CodeParts:
    """A code object taken apart.

    Attributes:
        instructions: its bytes, without line numbers.
        constants: other than code; documentation included.
        chains: for each variable of its module that it reads, the attributes taken of it.
        imports: modules that it imports when it runs.
        unseen: what it has that may read or set any variable, or ''.
    """

    instructions: bytes
    constants: tuple[Any, ...]
    chains: dict[str, set[tuple[str, ...]]]
    imports: tuple[str, ...]
    unseen: str

    @property
    def names_and_chains(self) -> tuple[list[str], Callable[[str], set[tuple[str, ...]]]]:
        """Names in their order, and what is taken of each."""
        return sorted(self.chains), self.chains.__getitem__


def code_parts(code: types.CodeType) -> CodeParts:
    """Take a code object apart, with all the code within it."""
    instructions: list[bytes] = []
    constants: list[Any] = []
    chains: dict[str, set[tuple[str, ...]]] = {}
    for one in _all_code(code):
        shape = (one.co_argcount, one.co_posonlyargcount, one.co_kwonlyargcount, one.co_flags)
        names = (one.co_names, one.co_varnames, one.co_freevars, one.co_cellvars)
        instructions.append(repr((shape, names, getattr(one, "co_exceptiontable", b""))).encode())
        instructions.append(one.co_code)
        constants += [part for part in one.co_consts if not isinstance(part, types.CodeType)]
        _note_chains(one, chains)
    unseen = next((f"{name}()" for name in sorted(_ANYWHERE) if name in chains), "")
    unseen = unseen or (_SETS if chains.pop(_SETS, None) is not None else "")
    joined = b"".join(len(part).to_bytes(8, "little") + part for part in instructions)
    imports = tuple(
        str(instruction.argval)
        for one in _all_code(code)
        for instruction in dis.get_instructions(one)
        if instruction.opname == "IMPORT_NAME"
    )
    return CodeParts(joined, tuple(constants), chains, imports, unseen)


def module_identity(name: str) -> str | None:
    """What stands for a library's module: its version; None if it is no library's."""
    if not name or name == "__main__":
        return None
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"python {sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]} {name}"
    module = sys.modules.get(top)
    if top not in _OURS and not _is_installed(module):
        return None
    version = _version(top, module)
    return None if version is None else f"{top} {version} {name}"


def built_in_identity(value: Any) -> str:
    """What stands for a function or descriptor that is not written in Python."""
    owner = getattr(value, "__objclass__", None)
    home = getattr(value, "__module__", None) or getattr(owner, "__module__", None) or ""
    name = getattr(value, "__qualname__", value.__name__)
    return f"{home}.{name} {module_identity(home) or ''}"


def closure_of(function: types.FunctionType) -> dict[str, Any]:
    """The variables of outer functions that a function uses, as far as they are set."""
    found = {}
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # an empty cell
            found[name] = cell.cell_contents
    return found


def followed(module: types.ModuleType, chain: tuple[str, ...]) -> tuple[Any, list[str]]:
    """The first thing that is no module on a way of attributes, and the way to it."""
    value: Any = module
    used: list[str] = []
    for attribute in chain:
        if not isinstance(value, types.ModuleType) or not hasattr(value, attribute):
            break
        value = getattr(value, attribute)
        used.append(attribute)
    return value, used


def is_fixed(value: Any) -> bool:
    """Whether what a library has under a name is code, or open for writing: not a setting."""
    return callable(value) or isinstance(value, types.ModuleType) or hasattr(value, "write")


def is_at_home(kind: type) -> bool:
    """Whether a class is the one that its module has under its name; others only say so."""
    if not kind.__flags__ & _MADE_IN_PYTHON:
        return True
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_code(constant)


def _note_chains(code: types.CodeType, chains: dict[str, set[tuple[str, ...]]]) -> None:
    """Global names, each with the attributes that follow it: `np.linalg.norm`."""
    name = ""
    attributes: list[str] = []
    for instruction in dis.get_instructions(code):
        text = str(instruction.argval)
        if instruction.opname == "EXTENDED_ARG":
            continue
        if instruction.opname in _SETTING:
            chains.setdefault(_SETS, set())
        if name and instruction.opname in _ATTRIBUTE:
            attributes.append(text)
            continue
        if name:
            chains.setdefault(name, set()).add(tuple(attributes))
            name, attributes = "", []
        if instruction.opname in _GLOBAL:
            name = text
    if name:
        chains.setdefault(name, set()).add(tuple(attributes))


def _is_installed(module: types.ModuleType | None) -> bool:
    """Whether a module is where installers put modules, and nobody edits them."""
    path = getattr(module, "__file__", None)
    if path is None:
        # Without a file: built in, or a folder of the user's.
        return module is not None and module.__name__ in sys.builtin_module_names
    real = os.path.realpath(path)
    return any(real.startswith(folder + os.sep) for folder in _installed_folders())


@functools.lru_cache
def _installed_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = [sysconfig.get_paths()[name] for name in names]
    paths += [*getattr(site, "getsitepackages", list)(), site.getusersitepackages()]
    return tuple({os.path.realpath(path) for path in paths})


@functools.lru_cache
def _distributions() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - looks at all of them

    return dict(packages_distributions())


def _version(top: str, module: types.ModuleType | None) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow

    told = getattr(module, "__version__", None)
    if isinstance(told, str):
        return told
    for name in _distributions().get(top, [top]):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
