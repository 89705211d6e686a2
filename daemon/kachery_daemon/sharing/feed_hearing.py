"""Hears the news of followed subfeeds as they are told live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kachery_core.capabilities import DISCOVERY_SIZE, subfeed_key_of
from kachery_core.machines.replication import Source
from kachery_core.messages import Head
from kachery_core.roles import Role
from kachery_core.runs import check_foreign_run
from kachery_core.wire.node import unpack_any
from kachery_core.wire.node_feeds import HeadFacts, Live, LiveRun, RunPiece, unseal_facts
from kachery_daemon.sharing.feed_offers import checked_head

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from kachery_core.memberships import Membership
    from kachery_daemon.network.link import Hearing, Link
    from kachery_daemon.sharing.feed_joining import FeedJoiner
    from kachery_daemon.sharing.following import Following
    from kachery_daemon.system.threads import Threads

# Those above are asked for every two seconds, which comes to the same, only later.
MOST_HEARD = 500
_NOTHING = bytes(DISCOVERY_SIZE)


class FeedHearing:
    """Subscribes to news and takes them.

    Args:
        joiner: joins messages to copies.
        threads: for checking signatures.
        changed: called when there may be something to do for a subfeed.
    """

    def __init__(
        self, joiner: FeedJoiner, threads: Threads, changed: Callable[[Following], None]
    ) -> None:
        self._joiner = joiner
        self._threads = threads
        self._changed = changed

    async def match(self, followings: Collection[Following], links: Sequence[Link]) -> None:
        """Hear the news of these subfeeds on these channels, as far as there is room."""
        # A subject of nothing tells whether a channel still has the same key.
        now = [link.live_subject(_NOTHING) for link in links]
        room = MOST_HEARD - sum(len(followed.live) for followed in followings)
        for followed in followings:
            if followed.matched != now:
                room = await self._match(followed, links, room)
                followed.matched = now if room > 0 else ()

    async def _match(self, followed: Following, links: Sequence[Link], room: int) -> int:
        """Hear the news of one subfeed; how much room is left."""
        for link in links:
            if not followed.accepts(link):
                continue
            subject = link.live_subject(followed.discovery)
            heard = followed.live.get(link.channel_id)
            if heard is not None and heard[0] != subject:
                del followed.live[link.channel_id]
                await heard[1]()
                heard, room = None, room + 1
            if heard is None and room > 0:
                end = await link.subscribe(
                    subject, Role.PROVIDE_FEEDS, self._hearing(link, followed)
                )
                followed.live[link.channel_id] = (subject, end)
                room -= 1
        return room

    def _hearing(self, link: Link, followed: Following) -> Hearing:
        async def hear(sender: Membership, body: bytes) -> None:
            news = unpack_any(body, Live)
            source = Source(link.channel_id, sender.node_id, news.instance)
            if isinstance(news, LiveRun):
                await self._hear_run(followed, source, news.note)
            else:
                await self._hear_head(followed, source, news.note)
            self._changed(followed)

        return hear

    async def _hear_run(self, followed: Following, source: Source, note: bytes) -> None:
        key, machine = followed.key, followed.machine
        piece = unseal_facts(subfeed_key_of(key), followed.discovery, note, RunPiece)
        before = Head(piece.before_length, piece.before_entry)
        if before.length <= machine.held:
            if await self._joiner.join(followed, source, before, piece.piece) == "false":
                machine.read_ended(source, "false", time.monotonic())
            return
        # Something was missed; it is asked for, if this is not made up.
        batches = await self._threads.run(check_foreign_run, key, before, piece.piece)
        machine.offered(source, batches[-1].head.length, now=time.monotonic())

    async def _hear_head(self, followed: Following, source: Source, note: bytes) -> None:
        key = followed.key
        facts = unseal_facts(subfeed_key_of(key), followed.discovery, note, HeadFacts)
        head = await self._threads.run(checked_head, key, facts)
        followed.claims[source] = head
        followed.machine.offered(source, head.length, now=time.monotonic())
