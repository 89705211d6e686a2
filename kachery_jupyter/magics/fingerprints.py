"""Digests of Python values by their content, the same in every process; for `%%kc cache`.

Equal digests mean equal values. Unequal ones may still mean equal values: then something is
computed once more. Values whose content cannot be seen are refused.
"""

from __future__ import annotations

import copyreg
import functools
import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kachery_core.errors import InvalidInputError
from kachery_jupyter.magics.fingerprinted_code import (
    CLASS_OWN,
    built_in_identity,
    closure_of,
    code_parts,
    followed,
    is_at_home,
    is_fixed,
    module_identity,
)
from kachery_jupyter.magics.fingerprinted_data import (
    DATA,
    atom_bytes,
    hash_parts,
    is_marshalled,
    marshalled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# What decides about those that only stand for others.
_WRAPPERS: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__self__", "__func__"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    functools.partial: ("func", "args", "keywords"),
}
# Of which everything that is derived from them is meant.
_BASES = (type, types.ModuleType)
_BUILT_IN = (
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
# What every program has for itself; it decides nothing about a result.
_INDIFFERENT = ("_thread.lock", "_thread.RLock", "_thread._local", "logging.Logger")


class Fingerprints:
    """Makes digests, each object's once; `seen_globals` are the notebook's that functions read."""

    def __init__(self) -> None:
        # With the objects themselves, so that no id is used a second time.
        self._known: dict[int, tuple[object, bytes]] = {}
        self._open: dict[int, int] = {}
        self._lowest = sys.maxsize
        self._path: list[str] = []
        self.seen_globals: set[str] = set()

    def of_value(self, value: Any, name: str) -> bytes:
        """The digest of a variable's value.

        Raises:
            InvalidInputError: something in it cannot be compared with anything.
        """
        with self._at(name):
            try:
                return self._digest(value)
            except RecursionError as problem:
                raise self._refused("it is nested too deeply") from problem

    def of_attributes(self, module: types.ModuleType, chains: Iterable[tuple[str, ...]]) -> bytes:
        """The digest of what is used of a module: of a library its version, else its code."""
        identity = module_identity(module.__name__)
        parts = [b"module", (identity or module.__name__).encode()]
        for chain in sorted(chains):
            value, used = followed(module, chain)
            if identity is not None and is_fixed(value):
                continue  # its version stands for it
            with self._at(".".join([module.__name__, *used])):
                parts += [".".join(used).encode(), self._digest(value)]
        return hash_parts(*parts)

    @contextmanager
    def _at(self, step: str) -> Iterator[None]:
        self._path.append(step)
        yield
        self._path.pop()

    def _digest(self, value: Any) -> bytes:
        atom = atom_bytes(value)
        if atom is not None:
            return hash_parts(type(value).__name__.encode(), atom)
        key = id(value)
        if key in self._known:
            return self._known[key][1]
        if key in self._open:
            # A value within itself: how far up it is says which.
            place = self._open[key]
            self._lowest = min(self._lowest, place)
            return hash_parts(b"above", b"%d" % (len(self._open) - place))
        depth = self._open[key] = len(self._open)
        outer, self._lowest = self._lowest, sys.maxsize
        try:
            digest = hash_parts(*self._parts(value))
        finally:
            del self._open[key]
        if self._lowest >= depth:
            # It names nothing above itself, so it means the same wherever it stands.
            self._known[key] = (value, digest)
        self._lowest = min(outer, self._lowest if self._lowest < depth else sys.maxsize)
        return digest

    def _parts(self, value: Any) -> Iterable[bytes]:
        kind = type(value)
        known = self._methods
        method = known.get(kind) or next(
            (found for base, found in known.items() if base in _BASES and isinstance(value, base)),
            None,
        )
        if method is not None:
            return method(value)
        return self._of_libraries().get(_name(kind), self._object)(value)

    def _of_libraries(self) -> dict[str, Callable[[Any], Iterable[bytes]]]:
        """Ways for classes that are not imported for this."""
        return {
            **dict.fromkeys(_INDIFFERENT, lambda value: [_name(type(value)).encode()]),
            **{name: functools.partial(write, self._digest) for name, write in DATA.items()},
            "numpy.ufunc": self._built_in,
        }

    @functools.cached_property
    def _methods(self) -> dict[type, Callable[[Any], Iterable[bytes]]]:
        ways: tuple[tuple[tuple[type, ...], Callable[[Any], Iterable[bytes]]], ...] = (
            ((type,), self._class),
            ((types.ModuleType,), self._module),
            ((list, tuple), self._sequence),
            ((dict, types.MappingProxyType), self._dict),
            ((set, frozenset), self._set),
            ((types.FunctionType,), self._function),
            (tuple(_WRAPPERS), self._wrapper),
            (_BUILT_IN, self._built_in),
            ((types.CodeType,), self._code),
        )
        return {kind: way for kinds, way in ways for kind in kinds}

    def _sequence(self, value: Any) -> Iterator[bytes]:
        yield type(value).__name__.encode()
        if is_marshalled(value):
            yield marshalled(value)
            return
        for place, item in enumerate(value):
            with self._at(f"[{place}]"):
                yield self._digest(item)

    def _dict(self, value: Any) -> Iterator[bytes]:
        yield b"dict"
        if is_marshalled(value) and is_marshalled(value.values()):
            yield marshalled(tuple(value.items()))
            return
        for key, item in value.items():
            with self._at(f"[{key!r:.40}]"):
                yield self._digest(key)
                yield self._digest(item)

    def _set(self, value: Any) -> Iterator[bytes]:
        yield type(value).__name__.encode()
        yield from sorted(self._digest(item) for item in value)

    def _function(self, function: types.FunctionType) -> Iterator[bytes]:
        # Not its __module__: decorators take that over from what they wrap.
        identity = module_identity(str(function.__globals__.get("__name__", "")))
        if identity is not None:
            yield from (b"library function", identity.encode(), function.__qualname__.encode())
            yield self._digest(closure_of(function))
            return
        yield b"function"
        with self._at(f"{function.__name__}()"):
            yield from self._code(function.__code__)
            yield self._digest([function.__defaults__, function.__kwdefaults__])
            yield self._digest(dict(function.__dict__))
            yield self._digest(closure_of(function))
            yield from self._globals(function)

    def _globals(self, function: types.FunctionType) -> Iterator[bytes]:
        """The variables that a function may read, by all names in its code."""
        names, chains = code_parts(function.__code__).names_and_chains
        for name in names:
            if name not in function.__globals__:
                continue
            if function.__globals__.get("__name__") == "__main__":
                self.seen_globals.add(name)
            value = function.__globals__[name]
            yield name.encode()
            with self._at(name):
                if isinstance(value, types.ModuleType):
                    yield self.of_attributes(value, chains(name))
                else:
                    yield self._digest(value)

    def _code(self, code: types.CodeType) -> Iterator[bytes]:
        parts = code_parts(code)
        for name in parts.imports:
            library = module_identity(name)
            if library is None:
                raise self._refused(f"it imports {name} when it is called; import it at the top")
            yield library.encode()
        if parts.unseen:
            raise self._refused(f"it has {parts.unseen}, so nobody sees what it reads and sets")
        yield b"code"
        yield parts.instructions
        for constant in parts.constants:
            yield self._digest(constant)

    def _wrapper(self, value: Any) -> Iterator[bytes]:
        yield type(value).__name__.encode()
        for name in _WRAPPERS[type(value)]:
            yield self._digest(getattr(value, name))

    def _built_in(self, value: Any) -> Iterator[bytes]:
        yield b"built in"
        yield built_in_identity(value).encode()
        bound = getattr(value, "__self__", None)
        if bound is not None and not isinstance(bound, types.ModuleType):
            yield self._digest(bound)

    def _class(self, kind: type) -> Iterator[bytes]:
        identity = module_identity(kind.__module__) if is_at_home(kind) else None
        yield b"class"
        yield _name(kind).encode()
        if identity is not None:
            yield identity.encode()
            return
        if type(kind) is not type:
            yield self._digest(type(kind))
        with self._at(kind.__name__):
            yield from map(self._digest, kind.__bases__)
            for name, value in vars(kind).items():
                if name not in CLASS_OWN:
                    yield name.encode()
                    with self._at(name):
                        yield self._digest(value)

    def _module(self, module: types.ModuleType) -> Iterator[bytes]:
        identity = module_identity(module.__name__)
        if identity is None:
            raise self._refused(f"what counts of the module {module.__name__} is not known")
        yield identity.encode()

    def _object(self, value: Any) -> Iterator[bytes]:
        """Anything else by what a pickle would keep of it."""
        kind = type(value)
        reducer = copyreg.dispatch_table.get(kind)
        try:
            reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        except Exception as problem:  # it is the object's own code
            raise self._refused(f"the content of a {_name(kind)} cannot be seen") from problem
        yield b"object"
        if isinstance(reduced, str):
            yield from self._named(value, reduced)
            return
        parts: Any = (*reduced, None, None, None)
        make, arguments, state, items, pairs = parts[:5]
        yield self._digest([make, arguments])
        with self._at(f".{_name(kind)}"):
            yield self._digest(state)
            yield self._digest([None if one is None else list(one) for one in (items, pairs)])

    def _named(self, value: Any, name: str) -> Iterator[bytes]:
        """What pickles only name: a library's is known by its version."""
        wrapped = getattr(value, "__wrapped__", None)
        identity = module_identity(getattr(value, "__module__", None) or type(value).__module__)
        if wrapped is None and identity is None:
            raise self._refused(f"nothing is known of {name} but its name")
        yield from (_name(type(value)).encode(), name.encode(), (identity or "").encode())
        yield self._digest(wrapped)

    def _refused(self, why: str) -> InvalidInputError:
        return InvalidInputError(
            f"{' > '.join(self._path)} cannot be compared by its content: {why}.",
            hint="Leave it out of the cell, or pass plain values, arrays or tables in its place.",
        )


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
