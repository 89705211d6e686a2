"""Asks other members of a channel about feeds, and believes nothing that is not signed.

Lengths count after the feed's writer's signature was checked. Messages are checked by whoever joins
them to a copy; here only their pieces are put together.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING

import msgspec

from kachery_core import subjects
from kachery_core.capabilities import (
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.errors import BadEnvelopeError, BrokenChainError, KacheryError
from kachery_core.forks import ForkProof
from kachery_core.messages import NOTHING, Head, SubfeedKey
from kachery_core.roles import Role
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_feeds import (
    AskHeads,
    FindFeeds,
    ListSubfeeds,
    ReadFeed,
    ReadProof,
    RunPiece,
    Sealed,
    SubfeedsFacts,
    unseal_facts,
)
from kachery_daemon.network.ending import within
from kachery_daemon.sharing.feed_offers import discovery_of, true_offers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from kachery_core.feeds import SubfeedName
    from kachery_core.machines.replication import Source
    from kachery_daemon.network.link import Answer, Link
    from kachery_daemon.sharing.feed_offers import Offer
    from kachery_daemon.system.threads import Threads

FIND_SECONDS = 2.0
_ANSWER_SECONDS = 2.0
_SILENT_SECONDS = 5.0
# Many appends may have been signed together, 40 MiB of them.
_LARGEST_RUN = 64 << 20
_LARGE_RUN = 4 << 20
_MOST_SUBFEEDS = 10_000
_log = logging.getLogger(__name__)


class FeedAsker:
    """The asking side.

    Args:
        threads: for checking signatures and unsealing.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._large = asyncio.Semaphore(1)

    async def find(
        self, link: Link, wanted: Sequence[SubfeedKey | str], seconds: float = FIND_SECONDS
    ) -> AsyncGenerator[Offer, None]:
        """Who has these subfeeds and feeds; each offer as it comes, its head checked.

        Ends when everybody there has answered, or after some seconds.

        Raises:
            RoleMissingError, HubUnreachableError and others of `Link.ask`.
        """
        by_discovery = {discovery_of(one): one for one in wanted}
        answers = link.ask(
            subjects.find("feeds"),
            pack(FindFeeds(list(by_discovery))),
            role=Role.PROVIDE_FEEDS,
            timeout=seconds,
            expect=len(link.present(Role.PROVIDE_FEEDS)) or None,
        )
        async with contextlib.aclosing(answers):
            async for answer in answers:
                for offer in await self._offers(link, answer, by_discovery):
                    yield offer

    async def offers(
        self,
        link: Link,
        wanted: Sequence[SubfeedKey | str],
        seconds: float = FIND_SECONDS,
        grace: float | None = None,
    ) -> list[Offer]:
        """The offers of these subfeeds and feeds; none if nobody can be asked.

        Args:
            link: where to ask.
            wanted: what is looked for.
            seconds: how long to wait for answers.
            grace: how long to wait for more after the first offer; None waits for all.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        offers: list[Offer] = []
        try:
            async with contextlib.aclosing(self.find(link, wanted, seconds)) as found:
                while True:
                    offers.append(await within(anext(found), end - loop.time()))
                    if grace is not None and len(offers) == 1:
                        end = min(end, loop.time() + grace)
        except (StopAsyncIteration, asyncio.TimeoutError):
            return offers
        except KacheryError as problem:
            _log.debug("nobody could be asked on %s: %s", link.name, problem)
            return offers

    async def heads(
        self, link: Link, source: Source, lengths: Mapping[SubfeedKey, int]
    ) -> list[Offer] | None:
        """Which subfeeds go farther at a source than that; None if it does not answer."""
        by_discovery = {discovery_of(key): key for key in lengths}
        question = AskHeads(list(by_discovery), list(lengths.values()))
        answer = await self._ask(link, source, pack(question))
        return None if answer is None else await self._offers(link, answer, by_discovery)

    async def subfeeds(
        self, link: Link, source: Source, feed: str
    ) -> dict[str, tuple[SubfeedName | None, int]]:
        """The subfeeds of a feed as a source tells of them: name and length by hash.

        Raises:
            BadEnvelopeError: it sent something else.
        """
        discovery, key = feed_discovery(feed), feed_key(feed)
        found: dict[str, tuple[SubfeedName | None, int]] = {}
        total = 1
        while len(found) < min(total, _MOST_SUBFEEDS):
            answer = await self._ask(link, source, pack(ListSubfeeds(discovery, len(found))))
            if answer is None:
                break
            note = unpack(answer.body, Sealed).note
            page = unseal_facts(key, discovery, note, SubfeedsFacts)
            known, total = len(found), page.total
            found |= {one.subfeed.hex(): (_name(one.name), one.length) for one in page.subfeeds}
            if len(found) == known:
                break  # it repeats itself
        return found

    async def run(
        self, link: Link, source: Source, key: SubfeedKey, position: int
    ) -> tuple[Head, bytes]:
        """Messages from a position on, as a source sends them: the head before, and the run.

        The run is empty if the source has none.

        Raises:
            BadEnvelopeError, BrokenChainError: it sent something else.
            NoProviderError, TransferStalledError, TooBusyError: it does not answer.
        """
        discovery = subfeed_discovery(key)
        first, data = await self._pieces(
            link, source, key, lambda offset: ReadFeed(discovery, position, offset)
        )
        return Head(first.before_length, first.before_entry), data

    async def proof(self, link: Link, source: Source, key: SubfeedKey) -> ForkProof | None:
        """The proof of a fork as a source has it; not yet checked.

        Raises:
            BadEnvelopeError, BrokenChainError: it sent something else.
        """
        discovery = subfeed_discovery(key)
        _, data = await self._pieces(link, source, key, lambda offset: ReadProof(discovery, offset))
        if not data:
            return None
        try:
            proof = msgspec.json.decode(data, type=ForkProof)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            raise BrokenChainError(f"A proof of a fork is not understood: {problem}.") from problem
        if proof.key != key:
            raise BrokenChainError("A proof of a fork is about another subfeed.")
        return proof

    async def _ask(self, link: Link, source: Source, body: bytes) -> Answer | None:
        """One question to one source; None if it does not answer."""
        answers = link.ask(
            subjects.get("feeds", source.node, source.instance),
            body,
            role=Role.PROVIDE_FEEDS,
            timeout=_ANSWER_SECONDS,
            expect=1,
        )
        async with contextlib.aclosing(answers):
            async for answer in answers:
                return answer if answer.sender.node_id == source.node else None
        return None

    async def _pieces(
        self,
        link: Link,
        source: Source,
        key: SubfeedKey,
        question: Callable[[int], ReadFeed | ReadProof],
    ) -> tuple[RunPiece, bytes]:
        """All pieces of an answer that may be too long for one."""
        first = await self._piece(link, source, key, question(0))
        if first.total > _LARGEST_RUN or len(first.piece) > first.total:
            raise BrokenChainError(f"A run of {first.total:,} bytes is none of an honest node.")
        if len(first.piece) == first.total:
            return first, first.piece
        # Who lies about lengths gets much memory once, not as often as it likes.
        async with self._large if first.total > _LARGE_RUN else contextlib.nullcontext():
            data = bytearray(first.piece)
            while len(data) < first.total:
                piece = await self._piece(link, source, key, question(len(data)))
                is_same = (piece.before_entry, piece.total) == (first.before_entry, first.total)
                if not is_same or not 0 < len(piece.piece) <= first.total - len(data):
                    raise BrokenChainError("The pieces of a run do not belong together.")
                data += piece.piece
            return first, bytes(data)

    async def _piece(
        self, link: Link, source: Source, key: SubfeedKey, asked: ReadFeed | ReadProof
    ) -> RunPiece:
        subject = subjects.get("feeds", source.node, source.instance)
        frames = await link.bulk_request(subject, pack(asked), _SILENT_SECONDS)
        return await self._threads.run(_opened, subfeed_key_of(key), asked.discovery, frames)

    async def _offers(
        self, link: Link, answer: Answer, wanted: Mapping[bytes, SubfeedKey | str]
    ) -> list[Offer]:
        """What is offered in an answer, as far as it is true."""
        return await self._threads.run(
            true_offers, link.channel_id, answer.sender.node_id, answer.body, wanted
        )


def _opened(key: bytes, discovery: bytes, frames: list[bytes]) -> RunPiece:
    """The piece in a bulk answer; what cannot be opened is how nothing looks."""
    try:
        return unseal_facts(key, discovery, b"".join(frames), RunPiece)
    except BadEnvelopeError:
        return RunPiece(0, NOTHING, b"", 0, 0)


def _name(text: bytes) -> SubfeedName | None:
    """A subfeed's name, if what is listed is one."""
    try:
        name = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return name if isinstance(name, str | dict | list) else None
