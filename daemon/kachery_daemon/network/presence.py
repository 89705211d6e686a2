"""Who is there: every node says so every few seconds; who falls silent is gone.

Two nodes with one key are noticed here: the same node id goes on speaking as two instances.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kachery_daemon.network.link import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.memberships import Membership
    from kachery_core.roles import Role
    from kachery_core.wire.node import Presence

HEARTBEAT_SECONDS = 5.0
GONE_SECONDS = 15.0
# How long two nodes with one key are spoken of after they were last heard side by side.
_DOUBLED_SECONDS = 60.0
# Nobody restarts a node that often within the time it takes to be gone.
_MOST_INSTANCES = 8


@dataclass
class _Heard:
    """One instance of one node.

    Attributes:
        peer: what it said of itself.
        first: when it was first heard, on the monotonic clock.
        last: when it was last heard.
    """

    peer: Peer
    first: float
    last: float


class PresenceTable:
    """The nodes that are there, as heard by one.

    Args:
        node_id: this node.
        instance: this run of it.
        clock: seconds, never going back.
    """

    def __init__(
        self, node_id: str, instance: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._node_id = node_id
        self._instance = instance
        self._clock = clock
        self._heard: dict[str, dict[str, _Heard]] = {}
        self._doubled: dict[str, float] = {}
        self._lost: dict[str, _Heard] = {}

    def hear(self, sender: Membership, said: Presence) -> bool:
        """Take what a node says of itself; whether that changes who is there."""
        if (sender.node_id, said.instance) == (self._node_id, self._instance):
            return False
        self._lost.pop(sender.node_id, None)
        instances = self._heard.setdefault(sender.node_id, {})
        known = instances.pop(said.instance, None)
        if said.is_leaving:
            self._tidy()
            return known is not None
        now = self._clock()
        self._note_doubled(sender.node_id, known, now)
        peer = Peer(
            sender,
            said.instance,
            frozenset(said.roles) & sender.roles,
            said.is_archive and sender.is_archive,
        )
        # The newest at the end: it is the one that counts.
        instances[said.instance] = _Heard(peer, now if known is None else known.first, now)
        if len(instances) > _MOST_INSTANCES:
            instances.pop(next(iter(instances)))
        return known is None or known.peer != peer

    def sweep(self) -> bool:
        """Forget who has fallen silent; whether that was anybody."""
        end = self._clock() - GONE_SECONDS
        silent = [
            (node_id, instance)
            for node_id, instances in self._heard.items()
            for instance, heard in instances.items()
            if heard.last < end
        ]
        for node_id, instance in silent:
            del self._heard[node_id][instance]
        self._tidy()
        return bool(silent)

    def forget(self, node_id: str) -> None:
        """Forget one node, which is no member any more."""
        self._heard.pop(node_id, None)
        self._lost.pop(node_id, None)

    def lose(self) -> None:
        """The hub is not reached: who was there is expected back, like this node itself."""
        for node_id, instances in self._heard.items():
            for heard in list(instances.values())[-1:]:
                self._lost[node_id] = heard
        self._heard.clear()

    def expected(self, role: Role | None = None) -> list[Peer]:
        """Who was there when the hub was lost, a moment ago, and has not come back yet."""
        end = self._clock() - GONE_SECONDS
        self._lost = {node: heard for node, heard in self._lost.items() if heard.last > end}
        peers = [heard.peer for heard in self._lost.values()]
        return [peer for peer in peers if role is None or role in peer.roles]

    def present(self, role: Role | None = None) -> list[Peer]:
        """The other nodes that are there; those with a role, if one is given."""
        peers = [
            heard.peer
            for node_id, instances in self._heard.items()
            if node_id != self._node_id
            for heard in list(instances.values())[-1:]
        ]
        return [peer for peer in peers if role is None or role in peer.roles]

    def doubled(self) -> frozenset[str]:
        """The nodes whose key is in use twice, this one perhaps among them."""
        end = self._clock() - _DOUBLED_SECONDS
        self._doubled = {node: at for node, at in self._doubled.items() if at > end}
        return frozenset(self._doubled)

    def _note_doubled(self, node_id: str, known: _Heard | None, now: float) -> None:
        """Notice that an instance goes on after another one has begun.

        A node that was restarted is heard as the new instance only; one that was replayed by the
        hub has ids that were seen.
        """
        if node_id == self._node_id:
            # This node itself is the other instance, and it is there.
            is_doubled = known is not None
        else:
            others = self._heard[node_id].values()
            is_doubled = known is not None and any(known.last < other.last for other in others)
        if is_doubled:
            self._doubled[node_id] = now

    def _tidy(self) -> None:
        for node_id in [node for node, instances in self._heard.items() if not instances]:
            del self._heard[node_id]
