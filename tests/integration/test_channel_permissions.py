"""A real nats-server reads our memberships and records, and lets nobody do what they do not say.

The server is as it comes, with default limits: what it enforces, it read from the tokens.
"""

import asyncio
import itertools
import time

import nats.errors

from kachery_core import subjects
from kachery_core.digests import json_bytes
from kachery_core.keys import SeedSigner
from kachery_core.memberships import LARGEST_MEMBERSHIP
from kachery_core.roles import ALL_ROLES, Role, may_receive, may_send
from tests.support.bare_nats import PATIENCE_SECONDS, bare_nats, unlimited_user
from tests.support.channel_samples import (
    ALICE,
    BOB,
    CHANNEL,
    OTHER_CHANNEL,
    OWNER,
    claims_of,
    membership,
    record,
    seed,
    token,
)

CAROL = SeedSigner(seed(14))
TOPICS = ("files", "feeds", "tasks")


def every_subject():
    """Every address that a channel has, some that it has not, and the server's own."""
    nodes = (ALICE.public_key, BOB.public_key)
    yield from (
        subjects.RECORD,
        subjects.ASK,
        "members.x",
        "x",
        "files.live.x",
        "files",
        "lobby.register",
    )
    yield from ("$JS.API.INFO", "$JS.API.STREAM.CREATE.x", "$KV.x.y", "$SYS.REQ.USER.INFO.x")
    for node in nodes:
        yield from (subjects.membership(node), subjects.presence(node), subjects.archive(node))
        yield f"{subjects.inbox_prefix(node)}.x"
        yield from (subjects.get(topic, node, "0" * 16) for topic in TOPICS)
    for topic in TOPICS:
        yield from (subjects.find(topic), f"{topic}.x")
    yield from (subjects.live("feeds", "x"), subjects.live("tasks", "x"))


SUBJECTS = tuple(every_subject())


def granted_sets():
    """Every role alone and missing alone, none, all; and what the owner may besides."""
    for role in Role:
        yield {"roles": {role}}
        yield {"roles": ALL_ROLES - {role}}
    for roles, is_owner, is_archive in itertools.product(
        (set(), ALL_ROLES), (False, True), (False, True)
    ):
        yield {"roles": roles, "is_owner": is_owner, "is_archive": is_archive}


def fresh(node=ALICE, **changes):
    """A membership that counts by the server's clock."""
    now = int(time.time())
    return membership(node, **{"issued_at": now, "expires_at": now + 3600, **changes})


def in_a_channel(folder, story):
    """Run a story on a server that knows the channel."""

    async def run():
        async with bare_nats(folder) as server:
            await server.push(record())
            await asyncio.wait_for(story(server), 120)

    asyncio.run(run())


async def join(server, node, **facts):
    member = fresh(node, **facts)
    return await server.connect(node, member.text, node.public_key)


async def is_refused(server, node, text):
    """Whether the server lets a node not in with a token."""
    try:
        await server.connect(node, text)
    except (nats.errors.Error, OSError):
        return True
    return False


async def witness(server):
    """The hub's own view: it may do everything."""
    return await server.connect(CAROL, unlimited_user(CHANNEL, CAROL), "witness")


def test_the_server_lets_each_role_do_what_the_table_says_and_no_more(tmp_path):
    async def story(server):
        cells = 0
        for facts in granted_sets():
            member, seen_by_hub = fresh(**facts), await witness(server)
            await seen_by_hub.listen(*SUBJECTS)
            alice = await server.connect(ALICE, member.text, "alice")

            await alice.tell(*SUBJECTS)
            await seen_by_hub.settle()
            sent = {subject for subject, data in seen_by_hub.heard if data == b"alice"}
            assert sent == {subject for subject in SUBJECTS if may_send(member, subject)}, facts

            await alice.listen(*SUBJECTS)
            alice.heard.clear()
            await seen_by_hub.tell(*SUBJECTS)
            await alice.settle()
            received = {subject for subject, data in alice.heard if data == b"witness"}
            expected = {subject for subject in SUBJECTS if may_receive(member, subject)}
            assert received == expected, facts

            assert len(alice.errors) == 2 * len(SUBJECTS) - len(sent) - len(received)
            cells += 2 * len(SUBJECTS)
            await alice.nc.close()
            await seen_by_hub.nc.close()
        assert cells == 20 * 2 * len(SUBJECTS)

    in_a_channel(tmp_path, story)


def test_nobody_listens_to_more_than_their_own_by_a_wildcard(tmp_path):
    async def story(server):
        bob = await join(server, BOB)
        alice = await join(server, ALICE)
        wide = [">", "*", "*.>", f"{subjects.inbox_prefix(ALICE.public_key)}.>"]
        wide += ["members.>", "members.*", "files.>", "files.get.>", "files.get.*.*", "archive.>"]
        wide += ["$SYS.>", "$JS.>", subjects.ASK, subjects.membership(ALICE.public_key)]
        await bob.listen(*wide)
        await alice.listen(f"{subjects.inbox_prefix(ALICE.public_key)}.>")
        refused = [problem.split('"')[1] for problem in bob.errors]
        assert refused == [each.lower() for each in wide]

        seen_by_hub = await witness(server)
        secrets = [f"{subjects.inbox_prefix(ALICE.public_key)}.1", "members.x", subjects.ASK]
        secrets += [
            subjects.membership(ALICE.public_key),
            subjects.get("files", ALICE.public_key, "0"),
        ]
        await seen_by_hub.tell(*secrets)
        await alice.settle()
        await bob.settle()
        assert [subject for subject, _ in alice.heard] == secrets[:1]
        assert bob.heard == []

    in_a_channel(tmp_path, story)


def test_only_the_owner_says_who_belongs_to_the_channel(tmp_path):
    async def story(server):
        alice = await join(server, ALICE)
        bob, owner = await join(server, BOB), await join(server, OWNER, is_owner=True)
        own = subjects.membership(ALICE.public_key)
        await alice.listen(subjects.RECORD, own)
        await owner.listen(subjects.ASK)

        await bob.tell(subjects.RECORD, own, subjects.ASK)
        await owner.settle()
        assert [data.decode() for _, data in owner.heard] == [BOB.public_key]
        await alice.settle()
        assert alice.heard == []
        assert len(bob.errors) == 2

        await owner.tell(subjects.RECORD, own)
        await alice.settle()
        assert [subject for subject, _ in alice.heard] == [subjects.RECORD, own]

    in_a_channel(tmp_path, story)


def test_who_is_asked_may_answer_and_nobody_else(tmp_path):
    async def story(server):
        alice = await join(server, ALICE, roles={Role.REQUEST_FILES})
        bob = await join(server, BOB, roles={Role.PROVIDE_FILES})
        asked = asyncio.get_running_loop().create_future()

        async def answer(message):
            if not asked.done():
                asked.set_result(message.reply)
            await message.respond(b"one")
            await message.respond(b"two")

        await bob.nc.subscribe("files.find", cb=answer)
        await bob.settle()
        inbox = f"{subjects.inbox_prefix(ALICE.public_key)}.question"
        await alice.listen(f"{inbox}.>")

        # Before he is asked, and anywhere but where he is asked to.
        await bob.tell(f"{inbox}.1")
        await alice.nc.publish("files.find", b"?", reply=f"{inbox}.1")
        assert await asyncio.wait_for(asked, PATIENCE_SECONDS) == f"{inbox}.1"
        await bob.settle()
        await bob.tell(f"{inbox}.2")
        await alice.settle()
        assert alice.heard == [(f"{inbox}.1", b"one"), (f"{inbox}.1", b"two")]
        assert len(bob.errors) == 2

        # And who asks gets answers with the ordinary call of the library, too.
        reply = await alice.nc.request("files.find", b"?", timeout=PATIENCE_SECONDS)
        assert reply.data == b"one"

    in_a_channel(tmp_path, story)


def test_a_question_takes_at_most_1024_answers(tmp_path):
    async def story(server):
        alice = await join(server, ALICE, roles={Role.REQUEST_FILES})
        bob = await join(server, BOB, roles={Role.PROVIDE_FILES})

        async def answer(message):
            for _ in range(1030):
                await message.respond(b".")

        await bob.nc.subscribe("files.find", cb=answer)
        await bob.settle()
        inbox = f"{subjects.inbox_prefix(ALICE.public_key)}.1"
        await alice.listen(inbox)
        await alice.nc.publish("files.find", b"?", reply=inbox)
        await alice.settle()
        for _ in range(100):
            if bob.errors:
                break
            await bob.settle()
        await alice.settle()
        assert len(alice.heard) == 1024

    in_a_channel(tmp_path, story)


def test_nobody_gets_in_with_what_the_channel_did_not_sign_for_them(tmp_path):
    async def story(server):
        now = int(time.time())
        right = fresh()
        claims = claims_of(right.text)
        forged = {
            "signed by another channel in this one's name": token(claims, OTHER_CHANNEL),
            "signed by the member himself": token(claims, ALICE),
            "changed": right.text[:-9] + ("A" if right.text[-9] != "A" else "B") + right.text[-8:],
            "ended": fresh(issued_at=now - 60, expires_at=now - 1).text,
            "of a channel that the hub does not know": fresh(channel=OTHER_CHANNEL).text,
            "of somebody else": fresh(BOB).text,
            "none": "",
            "unsigned": right.text.rpartition(".")[0] + ".",
        }
        for why, text in forged.items():
            assert await is_refused(server, ALICE, text), f"let in with what was {why}"
        assert (await server.connect(ALICE, right.text)).nc.is_connected

    in_a_channel(tmp_path, story)


def test_the_largest_membership_fits_into_the_first_line_of_any_server(tmp_path):
    async def story(server):
        large = fresh(name="\U0001f52c" * 64, is_owner=True, is_archive=True)
        padded = claims_of(large.text)
        room = LARGEST_MEMBERSHIP - len(large.text) - 10
        padded["nats"]["tags"].append("x" * (room * 3 // 4))
        text = token(json_bytes(padded))
        assert LARGEST_MEMBERSHIP - 20 < len(text) <= LARGEST_MEMBERSHIP
        assert (await server.connect(ALICE, text)).nc.is_connected

    in_a_channel(tmp_path, story)


def test_a_membership_that_ends_while_it_is_used_ends_the_connection(tmp_path):
    async def story(server):
        now = int(time.time())
        text = fresh(issued_at=now, expires_at=now + 2).text
        alice, bob = await server.connect(ALICE, text), await join(server, BOB)
        await asyncio.wait_for(alice.ended.wait(), PATIENCE_SECONDS)
        await asyncio.sleep(1)  # nats-server counts whole seconds
        assert await is_refused(server, ALICE, text)
        assert bob.nc.is_connected

    in_a_channel(tmp_path, story)


def test_who_is_revoked_is_cut_off_at_once_and_comes_back_with_what_is_issued_later(tmp_path):
    async def story(server):
        now = int(time.time())
        old = fresh(ALICE, issued_at=now)
        alice, bob = await server.connect(ALICE, old.text), await join(server, BOB)

        begin = time.monotonic()
        await server.push(record(version=2, revocations={ALICE.public_key: now}))
        await asyncio.wait_for(alice.ended.wait(), PATIENCE_SECONDS)
        assert time.monotonic() - begin < 5
        assert bob.nc.is_connected
        assert await is_refused(server, ALICE, old.text)

        # A second later by the token, not by the clock.
        fewer = fresh(ALICE, roles={Role.REQUEST_FILES}, issued_at=now + 1)
        again = await server.connect(ALICE, fewer.text)
        await again.tell("files.find", "feeds.find")
        assert len(again.errors) == 1
        assert bob.nc.is_connected

    in_a_channel(tmp_path, story)


def test_two_channels_of_one_hub_hear_nothing_of_each_other(tmp_path):
    async def story(server):
        await server.push(record(OTHER_CHANNEL))
        here = await join(server, ALICE)
        there = await join(server, ALICE, channel=OTHER_CHANNEL)
        await here.listen("files.find", "presence.*")
        await there.listen("files.find", "presence.*")
        await here.tell("files.find", subjects.presence(ALICE.public_key))
        await there.settle()
        assert len(here.heard) == 2
        assert there.heard == []

    in_a_channel(tmp_path, story)
