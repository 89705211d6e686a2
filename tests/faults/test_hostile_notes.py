"""Members who lie to archives, flood them, or only say that they are one: over a real hub."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from kachery_core import subjects
from kachery_core.boxes import seal_box
from kachery_core.errors import RoleMissingError
from kachery_core.messages import SubfeedKey
from kachery_core.nkeys import account_key_of
from kachery_core.roles import Role
from kachery_core.wire.node import pack, pack_padded
from kachery_core.wire.node_archives import ArchiveNote, Passed, PassedContent, open_note, seal_note
from kachery_daemon.sharing.archive_telling import ArchiveTelling
from kachery_daemon.sharing.archives import Archives
from kachery_daemon.sharing.feed_sharing import FeedSharing
from kachery_daemon.sharing.loads import Loaded
from kachery_store import Store
from tests.support.feed_samples import open_feeds
from tests.support.fellows import everybody_present, fellowship, until
from tests.support.hubs import running_hub
from tests.support.stories import story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.fellows import Fellow

pytestmark = [pytest.mark.timeout(120), pytest.mark.faults]


class NoLoads:
    """Takes the place of what fetches: finds nothing."""

    async def load(self, wanted, *_):
        return Loaded([False] * len(wanted))


@pytest.fixture
def hub(tmp_path):
    with running_hub(tmp_path / "hub") as hub:
        yield hub


@contextlib.asynccontextmanager
async def archive_of(fellow: Fellow) -> AsyncIterator[Archives]:
    """What makes a fellow an archive."""
    store = Store(fellow.folder.root)
    async with open_feeds(fellow.folder.root / "feeds") as feeds:
        sharing = FeedSharing(feeds, fellow.channels, fellow.threads)
        await sharing.start()
        telling = ArchiveTelling(fellow.channels, fellow.threads)
        archives = Archives(store, feeds, fellow.channels, fellow.threads, telling)
        await archives.start(NoLoads(), sharing)
        try:
            yield archives
        finally:
            await archives.close()
            await telling.close()
            await sharing.close()


@contextlib.asynccontextmanager
async def lab(folder, hub) -> AsyncIterator[tuple[list[Fellow], Archives]]:
    """An owner, two members, and an archive; everybody knows that it is one."""
    async with fellowship(folder, hub.url, 4) as fellows:
        owner, *_, keeper = fellows
        await owner.channels.owned("lab").grant(keeper.node_id, frozenset(Role), is_archive=True)
        await until(lambda: keeper.member.standing.membership.is_archive, "the grant arrives")
        await everybody_present(fellows)
        async with archive_of(keeper) as archives:
            await archives.set("lab")
            await until(lambda: archive_known(owner, keeper), "the owner knows the archive")
            yield fellows, archives


def archive_known(fellow: Fellow, keeper: Fellow) -> bool:
    return any(peer.is_archive and peer.node_id == keeper.node_id for peer in fellow.link.present())


def passed(fellow: Fellow, *numbers: int) -> Passed:
    channel = bytes.fromhex(account_key_of(fellow.link.channel_id))
    contents = [PassedContent(number.to_bytes(20, "big")) for number in numbers]
    return Passed(channel, bytes.fromhex(fellow.node_id), contents, [])


def waiting(archives: Archives, fellow: Fellow) -> int:
    return archives._ledger.holding(fellow.link.channel_id).waiting


async def tell(fellow: Fellow, keeper: Fellow, body: bytes) -> None:
    await fellow.link.publish(subjects.archive(keeper.node_id), body)


@story
async def test_what_a_member_loads_and_follows_is_told_once_and_only_the_archive_reads_it(
    tmp_path, hub
):
    async with lab(tmp_path, hub) as ((owner, alice, _, keeper), archives):
        heard, hear = [], archives._hearing.hear

        def overhear(member, sender, body):
            heard.append(body)
            hear(member, sender, body)

        archives._hearing.hear = overhear
        telling = ArchiveTelling(alice.channels, alice.threads)
        key, channel_id = SubfeedKey("11" * 32, "22" * 20), alice.link.channel_id
        for _ in range(1000):
            telling.passed("33" * 20, "44" * 20, "name", channel_id)
            telling.followed(key, channel_id)
        await until(lambda: waiting(archives, keeper) == 2, "it is told")
        telling.passed("33" * 20, "", "", channel_id)
        telling.passed("55" * 20, "", "", channel_id)
        await until(lambda: waiting(archives, keeper) == 3, "something else is told")
        assert len(heard) == 2
        for fellow in (owner, alice):
            with pytest.raises(Exception, match="another node"):
                open_note(heard[0], fellow.seed, channel_id, alice.node_id)
        found = open_note(heard[0], keeper.seed, channel_id, alice.node_id)
        assert found.contents == [PassedContent(b"\x33" * 20, b"\x44" * 20, "name")]
        await telling.close()


@story
async def test_forged_copied_and_senseless_notes_do_nothing(tmp_path, hub):
    async with lab(tmp_path, hub) as ((owner, alice, bob, keeper), archives):
        true = seal_note(keeper.node_id, passed(alice, 1))
        elsewhere = Passed(bytes(32), bytes.fromhex(bob.node_id), passed(bob, 2).contents, [])
        lies = [
            true,  # copied from Alice
            seal_note(keeper.node_id, passed(owner, 3)),  # in somebody else's name
            seal_note(keeper.node_id, elsewhere),
            seal_note(alice.node_id, passed(bob, 4)),  # to another node
            pack(passed(bob, 5)),  # not sealed
            pack(ArchiveNote(pack_padded(passed(bob, 6)))),
            pack(ArchiveNote(seal_box(keeper.node_id, b"nonsense"))),
            true[:-1],
            bytes(600_000),
            b"",
        ]
        for body in lies:
            await tell(bob, keeper, body)
        counts = archives._hearing.counts
        await until(lambda: counts.total() == len(lies), "all are heard")
        assert (waiting(archives, keeper), counts["taken"]) == (0, 0)
        await tell(alice, keeper, true)
        await until(lambda: waiting(archives, keeper) == 1, "the true one is taken")


@story
async def test_a_flood_of_notes_stays_small_and_others_are_heard(tmp_path, hub):
    async with lab(tmp_path, hub) as ((_, alice, bob, keeper), archives):
        numbers = iter(range(10**6))
        for _ in range(60):
            few = [next(numbers) for _ in range(200)]
            await tell(bob, keeper, seal_note(keeper.node_id, passed(bob, *few)))
        await tell(alice, keeper, seal_note(keeper.node_id, passed(alice, 10**7)))
        wanted = f"{10**7:040x}"
        await until(lambda: not archives._hearing._notes, "the notes are taken")
        await until(lambda: _is_known(archives, keeper, wanted), "Alice was heard")
        assert waiting(archives, keeper) <= 2001
        assert len(archives._hearing._notes) <= 128
        start = time.monotonic()
        await asyncio.sleep(0.05)
        assert time.monotonic() - start < 1.0  # the loop is free


def _is_known(archives: Archives, keeper: Fellow, sha1: str) -> bool:
    things = archives._ledger._things("channel_id=?", (keeper.link.channel_id, 10**6))
    return any(thing.sha1 == sha1 for thing in things)


@story
async def test_who_only_claims_to_be_an_archive_is_told_nothing(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3) as (owner, alice, mallory):
        assert not mallory.member.standing.membership.is_archive
        mallory.member.link.greeting._presence = lambda **more: _boast(mallory, **more)
        await mallory.link.greeting.say()
        said = []
        publish = alice.link.publish

        async def watched(subject, body):
            said.append(subject)
            await publish(subject, body)

        alice.link.publish = watched
        await asyncio.sleep(0.3)
        assert not any(peer.is_archive for peer in [*alice.link.present(), *owner.link.present()])
        telling = ArchiveTelling(alice.channels, alice.threads)
        telling.passed("33" * 20, "", "", alice.link.channel_id)
        await asyncio.sleep(0.5)
        assert (said, telling._waiting) == ([], {})
        async with archive_of(mallory) as archives:
            with pytest.raises(RoleMissingError) as refused:
                await archives.set("lab")
            assert refused.value.fields == {"role": "archive", "channel": "lab"}
        await telling.close()


def _boast(fellow: Fellow, *, is_leaving: bool = False) -> bytes:
    from kachery_core.wire.node import Presence

    roles = sorted(fellow.link.own_roles)
    return pack(Presence(fellow.link.instance, roles, True, "1", 1, is_leaving))  # noqa: FBT003


@story
async def test_a_grant_that_is_withdrawn_ends_it(tmp_path, hub):
    async with lab(tmp_path, hub) as ((owner, alice, _, keeper), archives):
        await owner.channels.owned("lab").grant(keeper.node_id, frozenset(Role), is_archive=False)
        await until(lambda: not archive_known(alice, keeper), "Alice knows")
        await until(lambda: not archives._heard, "it listens no more")
        await owner.channels.owned("lab").grant(keeper.node_id, frozenset(Role), is_archive=True)
        await until(lambda: archive_known(alice, keeper), "Alice knows again")
        telling = ArchiveTelling(alice.channels, alice.threads)
        await until(lambda: archives._heard, "it listens again")
        telling.passed("33" * 20, "", "", alice.link.channel_id)
        await until(lambda: waiting(archives, keeper) == 1, "it is told again")
        await telling.close()
