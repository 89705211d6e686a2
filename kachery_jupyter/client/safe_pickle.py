"""Pickles of plain data, read by an interpreter of our own.

Python's unpickler calls what the pickle names and hands numpy whatever state it holds; both end
in a crashed or taken-over process. Here each opcode is one of a list, nothing is ever called
by name, and arrays are made from bytes whose number was checked.
"""

from __future__ import annotations

import pickle
import pickletools
from typing import TYPE_CHECKING, Any

from kachery_core.errors import UnsafePickleError
from kachery_jupyter.client.pickled_names import part_named
from kachery_jupyter.client.pickled_parts import (
    Nesting,
    Part,
    Unfinished,
    check_hashable,
    refuse,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = 4
_LOWEST_PROTOCOL = 3
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PUSHED = frozenset(
    (
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "LONG4",
        "BINFLOAT",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    )
)


def load_plain(data: bytes) -> Any:
    """The value of a pickle of plain data.

    Raises:
        UnsafePickleError: it wants more than that, or is damaged.
    """
    try:
        return _Reader().read(data)
    except UnsafePickleError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, RecursionError, OverflowError) as problem:
        raise refuse(f"it is damaged ({type(problem).__name__}: {problem})") from problem


def dump_plain(value: Any) -> bytes:
    """The pickle of plain data, of the same protocol in every version of Python."""
    return pickle.dumps(value, protocol=PROTOCOL)


class _Mark:
    """Where the items of a container begin on the stack."""


_MARK = _Mark()


class _Reader:
    """A stack, a memo, and one method for each opcode that is allowed."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._unfinished = 0
        self._nesting = Nesting()
        # Names are arguments, never values: tuples with one in them may only be called with.
        self._has_names = False
        self._arguments: set[int] = set()

    def read(self, data: bytes) -> Any:
        stack, methods = self._stack, _METHODS
        position = -1
        for opcode, argument, at in pickletools.genops(data):
            name, position = opcode.name, at or 0
            if name in _PUSHED:
                stack.append(argument)
            elif name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            elif name in methods:
                methods[name](self, argument)
            else:
                raise refuse(f"it uses {name}, which plain data does not need")
        if position != len(data) - 1:
            raise refuse("something follows it")
        if len(stack) != 1 or self._unfinished or stack[0] is _MARK:
            raise refuse("it is not finished")
        self._check_values(stack)
        return stack[0]

    def protocol(self, version: int) -> None:
        if not _LOWEST_PROTOCOL <= version <= pickle.HIGHEST_PROTOCOL:
            raise refuse(f"its protocol is {version}")

    def ignore(self, _: Any) -> None:
        """FRAME groups bytes, STOP ends: `read` sees both."""

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def pop(self, _: Any = None) -> Any:
        item = self._stack.pop()
        if item is _MARK:
            raise refuse("its parts are out of order")
        return item

    def drop(self, _: Any) -> None:
        self._stack.pop()

    def drop_to_mark(self, _: Any) -> None:
        self._items()

    def remember(self, index: int | None) -> None:
        key = len(self._memo) if index is None else index
        item = self._stack[-1]
        if isinstance(item, Unfinished):
            item.memo_keys.append(key)
        self._memo[key] = item

    def recall(self, index: int) -> None:
        item = self._memo[index]
        if isinstance(item, Unfinished):
            raise refuse("it uses an array before it is whole")
        self._stack.append(item)

    def empty_list(self, _: Any) -> None:
        self._push_container([], ())

    def empty_dict(self, _: Any) -> None:
        self._push_container({}, ())

    def empty_set(self, _: Any) -> None:
        self._push_container(set(), ())

    def append(self, _: Any) -> None:
        self._extend([self.pop()])

    def appends(self, _: Any) -> None:
        self._extend(self._items())

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self._set_items([key, value])

    def set_items(self, _: Any) -> None:
        self._set_items(self._items())

    def add_items(self, _: Any) -> None:
        items = self._items()
        self._check_values(items)
        target = self._top(set)
        for item in items:
            check_hashable(item)
        target.update(items)
        self._nesting.deepen(target, items)

    def frozen_set(self, _: Any) -> None:
        items = self._items()
        self._check_values(items)
        for item in items:
            check_hashable(item)
        self._push_container(frozenset(items), items)

    def tuple_to_mark(self, _: Any) -> None:
        self._push_tuple(self._items())

    def tuple_of(self, count: int) -> None:
        self._push_tuple([self.pop() for _ in range(count)][::-1])

    def name_inline(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def name_on_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        self._push_name(module, name)

    def make(self, _: Any) -> None:
        arguments, part = self.pop(), self.pop()
        if not isinstance(part, Part) or type(arguments) is not tuple:
            raise refuse("it calls what is not a type of plain data")
        made = part.make(*arguments)
        self._unfinished += isinstance(made, Unfinished)
        self._stack.append(made)

    def finish(self, _: Any) -> None:
        """BUILD: only arrays and their types are finished this way."""
        state, unfinished = self.pop(), self.pop()
        if not isinstance(unfinished, Unfinished):
            raise refuse("it sets the inner state of something")
        finished = unfinished.finish(state)
        self._unfinished -= 1
        for key in unfinished.memo_keys:
            self._memo[key] = finished
        self._stack.append(finished)

    def _push_name(self, module: Any, name: Any) -> None:
        self._has_names = True
        self._stack.append(part_named(module, name))

    def _extend(self, items: list[Any]) -> None:
        self._check_values(items)
        target = self._top(list)
        target.extend(items)
        self._nesting.deepen(target, items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        keys, values = items[::2], items[1::2]
        if len(keys) != len(values):
            raise refuse("a key in it has no value")
        self._check_values(items)
        for key, value in zip(keys, values, strict=True):
            check_hashable(key)
            target[key] = value
        self._nesting.deepen(target, items)

    def _top(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise refuse("it fills something that is not a container")
        return self._stack[-1]

    def _items(self) -> list[Any]:
        stack = self._stack
        start = len(stack) - 1
        while stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise refuse("its parts are out of order")
        items = stack[start + 1 :]
        del stack[start:]
        return items

    def _push_container(self, container: Any, items: Any) -> None:
        self._nesting.enter(container, items)
        self._stack.append(container)

    def _push_tuple(self, items: list[Any]) -> None:
        has_names = self._has_names and any(isinstance(item, Part) for item in items)
        self._check_values([item for item in items if not isinstance(item, Part)])
        self._push_container(tuple(items), items)
        if has_names:
            self._arguments.add(id(self._stack[-1]))

    def _check_values(self, items: list[Any]) -> None:
        """Refuse what is no value: names, arguments with names, and arrays not yet whole."""
        if self._has_names and any(
            isinstance(item, (Part, Unfinished)) or id(item) in self._arguments for item in items
        ):
            raise refuse("it uses a name as a value")


_METHODS: dict[str, Callable[[_Reader, Any], None]] = {
    "PROTO": _Reader.protocol,
    "FRAME": _Reader.ignore,
    "STOP": _Reader.ignore,
    "MARK": _Reader.mark,
    "POP": _Reader.drop,
    "POP_MARK": _Reader.drop_to_mark,
    "MEMOIZE": _Reader.remember,
    "BINPUT": _Reader.remember,
    "LONG_BINPUT": _Reader.remember,
    "BINGET": _Reader.recall,
    "LONG_BINGET": _Reader.recall,
    "EMPTY_LIST": _Reader.empty_list,
    "EMPTY_DICT": _Reader.empty_dict,
    "EMPTY_SET": _Reader.empty_set,
    "APPEND": _Reader.append,
    "APPENDS": _Reader.appends,
    "SETITEM": _Reader.set_item,
    "SETITEMS": _Reader.set_items,
    "ADDITEMS": _Reader.add_items,
    "FROZENSET": _Reader.frozen_set,
    "TUPLE": _Reader.tuple_to_mark,
    "TUPLE1": lambda reader, _: reader.tuple_of(1),
    "TUPLE2": lambda reader, _: reader.tuple_of(2),
    "TUPLE3": lambda reader, _: reader.tuple_of(3),
    "GLOBAL": _Reader.name_inline,
    "STACK_GLOBAL": _Reader.name_on_stack,
    "REDUCE": _Reader.make,
    "BUILD": _Reader.finish,
}
