"""What a link listens to: registered once, kept over reconnects, alive while roles allow it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core.errors import HubUnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from kachery_core.roles import Role
    from kachery_daemon.network.connections import Connection
    from kachery_daemon.network.lines import Lines

    Receiver = Callable[[Msg], Awaitable[None]]


@dataclass(eq=False)
class _Wish:
    """One subject to listen to.

    Attributes:
        subject: may hold wildcards.
        role: what this node must have meanwhile; None for nothing.
        is_bulk: on which connection.
        receive: what takes the messages.
        line: the connection it is subscribed on, or None.
    """

    subject: str
    role: Role | None
    is_bulk: bool
    receive: Receiver
    line: Connection | None = None
    subscription: Subscription | None = field(default=None, repr=False)


class Subscriptions:
    """All that one link listens to.

    Args:
        lines: the connections, as they come and go.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._wishes: list[_Wish] = []
        self._turn = asyncio.Lock()

    async def add(
        self, subject: str, role: Role | None, receive: Receiver, *, is_bulk: bool = False
    ) -> Callable[[], Awaitable[None]]:
        """Listen to a subject from now on; ends it.

        Args:
            subject: may hold wildcards.
            role: listen only while this node has it; None for always.
            receive: takes the messages, one after the other; must not raise.
            is_bulk: on the bulk connection.
        """
        wish = _Wish(subject, role, is_bulk, receive)
        self._wishes.append(wish)

        async def end() -> None:
            if wish in self._wishes:
                self._wishes.remove(wish)
                async with self._turn:
                    await self._drop(wish)

        await self.match()
        return end

    async def match(self) -> None:
        """Subscribe to what should be heard now, and to nothing else.

        After a reconnect, and whenever a role comes or goes. A connection that ends meanwhile is
        no error: the next one is matched again.
        """
        async with self._turn:
            roles = self._lines.standing.own_roles
            for wish in list(self._wishes):
                line = self._lines.bulk if wish.is_bulk else self._lines.control
                is_wanted = line is not None and (wish.role is None or wish.role in roles)
                if not is_wanted or wish.line is not line:
                    await self._drop(wish)
                if is_wanted and line is not None and wish.line is None:
                    await _subscribe(wish, line)

    async def _drop(self, wish: _Wish) -> None:
        line, subscription = wish.line, wish.subscription
        wish.line = wish.subscription = None
        if line is not None and subscription is not None:
            await line.unsubscribe(subscription)


async def _subscribe(wish: _Wish, line: Connection) -> None:
    try:
        wish.subscription = await line.subscribe(wish.subject, wish.receive)
    except HubUnreachableError:
        return
    wish.line = line
