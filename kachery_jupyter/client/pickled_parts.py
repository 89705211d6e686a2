"""The parts a pickle of plain data is made of, and how one is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.errors import UnsafePickleError

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPEST = 200
# A tuple of tuples of tuples of the same tuple takes for ever to hash.
_MOST_HASHED = 10_000


@dataclass(frozen=True, eq=False)
class Part:
    """A name in a pickle.

    Attributes:
        name: as the pickle has it.
        make: what is done where the pickle wants it called; refuses wrong arguments.
    """

    name: str
    make: Callable[..., Any]


@dataclass(eq=False)
class Unfinished:
    """An array, or the type of one, whose state is still to come.

    Attributes:
        finish: what is made of its state; refuses a wrong one.
        memo_keys: where the pickle remembered it.
    """

    finish: Callable[[Any], Any]
    memo_keys: list[int] = field(default_factory=list)


class Nesting:
    """How deeply containers are nested, by identity."""

    def __init__(self) -> None:
        self._depths: dict[int, int] = {}
        # An identity means something only as long as its object lives.
        self._alive: list[Any] = []

    def enter(self, container: Any, items: Any) -> None:
        """Note a new container and what is in it."""
        self._alive.append(container)
        self._depths[id(container)] = 0
        self.deepen(container, items)

    def deepen(self, container: Any, items: Any) -> None:
        """Note what was put into a container.

        Raises:
            UnsafePickleError: that nests too deeply.
        """
        depths = self._depths
        deepest = max([depths[id(item)] + 1 for item in items if id(item) in depths], default=1)
        if deepest > depths[id(container)]:
            depths[id(container)] = deepest
            if deepest > DEEPEST:
                raise refuse(f"it is nested more than {DEEPEST} deep")


def refuse(why: str) -> UnsafePickleError:
    """The error for a pickle that is more, or less, than plain data."""
    return UnsafePickleError(
        f"This pickle was not loaded: {why}.",
        hint="If whoever made it may run any code as you, use load_pkl(..., trusted=True).",
    )


def check_hashable(key: Any) -> None:
    """Refuse tuples that take for ever to hash."""
    if type(key) not in (tuple, frozenset):
        return
    waiting, count = [key], 0
    while waiting:
        item = waiting.pop()
        count += 1
        if count > _MOST_HASHED:
            raise refuse("a key in it is too complex")
        if isinstance(item, (tuple, frozenset)):
            waiting.extend(item)
