"""Providers that send wrong answers of every kind: nothing wrong is ever visible, nothing grows."""

from __future__ import annotations

import asyncio
import os
import random
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.digests import CHUNK_SIZE, sha1_hex
from kachery_core.errors import BadChunkError, KacheryError, StorageFullError
from kachery_core.wire.node_files import FileFacts
from kachery_daemon.sharing.downloads import Wanted
from kachery_daemon.sharing.loads import Loads
from kachery_daemon.system.threads import Threads
from tests.support.hostile_providers import HostileLink, Liar, OneChannel, Provider, hostile_server
from tests.support.samples import wrong_files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kachery_store.store import Store
    from tests.support.hostile_providers import Content

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
SEED = int(os.environ.get("KACHERY_TEST_SEED", "20261121"))
WRONG_ANSWERS = int(os.environ.get("KACHERY_TEST_WRONG_ANSWERS", "10000"))
SIZES = (0, 1, 1000, 16 << 10, 20_000, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 7)


class Requester:
    """The real thing, on a channel of liars."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.link = HostileLink(seed)
        self.threads = Threads(4, 4)
        self.loads = Loads(store, self.threads, OneChannel(self.link))  # type: ignore[arg-type]

    def people(self, *lies: str, honest: int = 0) -> None:
        """Who is on the channel from now on."""
        liars = [Liar(self.link, number, lie) for number, lie in enumerate(lies, 100)]
        self.link.providers = [*liars, *(Provider(self.link, number) for number in range(honest))]
        # Other nodes: the way to these was not tried yet.
        self.loads.downloads._connections._around.clear()

    async def load(self, content: Content, *, named: bool, timeout: float = 60) -> bool:
        """Have a content; whether it is here then."""
        manifest = sha1_hex(content.table) if named else ""
        loaded = await self.loads.load([Wanted(content.sha1, manifest)], None, timeout)
        return loaded.done[0]

    def check(self, content: Content, *, is_here: bool) -> None:
        held = self.store.objects.find(content.sha1)
        assert (held is not None) == is_here
        if held is not None:
            assert self.store.objects.read(held) == content.data


def with_requester(store: Store, story: Callable[[Requester], Awaitable[None]], seed: int) -> Any:
    """Let a story happen."""

    async def run() -> None:
        requester = Requester(store, seed)
        server = await hostile_server(requester.link)
        try:
            await story(requester)
        finally:
            server.close()
            await requester.loads.close()
            requester.threads.close()

    asyncio.run(run())


def new_content(rnd: random.Random, link: HostileLink) -> Content:
    size = rnd.choice(SIZES)
    head = rnd.randbytes(min(size, 64))
    return link.add((head + bytes(size))[:size] if size else b"")


@dataclass
class Attempts:
    """Loads of one content after the other, among liars that are drawn anew each time."""

    seed: int
    whole: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    async def one(self, requester: Requester) -> None:
        """Load something, and look whether that ended as it must."""
        link = requester.link
        link.contents.clear()
        link.by_discovery.clear()
        content = new_content(self.random, link)
        honest = self.random.random() < 0.97
        lies = [self.random.choice(Liar.LIES) for _ in range(self.random.randrange(1, 12))]
        requester.people(*lies, honest=int(honest))
        was_here = requester.store.objects.find(content.sha1) is not None
        is_here = await self._ends_well(requester, content)
        assert is_here or not honest, lies
        requester.check(content, is_here=is_here or was_here)
        self.whole += is_here
        self.refused += not is_here

    async def _ends_well(self, requester: Requester, content: Content) -> bool:
        try:
            return await requester.load(content, named=self.random.random() < 0.5)
        except KacheryError as problem:
            print(f"{problem.code}", end=" ")
            return False


def test_10_000_wrong_answers_change_nothing(store: Store) -> None:
    """One honest member among liars is enough; without one, a load fails and leaves nothing."""
    print(f"seed {SEED}")
    attempts = Attempts(SEED)

    async def story(requester: Requester) -> None:
        memory = 0
        while requester.link.wrong.total() < WRONG_ANSWERS:
            await asyncio.wait_for(attempts.one(requester), 90)
            if attempts.whole == 200:
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory if memory else 0
        print(f"{dict(requester.link.wrong)}, {attempts}, memory +{grown >> 10} MiB")
        assert grown < 128 << 10

    with_requester(store, story, SEED)
    assert attempts.whole > 0
    assert wrong_files(store.folder.root) == []


@pytest.mark.parametrize(
    ("lie", "error"), [("frames", KacheryError), ("tables", BadChunkError), ("sizes", KacheryError)]
)
def test_liars_alone_end_in_an_error_and_nothing_is_here(
    store: Store, lie: str, error: type[KacheryError]
) -> None:
    async def story(requester: Requester) -> None:
        content = requester.link.add(os.urandom(2 * CHUNK_SIZE))
        requester.people(lie, lie)
        with pytest.raises(error):
            await requester.load(content, named=True, timeout=40)
        requester.check(content, is_here=False)

    with_requester(store, story, SEED)


def test_who_boasts_of_a_size_beyond_the_disk_is_told_from_a_full_disk_by_others(
    store: Store,
) -> None:
    class Boaster(Provider):
        def offer(self, content: Content, inline_limit: int) -> Any:
            del inline_limit
            return self.sealed_offer(content, FileFacts(1 << 60, os.urandom(32)))

    async def story(requester: Requester) -> None:
        content = requester.link.add(os.urandom(2 * CHUNK_SIZE))
        requester.link.providers = [Boaster(requester.link, 1)]
        with pytest.raises(StorageFullError):
            await requester.load(content, named=True)
        requester.link.providers.append(Provider(requester.link, 2))
        assert await requester.load(content, named=True)

    with_requester(store, story, SEED)


def test_a_batch_with_liars_is_whole_if_one_is_honest(store: Store) -> None:
    async def story(requester: Requester) -> None:
        contents = [requester.link.add(os.urandom(100)) for _ in range(300)]
        requester.people("inline", "sizes", "offers", "inline", honest=1)
        wanted = [Wanted(content.sha1) for content in contents]
        loaded = await requester.loads.load(wanted, None, 60)
        assert all(loaded.done)
        for content in contents:
            requester.check(content, is_here=True)

    with_requester(store, story, SEED)


def test_a_range_of_a_liar_is_never_shown(store: Store) -> None:
    async def story(requester: Requester) -> None:
        for number in range(30):
            content = requester.link.add(os.urandom(4 * CHUNK_SIZE))
            wanted = Wanted(content.sha1, sha1_hex(content.table))
            requester.people("frames", "direct", "tables", honest=number % 2)
            start = CHUNK_SIZE * (number % 4) + 17
            try:
                data, size = await asyncio.wait_for(
                    requester.loads.read_range(wanted, start, start + 100), 50
                )
            except (KacheryError, asyncio.TimeoutError):
                assert not number % 2
            else:
                assert (data, size) == (content.data[start : start + 100], len(content.data))

    with_requester(store, story, SEED)
