"""The mark on a method of an endpoint: who may call it, what it takes, what it answers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kachery_daemon.api.door import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kachery_daemon.api.endpoint import Endpoint


@dataclass(frozen=True)
class Operation:
    """What one method of an endpoint takes and gives.

    Attributes:
        summary: one sentence for the API description.
        answer: type of the JSON answer; None for bytes.
        query: type of the parameters after the question mark.
        body: type of the JSON body.
        takes_bytes: whether the body is content.
        role: who may call it.
    """

    summary: str
    answer: type | None
    query: type | None = None
    body: type | None = None
    takes_bytes: bool = False
    role: Role = Role.USER


def operation(
    summary: str, answer: type | None, **more: Any
) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Callable[..., Coroutine[Any, Any, None]]]:
    """Mark a method of an endpoint; it gets `query` and `body` decoded, and returns its answer."""
    facts = Operation(summary, answer, **more)

    def mark(
        method: Callable[..., Coroutine[Any, Any, Any]],
    ) -> Callable[..., Coroutine[Any, Any, None]]:
        @functools.wraps(method)
        async def checked(self: Endpoint, *parts: str) -> None:
            given = self.decoded(facts)
            answer_value = await method(self, *parts, **given)
            if facts.answer is not None:
                self.answer(answer_value)

        checked.operation = facts  # type: ignore[attr-defined]
        return checked

    return mark
