"""Providers that answer wrongly in every way there is, on a link without a hub, and honest ones.

They stand behind the interface that sharing is written against, so the real requester is driven:
searching, routes, the download machine, sinks and the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from kachery_core.capabilities import content_discovery, content_key, frame_nonce
from kachery_core.digests import CHUNK_SIZE, blake3_hex, chunk_digests, sha1_hex
from kachery_core.errors import (
    ChannelNotFoundError,
    NoProviderError,
    TooBusyError,
    TransferStalledError,
)
from kachery_core.manifests import encode_manifest, make_manifest
from kachery_core.nkeys import node_id_of
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.sealing import seal, seal_note
from kachery_core.wire.node import pack, pack_padded, unpack, unpack_any
from kachery_core.wire.node_files import (
    AskChunks,
    AskFile,
    AskTable,
    FileFacts,
    FileOffer,
    FileOffers,
    FindFiles,
    TablePart,
    Ticket,
)
from kachery_daemon.network.link import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kachery_core.memberships import Membership

CHANNEL = "A" + "B" * 55
INSTANCE = "0123456789abcdef"
NO_TABLE = bytes(32)


@dataclass(frozen=True)
class Content:
    """A content of the world, and all that follows from it."""

    data: bytes

    @property
    def sha1(self) -> str:
        return sha1_hex(self.data)

    @property
    def table(self) -> bytes:
        manifest = make_manifest(self.sha1, len(self.data), chunk_digests(self.data))
        return encode_manifest(manifest)


class Member(msgspec.Struct, frozen=True):
    """As much of a membership as sharing looks at."""

    node_id: str


@dataclass(frozen=True)
class Peer:
    """Somebody who is there."""

    membership: Member
    instance: str = INSTANCE

    @property
    def node_id(self) -> str:
        return self.membership.node_id


class Provider:
    """Answers as it should."""

    def __init__(self, world: HostileLink, number: int) -> None:
        self.world = world
        self.member = Member(f"{number:064x}")
        self.random = world.random

    def offers(self, asked: FindFiles) -> list[bytes]:
        """Answers to the question who has something."""
        found = []
        for discovery in asked.discoveries:
            content = self.world.by_discovery.get(discovery)
            if content is not None:
                found.append(self.offer(content, asked.inline_limit))
        return [pack_padded(FileOffers(INSTANCE, self.addresses(), found))]

    def offer(self, content: Content, inline_limit: int) -> FileOffer:
        size = len(content.data)
        inline = content.data if size <= inline_limit else None
        table = bytes.fromhex(blake3_hex(content.table)) if size > CHUNK_SIZE else NO_TABLE
        return self.sealed_offer(content, FileFacts(size, table, inline))

    def sealed_offer(self, content: Content, facts: FileFacts) -> FileOffer:
        note = seal_note(content_key(content.sha1), os.urandom(12), pack(facts))
        return FileOffer(content_discovery(content.sha1), note)

    def addresses(self) -> list[str]:
        return []

    def ticket(self) -> list[bytes]:
        return [pack(Ticket(os.urandom(32), self.addresses()))]

    def table(self, content: Content) -> list[bytes]:
        note = seal_note(content_key(content.sha1), os.urandom(12), content.table)
        return [pack(TablePart(0, 1, note))]

    def frame(self, content: Content, index: int) -> bytes:
        data = content.data[index * CHUNK_SIZE : (index + 1) * CHUNK_SIZE]
        return seal(content_key(content.sha1), frame_nonce(index), data)

    def frames(self, content: Content, first: int, count: int) -> list[bytes]:
        last = max(-(-len(content.data) // CHUNK_SIZE), 1)
        return [self.frame(content, index) for index in range(first, min(first + count, last))]


class Liar(Provider):
    """Answers wrongly, each time in another way; what it lies about is one of `LIES`."""

    LIES = ("offers", "inline", "sizes", "tables", "frames", "direct")

    def __init__(self, world: HostileLink, number: int, lie: str) -> None:
        super().__init__(world, number)
        self.lie = lie

    def offers(self, asked: FindFiles) -> list[bytes]:
        if self.lie != "offers":
            return super().offers(asked)
        right = super().offers(asked)[0]
        wrong = self.random.choice(
            [
                [b""],
                [self.random.randbytes(400)],
                [right[:-1]],
                [right + b"x"],
                [pack(FileOffers(INSTANCE, [], []))],
                [pack(FindFiles([os.urandom(16)], 0))],
                [_changed(self.random, right) for _ in range(20)],
            ]
        )
        self.world.wrong["offers"] += len(wrong)
        return wrong

    def offer(self, content: Content, inline_limit: int) -> FileOffer:
        size = len(content.data)
        right = super().offer(content, inline_limit)
        if self.lie == "inline" and size <= inline_limit:
            self.world.wrong["inline"] += 1
            wrong = self.random.choice(
                [b"", content.data + b"x", content.data[:-1], _changed(self.random, content.data)]
            )
            return self.sealed_offer(content, FileFacts(size, NO_TABLE, wrong))
        if self.lie == "sizes":
            self.world.wrong["sizes"] += 1
            wrong_size = self.random.choice([0, 1, size + 1, max(size - 1, 0), 1 << 40, 2**63 - 1])
            if wrong_size == size:
                wrong_size += 2
            return self.sealed_offer(content, FileFacts(wrong_size, os.urandom(32)))
        if self.lie == "offers":
            return FileOffer(right.discovery, _changed(self.random, right.note))
        return right

    def addresses(self) -> list[str]:
        if self.lie != "direct":
            return []
        return self.random.choice(
            [[self.world.direct], ["127.0.0.1:1"], ["junk"], ["localhost:80"], [":0", "[::1]:1"]]
        )

    def table(self, content: Content) -> list[bytes]:
        if self.lie != "tables":
            return super().table(content)
        self.world.wrong["tables"] += 1
        key, right = content_key(content.sha1), content.table
        lie = _changed(self.random, content.data)
        other = encode_manifest(make_manifest(content.sha1, len(lie), chunk_digests(lie)))
        wrong = self.random.choice(
            [b"", b"{}", right[:-5], right * 3, other, b"[" * 100_000, right.replace(b"0", b"1")]
        )
        note = seal_note(key, os.urandom(12), wrong)
        crumb = seal_note(key, os.urandom(12), b"crumb")
        return self.random.choice(
            [
                [pack(TablePart(0, 1, note))],
                [pack(TablePart(1, 2, note))],
                [pack(TablePart(0, 1000, note)) for _ in range(3)],
                [pack(TablePart(part, 1000, crumb)) for part in range(999)],
                [pack(TablePart(0, 1, self.random.randbytes(100)))],
                [b""],
                [b"junk"],
            ]
        )

    def frames(self, content: Content, first: int, count: int) -> list[bytes]:
        right = super().frames(content, first, count)
        if self.lie not in {"frames", "direct"} or not right:
            return right
        self.world.wrong["frames"] += 1
        key, data = content_key(content.sha1), content.data
        lie = _changed(self.random, data[first * CHUNK_SIZE : (first + 1) * CHUNK_SIZE])
        choice = self.random.randrange(9)
        if choice == 0:
            raise TransferStalledError("nothing comes")
        if choice == 1:
            raise TooBusyError("busy")
        if choice == 2:
            raise NoProviderError("nobody")
        return [
            [],
            [seal(key, frame_nonce(first), lie), *right[1:]],
            [_changed(self.random, right[0]), *right[1:]],
            [right[0][:-1], *right[1:]],
            [seal(key, frame_nonce(first), data[:10]), *right[1:]],
            [*right, right[0]],
        ][choice - 3]


@dataclass
class HostileLink:
    """A channel of liars, and one honest member if a test has one; takes the place of a link.

    Attributes:
        contents: by SHA-1.
        providers: who is there.
        wrong: how many wrong answers were given, by kind.
        direct: the address of a server that sends wrong bytes.
    """

    seed: int
    contents: dict[str, Content] = field(default_factory=dict)
    providers: list[Provider] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    direct: str = "127.0.0.1:1"
    channel_id: str = CHANNEL
    name: str = "lab"
    node_id: str = "f" * 64
    address: str = "U" + "B" * 55
    instance: str = INSTANCE
    state: str = "connected"
    own_roles: frozenset[Role] = ALL_ROLES
    largest_body: int = 1 << 20

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.by_discovery: dict[bytes, Content] = {}

    def add(self, data: bytes) -> Content:
        """One more content that somebody may have."""
        content = Content(data)
        self.contents[content.sha1] = content
        self.by_discovery[content_discovery(content.sha1)] = content
        return content

    def present(self, role: Role | None = None) -> list[Peer]:
        del role
        return [Peer(provider.member) for provider in self.providers]

    def expected(self, role: Role | None = None) -> list[Peer]:
        del role
        return []

    def check(self, role: Role | None = None) -> None:
        """All is well."""

    def is_allowed(self, sender: Membership, role: Role) -> bool:
        del sender, role
        return True

    async def ask(
        self,
        subject: str,
        body: bytes,
        *,
        role: Role,
        timeout: float,
        expect: int | None = None,
    ) -> AsyncIterator[Answer]:
        del role, timeout, expect  # nobody is slow here
        if subject == "files.find":
            asked = unpack(body, FindFiles)
            for provider in self.random.sample(self.providers, len(self.providers)):
                await asyncio.sleep(0)
                for answer in provider.offers(asked):
                    yield Answer(provider.member, answer)  # type: ignore[arg-type]
            return
        provider, question = self._addressed(subject, body)
        content = self.by_discovery[question.discovery]
        is_table = isinstance(question, AskTable)
        answers = provider.table(content) if is_table else provider.ticket()
        for answer in answers:
            await asyncio.sleep(0)
            yield Answer(provider.member, answer)  # type: ignore[arg-type]

    async def bulk_request(
        self,
        subject: str,
        body: bytes,
        timeout: float,
        *,
        largest: int = 0,
        take: Callable[[bytes], None] | None = None,
    ) -> list[bytes]:
        del timeout, largest
        provider, question = self._addressed(subject, body)
        assert isinstance(question, AskChunks)
        await asyncio.sleep(0)
        content = self.by_discovery[question.discovery]
        frames = provider.frames(content, question.first, question.count)
        if take is None:
            return frames
        for frame in frames:
            take(frame)
        return []

    def _addressed(self, subject: str, body: bytes) -> tuple[Provider, AskFile]:
        node_id = node_id_of(subject.split(".")[2])
        provider = next(each for each in self.providers if each.member.node_id == node_id)
        return provider, unpack_any(body, AskFile)


@dataclass
class OneChannel:
    """The channels of a node that is in one."""

    link: HostileLink

    @property
    def links(self) -> list[HostileLink]:
        return [self.link]

    def get(self, name: str) -> HostileLink:
        if name not in {self.link.name, self.link.channel_id}:
            raise ChannelNotFoundError(name)
        return self.link


async def hostile_server(link: HostileLink) -> asyncio.Server:
    """A server for direct transfers that sends wrong bytes; its address is told to `link`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            link.wrong["direct"] += 1
            head = b"HTTP/1.1 200 OK\r\nContent-Length: "
            length = link.random.choice([0, 100, CHUNK_SIZE + 16, 1 << 62])
            writer.write(
                link.random.choice(
                    [
                        b"",
                        b"\x00" * 70_000,
                        b"HTTP/1.1 500 No\r\n\r\n",
                        b"HTTP/1.1 200 OK\r\n\r\nwithout a length",
                        head + b"-5\r\n\r\n",
                        head + b"%d\r\n\r\n" % length + bytes(1000),
                        head + b"%d\r\n\r\n" % (CHUNK_SIZE + 16) + os.urandom(CHUNK_SIZE + 16),
                        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
                    ]
                )
            )
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link.direct = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    return server


def _changed(rnd: random.Random, data: bytes) -> bytes:
    """The same bytes but one."""
    if not data:
        return b"x"
    place = rnd.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rnd.randrange(8))]) + data[place + 1 :]
