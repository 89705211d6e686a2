"""One channel is asked, and what is said there is told as it was: who has it, who has not, who is
silent, who talks nonsense.
"""

from __future__ import annotations

import asyncio
import os

import pytest

from kachery_core.capabilities import (
    content_discovery,
    content_key,
    feed_discovery,
    feed_key,
    subfeed_discovery,
    subfeed_key_of,
)
from kachery_core.errors import HubUnreachableError
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.sealing import NONCE_SIZE, seal_note
from kachery_core.wire.node import pack, pack_padded, unpack
from kachery_core.wire.node_feeds import (
    FeedFacts,
    FeedOffer,
    FeedOffers,
    FindFeeds,
    HeadFacts,
    seal_facts,
)
from kachery_core.wire.node_files import FileFacts, FileOffer, FileOffers, FindFiles
from kachery_daemon.sharing.inquiries import content_inquiry, feed_inquiry, subfeed_inquiry
from kachery_daemon.sharing.looking import look
from tests.support.channel_samples import ALICE, BOB, HUB, OWNER
from tests.support.feed_samples import Chain
from tests.support.scripted_link import ScriptedLink, answer, peer, standing

SHA1 = "6af826b3d648ccba6b4bbe58e93e22add640d728"
CONTENT = content_inquiry(SHA1, "the content")
FEED = "ab" * 32
INSTANCE = "ab" * 8


def sealed(key: bytes, facts) -> bytes:
    return seal_note(key, os.urandom(NONCE_SIZE), pack(facts))


def offers(size: int = 7, table: bytes = b"t" * 32, addresses: tuple[str, ...] = ()) -> bytes:
    note = sealed(content_key(SHA1), FileFacts(size, table))
    offer = FileOffer(content_discovery(SHA1), note)
    return pack_padded(FileOffers(INSTANCE, list(addresses), [offer]))


NOTHING = pack_padded(FileOffers(INSTANCE, [], []))


def seen(link: ScriptedLink, inquiry=CONTENT, **changes):
    return asyncio.run(look(link, standing(**changes), inquiry))


def test_who_has_it_who_has_not_and_who_is_silent() -> None:
    link = ScriptedLink(
        [peer(ALICE, "alice"), peer(BOB), peer(OWNER)],
        [answer(ALICE, offers(17), "alice"), answer(BOB, NOTHING)],
    )
    facts = seen(link)
    told = {one.node_id: (one.name, one.answer, one.size, one.path) for one in facts.providers}
    assert told == {
        ALICE.public_key: ("alice", "has it", 17, "hub"),
        BOB.public_key: ("", "has it not", None, ""),
        OWNER.public_key: ("", "silent", None, ""),
    }
    ((address, body, role, expect),) = link.asked
    assert (address, role, expect) == ("files.find", Role.PROVIDE_FILES, 3)
    assert unpack(body, FindFiles) == FindFiles([content_discovery(SHA1)], 0)
    assert (facts.was_asked, facts.is_granted, facts.is_enabled) == (True, True, True)


def test_somebody_who_answers_before_they_were_noticed_counts() -> None:
    link = ScriptedLink([], [answer(ALICE, offers())])
    (provider,) = seen(link).providers
    assert provider.answer == "has it"
    assert link.asked[0][3] is None


def test_whoever_may_not_provide_is_not_expected() -> None:
    link = ScriptedLink([peer(ALICE, roles=ALL_ROLES - {Role.PROVIDE_FILES})])
    assert seen(link).providers == []


def test_a_direct_way_is_one_on_which_somebody_listens() -> None:
    async def looked():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            addresses = ("nonsense", "127.0.0.1:0", "[::1]:99999999999", f"127.0.0.1:{port}")
            link = ScriptedLink([], [answer(ALICE, offers(addresses=addresses))])
            return await look(link, standing(), CONTENT)

    assert asyncio.run(looked()).providers[0].path == "direct"


def test_tables_that_differ_are_told() -> None:
    other = answer(BOB, offers(table=b"x" * 32))
    link = ScriptedLink([], [answer(ALICE, offers()), other])
    assert all("table" in provider.problem for provider in seen(link).providers)
    none_yet = answer(BOB, offers(table=bytes(32)))
    link = ScriptedLink([], [answer(ALICE, offers()), none_yet])
    assert not any(provider.problem for provider in seen(link).providers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        pack(FileOffers(INSTANCE, [], [FileOffer(content_discovery(SHA1), b"not sealed")])),
        pack(
            FileOffers(
                INSTANCE,
                [],
                [FileOffer(content_discovery(SHA1), sealed(bytes(32), FileFacts(1, bytes(32))))],
            )
        ),
    ],
)
def test_nonsense_is_told_of_who_said_it(body: bytes) -> None:
    link = ScriptedLink([], [answer(ALICE, body), answer(BOB, offers())])
    told = {one.node_id: one for one in seen(link).providers}
    assert "makes no sense" in told[ALICE.public_key].problem
    assert told[ALICE.public_key].answer == "has it not"
    assert told[BOB.public_key].answer == "has it"
    assert not told[BOB.public_key].problem


def test_without_the_role_nobody_is_asked() -> None:
    roles = ALL_ROLES - {Role.REQUEST_FILES}
    facts = seen(ScriptedLink([peer(ALICE)], roles=roles), roles=roles)
    assert (facts.was_asked, facts.is_granted) == (False, False)
    assert (facts.problem, facts.advice) == ("no request-files", "get request-files")
    assert facts.providers == []
    disabled = seen(ScriptedLink(roles=roles), disabled=frozenset({Role.REQUEST_FILES}))
    assert (disabled.is_granted, disabled.is_enabled) == (True, False)


def test_a_hub_that_does_not_answer_is_told() -> None:
    trouble = HubUnreachableError("gone", hint="wait")
    facts = seen(ScriptedLink(trouble=trouble, state="connecting"))
    assert (facts.was_asked, facts.problem, facts.advice) == (False, "gone", "wait")
    assert (facts.state, facts.name, facts.hub) == ("connecting", "lab", HUB.server)
    later = seen(ScriptedLink([peer(ALICE)], [answer(ALICE, offers())], break_off=trouble))
    assert (later.was_asked, later.problem) == (True, "gone")
    assert later.providers[0].answer == "has it"


def test_subfeeds_are_looked_for_by_their_own_names() -> None:
    chain = Chain()
    signature = chain.append([b"1", b"2"]).signature
    key, head = chain.key, chain.head

    def says(length: int, **more) -> bytes:
        facts = HeadFacts(length, head.entry, signature, is_writer=True, **more)
        note = seal_facts(
            subfeed_key_of(key), os.urandom(NONCE_SIZE), subfeed_discovery(key), facts
        )
        return pack_padded(FeedOffers(INSTANCE, [FeedOffer(subfeed_discovery(key), note)]))

    link = ScriptedLink(
        [],
        [answer(ALICE, says(2, is_forked=True)), answer(BOB, says(3, is_forked=False))],
    )
    facts = seen(link, subfeed_inquiry(key, "a subfeed"))
    told = {one.node_id: one for one in facts.providers}
    assert (facts.role, told[ALICE.public_key].size) == (Role.REQUEST_FEEDS, 2)
    assert "two histories" in told[ALICE.public_key].problem
    # A length that the feed's writer did not sign is no length.
    assert told[BOB.public_key].size is None
    assert "makes no sense" in told[BOB.public_key].problem
    assert unpack(link.asked[0][1], FindFeeds) == FindFeeds([subfeed_discovery(key)])
    assert link.asked[0][0] == "feeds.find"


def test_a_whole_feed_is_looked_for() -> None:
    discovery = feed_discovery(FEED)
    note = seal_facts(
        feed_key(FEED), os.urandom(NONCE_SIZE), discovery, FeedFacts(2, is_writer=True)
    )
    offer = FeedOffer(discovery, note)
    link = ScriptedLink(
        [],
        [
            answer(ALICE, pack_padded(FeedOffers(INSTANCE, [offer]))),
            answer(BOB, pack_padded(FeedOffers(INSTANCE, []))),
        ],
    )
    told = seen(link, feed_inquiry(FEED, "a feed")).providers
    assert [(one.answer, one.size) for one in told] == [("has it", 2), ("has it not", None)]
