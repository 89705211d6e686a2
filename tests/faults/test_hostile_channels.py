"""Members, hubs and clocks that do not behave: nothing wrong counts, and everything goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import time

import pytest

from kachery_core import subjects
from kachery_core.errors import KacheryError
from kachery_core.keys import SeedSigner
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.wire.hub import Deposit, Found
from kachery_core.wire.node import MembershipNews, Presence, RecordNews, pack
from kachery_daemon.channels.decisions import put_out
from kachery_daemon.network.connections import Connection
from kachery_daemon.network.lobby import Lobby
from kachery_daemon.network.tls import ssl_context
from kachery_store.folder import Folder
from tests.support.bare_nats import unlimited_user
from tests.support.fellows import Fellow, everybody_present, fellowship, new_fellow, until
from tests.support.hubs import running_hub
from tests.support.stories import story

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

FIND = subjects.find("files")
SOON = 5.0


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(autouse=True)
def no_traceback(caplog):
    """Whatever comes from outside, no traceback gets into the log."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not [record for record in caplog.records if record.exc_info and record.levelno >= 40]


async def eye(owner, signer):
    """A connection into the channel's account that may do everything: the hub's own."""
    standing = owner.member.standing
    line = Connection(
        standing.hub_url, unlimited_user(owner.member.channel, signer), signer, "the hub"
    )
    await line.open(await asyncio.to_thread(ssl_context, standing.hub_url))
    return line


async def answers(link, subject, body, timeout=3.0, expect=None):
    asked = link.ask(subject, body, role=Role.PROVIDE_FILES, timeout=timeout, expect=expect)
    return [answer.body async for answer in asked]


@story
async def test_the_hub_sees_neither_names_nor_words(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3) as fellows:
        one, two, three = fellows
        seen = []
        line = await eye(one, SeedSigner(bytes([99]) * 32))

        async def note(message):
            seen.append((message.subject, message.reply, bytes(message.data)))

        await line.subscribe(">", note)
        await line.settle()

        async def tell(question):
            return b"secret-answer to " + question.body

        own = subjects.get("files", two.node_id, two.link.instance)
        await two.link.serve(FIND, Role.PROVIDE_FILES, tell)
        await two.link.serve(own, Role.PROVIDE_FILES, tell)
        await three.link.subscribe(subjects.live("feeds", "ab" * 16), Role.PROVIDE_FEEDS, _ignore)
        await asyncio.sleep(0.1)
        for number in range(50):
            assert await answers(one.link, FIND, b"secret-question %d" % number, expect=1)
            assert await answers(one.link, own, b"secret-question %d" % number)
            await one.link.publish(subjects.live("feeds", "ab" * 16), b"secret-news")
        await one.channels.owned("lab").grant(three.node_id, ALL_ROLES, is_archive=True)
        await one.channels.owned("lab").revoke(two.node_id)
        await until(lambda: two.link.state == "revoked", "it is out", SOON)
        await line.settle()
        await line.close()
        assert len(seen) > 250
        keys = [one.member.standing.newest_key, one.member.standing._keys[1]]
        words = [b"secret", b"lab", *(fellow.node_id.encode() for fellow in fellows), *keys]
        for subject, reply, data in seen:
            for word in words:
                assert word not in data
                assert word not in f"{subject} {reply}".encode()


@story
async def test_garbage_on_every_subject_is_counted_and_ignored(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        await two.link.serve(FIND, Role.PROVIDE_FILES, _echo)
        own = subjects.get("files", two.node_id, two.link.instance)
        await two.link.serve_bulk(own, Role.PROVIDE_FILES, lambda _, respond: respond(b"x"))
        line = await eye(one, SeedSigner(bytes([99]) * 32))
        recorded = []

        async def note(message):
            recorded.append((message.subject, message.reply, bytes(message.data)))

        await line.subscribe(">", note)
        await line.settle()
        assert await answers(one.link, FIND, b"x", expect=1)
        assert await one.link.bulk_request(own, b"", 3) == [b"x"]
        await one.link.greeting.say()
        await line.settle()
        heard = list(recorded)
        targets = {subject for subject, _, _ in heard} | {
            subjects.RECORD,
            subjects.ASK,
            *(subjects.membership(each.node_id) for each in (one, two)),
            *(subjects.presence(each.node_id) for each in (one, two)),
            *(
                each.link._lines.inbox(line_, "*")[:-1] + "x"
                for each in (one, two)
                for line_ in "cbp"
            ),
            f"{own}.bulk",
            own,
        }
        junk = [b"", b"x", bytes(4), bytes(64), os.urandom(3000), (1).to_bytes(4, "big") * 30]
        for subject in targets:
            for data in junk:
                await line.publish(subject, data, "_INBOX_x.y")
                await line.publish(subject, data)
        # Everything that was ever said, again: as it was, at other places, with other replies.
        for subject, reply, data in heard:
            await line.publish(subject, data, reply)
            for other in (FIND, subjects.RECORD, subjects.ASK, f"{own}.bulk"):
                await line.publish(other, data, "_INBOX_x.y")
        await line.settle()
        assert await answers(one.link, FIND, b"y", expect=1) == [b"echo y"]
        assert await one.link.bulk_request(own, b"", 3) == [b"x"]
        assert two.counts["bad-envelope"] + two.counts["unknown-epoch"] > len(junk)
        assert {fellow.link.state for fellow in (one, two)} == {"connected"}
        assert one.link.greeting.table.doubled() == frozenset()
        await line.close()


@story
async def test_who_lacks_a_role_and_gets_past_the_hub_is_told_nothing(tmp_path, hub):
    asked = []

    async def note(question):
        asked.append((question.sender.node_id, question.is_allowed))
        return b"something" if question.is_allowed else b"nothing"

    async with fellowship(tmp_path, hub.url, 2, frozenset({Role.PROVIDE_FEEDS})) as (one, two):
        await one.link.serve(FIND, Role.PROVIDE_FILES, note)
        heard = []

        async def hear(sender, _):
            heard.append(sender.node_id)

        news = subjects.live("tasks", "ab" * 16)
        await one.link.subscribe(news, Role.PROVIDE_TASKS, hear)
        # The hub lets it through; its membership does not.
        line = await eye(one, SeedSigner(two.seed))
        seal = two.link._lines.envelopes.seal
        inbox = f"{subjects.inbox_prefix(two.node_id)}.x.y"
        for number in range(3):
            await line.publish(FIND, seal(FIND, b"%d" % number), inbox)
            await line.publish(news, seal(news, b"%d" % number))
        # What came that way with somebody else's inbox is not answered at all.
        await line.publish(FIND, seal(FIND, b"x"), f"{subjects.inbox_prefix(one.node_id)}.x")
        await until(lambda: len(asked) == 3, "they came")
        await until(lambda: one.counts["news-without-role"] == 3, "they came")
        await until(lambda: one.counts["misdirected"] == 1, "it came")
        assert asked == [(two.node_id, False)] * 3
        assert heard == []
        await line.close()


@story
async def test_a_revocation_counts_everywhere_though_its_messages_were_dropped(
    tmp_path, hub, monkeypatch
):
    async with fellowship(tmp_path, hub.url, 4) as fellows:
        one, two, three, four = fellows
        await three.link.serve(FIND, Role.PROVIDE_FILES, _echo)
        await asyncio.sleep(0.1)
        assert await answers(two.link, FIND, b"x", expect=1)
        owner = one.channels.owned("lab")

        async def say_nothing(*_):
            return None

        # Nobody is told, the hub neither: what is left is that the owner is there, to be asked.
        for what in ("record", "new_key", "member", "hub"):
            monkeypatch.setattr(owner.telling, what, say_nothing)
        await owner.revoke(two.node_id)
        for fellow in (three, four):
            await until(
                lambda fellow=fellow: (
                    not fellow.member.standing.is_allowed(two.member.standing.membership, None)
                ),
                "it is out everywhere",
                SOON,
            )
        # It does not know yet, but nobody answers it any more.
        assert await answers(two.link, FIND, b"y", timeout=0.5) == []
        await until(lambda: three.member.standing.epoch == 2, "the new key", SOON)
        assert await answers(one.link, FIND, b"z", expect=1) == [b"echo z"]
        monkeypatch.undo()


@story
async def test_a_hub_that_serves_what_is_old_changes_nothing(tmp_path, hub, monkeypatch):
    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        owner, standing = one.channels.owned("lab"), two.member.standing
        old = Found(
            standing.record.text,
            Deposit(standing.membership.text, owner.telling.letter(two.node_id)),
        )
        await owner.grant(two.node_id, frozenset({Role.REQUEST_FILES}), is_archive=None)
        await owner.revoke(three.node_id)
        await until(lambda: standing.record.version == 3 and standing.epoch == 2, "the newest")
        now = standing.version()

        async def lookup(*_):
            return old

        monkeypatch.setattr(Lobby, "lookup", lookup)
        await two.member.refresh()
        await two.member.take(old.record, old.deposit.membership, old.deposit.letter)
        assert standing.version() == now
        assert standing.own_roles == {Role.REQUEST_FILES}
        # On the disk neither: after a restart it is the newest again.
        await two.stop()
        await two.start()
        assert two.member.standing.version() == now
        monkeypatch.undo()
        await until(lambda: two.link.state == "connected", "it is back")


@story
async def test_only_the_channel_itself_says_who_belongs_to_it(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        standing = three.member.standing
        before = standing.version()
        line = await eye(one, SeedSigner(two.seed))
        seal = two.link._lines.envelopes.seal
        liar = SeedSigner(bytes([55]) * 32)
        forged = put_out(liar, standing.record, standing.membership, time.time())
        own = subjects.membership(three.node_id)
        for subject, packet in [
            (subjects.RECORD, RecordNews(forged.text)),
            (subjects.RECORD, RecordNews(standing.record.text)),
            (own, MembershipNews(two.member.standing.membership.text)),
            (own, MembershipNews(standing.membership.text, b"no letter")),
            (own, MembershipNews("x")),
        ]:
            await line.publish(subject, seal(subject, pack(packet)))
        presence = Presence(
            "f" * 16, list(ALL_ROLES), is_archive=False, version="1", record_version=2**50
        )
        to = subjects.presence(two.node_id)
        await line.publish(to, seal(to, pack(presence)))
        await line.settle()
        await asyncio.sleep(0.3)
        assert standing.version() == before
        assert standing.problem() is None
        await three.member.take(record=forged.text)
        with pytest.raises(KacheryError):
            await three.member.take(record=forged.text[:-3] + "abc")
        assert standing.version() == before
        await line.close()


@story
async def test_two_nodes_with_one_key_are_noticed_by_everybody(tmp_path, hub, caplog):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        copy = tmp_path / "copy"
        shutil.copytree(two.folder.root, copy)
        twin = Fellow(two.seed, Folder(copy))
        await twin.start()
        everybody = (one, two, twin)
        await until(
            lambda: all(each.link.greeting.table.doubled() for each in everybody), "noticed", 20
        )
        assert one.link.greeting.table.doubled() == {two.node_id}
        assert "Another node uses the key of this one" in caplog.text
        assert len(one.link.present()) == 1
        await twin.stop()
        twin.threads.close()


@story
async def test_an_owner_that_was_restored_from_a_backup_goes_on(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 4) as fellows:
        one, two, three, four = fellows
        await one.stop()
        backup = tmp_path / "backup"
        shutil.copytree(one.folder.root, backup)
        await one.start()
        await everybody_present(fellows)
        await one.channels.owned("lab").revoke(two.node_id)
        await one.channels.owned("lab").grant(
            three.node_id, frozenset({Role.PROVIDE_FILES}), is_archive=None
        )
        await until(lambda: three.link.own_roles == {Role.PROVIDE_FILES}, "granted")
        ledger = one.member.registry.ledger
        await until(lambda: not ledger.untold(one.member.standing.channel_id), "told")
        await one.stop()
        one.folder = Folder(backup)
        await one.start()
        owner = one.channels.owned("lab")
        # It decides before it has heard that it is behind.
        await owner.revoke(four.node_id)
        for fellow in (two, four):
            await until(lambda fellow=fellow: fellow.link.state == "revoked", "it is out")
        await until(lambda: len(owner.standing.record.revocations) == 3, "it knows both")
        await until(lambda: three.member.standing.epoch == 3, "it got the new key")
        await everybody_present([one, three])
        await three.link.serve(FIND, Role.PROVIDE_FILES, _echo)
        await three.link._lines.open_control().settle()
        assert await answers(one.link, FIND, b"x", expect=1) == [b"echo x"]
        assert owner.standing.record.text == three.member.standing.record.text


@pytest.mark.parametrize("hours", [(0, 1), (1, 0), (-1, 0), (0, -1)])
@story
async def test_a_clock_that_is_off_by_an_hour_breaks_nothing(tmp_path, hub, hours):
    fellows = [
        new_fellow(tmp_path, number, clock=lambda by=by: time.time() + 3600 * by)
        for number, by in enumerate(hours)
    ]
    one, two = fellows
    for fellow in fellows:
        await fellow.start()
    await one.channels.create("lab", hub.url)
    await two.channels.join(await one.invite(two))
    await everybody_present(fellows)
    await two.link.serve(FIND, Role.PROVIDE_FILES, _echo)
    await asyncio.sleep(0.1)
    assert await answers(one.link, FIND, b"x", expect=1) == [b"echo x"]
    owner = one.channels.owned("lab")
    await owner.grant(two.node_id, frozenset({Role.PROVIDE_FILES}), is_archive=None)
    await until(lambda: two.link.own_roles == {Role.PROVIDE_FILES}, "granted", SOON)
    await everybody_present(fellows)
    await owner.revoke(two.node_id)
    await until(lambda: two.link.state == "revoked", "it is out", SOON)
    # The owner's clock is set right: what is granted now counts all the same.
    one.member.standing.clock = time.time
    await two.channels.join(await one.invite(two))
    await everybody_present(fellows)
    for fellow in fellows:
        await fellow.stop()
        fellow.threads.close()


@story
async def test_memberships_are_renewed_and_end_without_their_owner(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3, lifetime=6) as fellows:
        one, two, three = fellows
        await three.stop()
        end = time.monotonic() + 14
        while time.monotonic() < end:
            assert two.link.state in {"connected", "connecting"}
            assert two.member.standing.problem() is None
            await asyncio.sleep(0.1)
        # Who was away for more than its whole membership is let in again.
        await three.start()
        await until(lambda: three.link.state == "connected", "renewed", 20)
        await everybody_present(fellows)
        await one.stop()
        await until(lambda: two.link.state == "expired", "ended", 20)
        assert "ended" in str(two.link.failure)
        await one.start()
        await until(lambda: two.link.state == "connected", "renewed", 40)


@story
async def test_a_hub_that_stops_answering_is_lost_and_found(tmp_path):
    with running_hub(tmp_path / "hub") as hub:
        async with fellowship(tmp_path, hub.url, 2) as (one, two):
            await two.link.serve(FIND, Role.PROVIDE_FILES, _echo)
            os.kill(hub.server_pid, signal.SIGSTOP)
            try:
                assert await answers(one.link, FIND, b"x", timeout=1) == []
                await until(lambda: one.link.state == "connecting", "noticed", 40)
            finally:
                os.kill(hub.server_pid, signal.SIGCONT)
            await everybody_present([one, two])
            assert await answers(one.link, FIND, b"y", expect=1) == [b"echo y"]


@story
async def test_a_node_that_was_killed_is_gone_soon(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        for task in two.link._tasks:
            task.cancel()
        await two.link._lines.close()
        await until(lambda: not one.link.present(), "it is gone", 30)


async def _echo(question):
    return b"echo " + question.body


async def _ignore(_, __):
    return None
