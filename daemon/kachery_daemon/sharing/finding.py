"""Asking the members of all channels who has some contents; their offers, as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kachery_core import subjects
from kachery_core.capabilities import content_discovery, content_key
from kachery_core.errors import BadEnvelopeError, KacheryError, NoProviderError
from kachery_core.roles import Role
from kachery_core.sealing import unseal_note
from kachery_core.wire.node import pack, unpack
from kachery_core.wire.node_files import FileFacts, FileOffers, FindFiles
from kachery_daemon.network.ending import end_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from kachery_daemon.network.link import Answer, Link
    from kachery_daemon.system.threads import Threads

FIND_SECONDS = 2.0
# So often is looked who is back after the hub was away.
_RETURN_SECONDS = 0.1
_TABLE_SIZE = 32


@dataclass(frozen=True)
class Source:
    """A node that has a content, on one channel.

    Attributes:
        link: the channel.
        node_id: of the node.
        instance: the run of it that answered.
        addresses: where it may be reached directly.
    """

    link: Link
    node_id: str
    instance: str
    addresses: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.link.channel_id}/{self.node_id}"

    @property
    def subject(self) -> str:
        """Where it is asked for something."""
        return subjects.get("files", self.node_id, self.instance)


@dataclass(frozen=True)
class Offer:
    """What a node says that it has; nothing of it is verified.

    Attributes:
        source: who says so.
        sha1: of the content.
        size: bytes.
        table: BLAKE3 of its chunk table, hex, or ''.
        inline: the bytes, if they came along.
    """

    source: Source
    sha1: str
    size: int
    table: str
    inline: bytes | None


@dataclass
class Search:
    """One question to some channels.

    Args:
        links: the channels.
        names: SHA-1 of each content.
        threads: for opening what comes.
        inline_limit: up to how many bytes a content may come along.

    Attributes:
        problems: why channels could not be asked, by channel name.
        silent: how many nodes that provide files are there and did not answer, by channel name.
    """

    links: Sequence[Link]
    names: Sequence[str]
    threads: Threads
    inline_limit: int = 0
    problems: dict[str, KacheryError] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_discovery = {content_discovery(sha1): sha1 for sha1 in self.names}

    async def offers(self) -> AsyncGenerator[Offer, None]:
        """The offers, until everybody who is there has answered, or two seconds have passed."""
        coming: asyncio.Queue[list[Offer] | None] = asyncio.Queue()
        tasks = [asyncio.ensure_future(self._ask(link, coming)) for link in self.links]
        try:
            left = len(tasks)
            while left:
                offers = await coming.get()
                if offers is None:
                    left -= 1
                for offer in offers or ():
                    yield offer
        finally:
            await end_tasks(tasks)

    async def _ask(self, link: Link, coming: asyncio.Queue[list[Offer] | None]) -> None:
        """Ask one channel; None is put at the end."""
        end = asyncio.get_running_loop().time() + FIND_SECONDS
        answered: set[str] = set()
        try:
            await self._ask_all(link, coming, end, answered)
            while (missing := _expected(link) - answered) and _left(end) > 0:
                # The hub was away, and they are on their way back as this node was.
                await asyncio.sleep(_RETURN_SECONDS)
                if _providers(link) & missing:
                    await self._ask_all(link, coming, end, answered)
            # Who left meanwhile has nothing to answer.
            if silent := (_providers(link) | _expected(link)) - answered:
                self.silent[link.name] = len(silent)
        except KacheryError as problem:
            self.problems[link.name] = problem
        finally:
            coming.put_nowait(None)

    async def _ask_all(
        self,
        link: Link,
        coming: asyncio.Queue[list[Offer] | None],
        end: float,
        answered: set[str],
    ) -> None:
        """Ask everybody who is there now; `answered` gets who has answered."""
        asking = link.ask(
            subjects.find("files"),
            pack(FindFiles(list(self._by_discovery), self.inline_limit)),
            role=Role.PROVIDE_FILES,
            timeout=max(_left(end), _RETURN_SECONDS),
            expect=len(_providers(link)) or None,
        )
        async for answer in asking:
            answered.add(answer.sender.node_id)
            coming.put_nowait(await self.threads.run(self._read, link, answer))

    def silence(self) -> NoProviderError | None:
        """Why what was not found may be there all the same, if it may."""
        if not self.silent:
            return None
        name, count = next(iter(self.silent.items()))
        return NoProviderError(
            f"Nobody who answered has it, and {count} of the nodes that provide files on channel"
            f" {name!r} did not answer.",
            hint="Try it again in a moment; `kc.explain(uri)` says who is there.",
            channel=name,
        )

    def _read(self, link: Link, answer: Answer) -> list[Offer]:
        """The offers in an answer; what makes no sense is left out."""
        try:
            said = unpack(answer.body, FileOffers)
        except BadEnvelopeError:
            return []
        source = Source(link, answer.sender.node_id, said.instance, tuple(said.addresses))
        offers = []
        for one in said.offers:
            sha1 = self._by_discovery.get(one.discovery)
            if sha1 is None:
                continue
            try:
                facts = unpack(unseal_note(content_key(sha1), one.note), FileFacts)
            except BadEnvelopeError:
                continue
            table = facts.table.hex() if facts.table != bytes(_TABLE_SIZE) else ""
            offers.append(Offer(source, sha1, facts.size, table, facts.inline))
        return offers


def _providers(link: Link) -> set[str]:
    """The nodes that are there and provide files."""
    return {peer.membership.node_id for peer in link.present(Role.PROVIDE_FILES)}


def _expected(link: Link) -> set[str]:
    """The nodes that provide files, and were lost with the hub a moment ago."""
    return {peer.membership.node_id for peer in link.expected(Role.PROVIDE_FILES)}


def _left(end: float) -> float:
    return end - asyncio.get_running_loop().time()
