"""What a link promises, over a real hub: questions, answers, news, bulk, roles, reconnecting."""

from __future__ import annotations

import asyncio
import time

import pytest

from kachery_core import subjects
from kachery_core.errors import (
    HubUnreachableError,
    NoProviderError,
    RoleMissingError,
    TooBusyError,
    TransferStalledError,
)
from kachery_core.roles import ALL_ROLES, Role
from kachery_daemon.network.presence import GONE_SECONDS
from tests.support.fellows import everybody_present, fellowship, new_fellow, until
from tests.support.hubs import running_hub
from tests.support.stories import story

FIND = subjects.find("files")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


async def echo(question):
    return b"echo " + question.body


async def answers(link, subject, body, role=Role.PROVIDE_FILES, timeout=3.0, expect=None):
    asked = link.ask(subject, body, role=role, timeout=timeout, expect=expect)
    return [(answer.sender.node_id, answer.body) async for answer in asked]


@story
async def test_everybody_who_provides_is_asked_and_answers(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        for each in (two, three):
            await each.link.serve(FIND, Role.PROVIDE_FILES, echo)
        await settled(two, three)
        found = await answers(one.link, FIND, b"x", expect=2)
        assert sorted(found) == sorted([(two.node_id, b"echo x"), (three.node_id, b"echo x")])


@story
async def test_an_answer_may_come_in_parts(tmp_path, hub):
    async def several(_):
        return [b"a", b"b", b"c"]

    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        await two.link.serve(FIND, Role.PROVIDE_FILES, several)
        await settled(two)
        found = await answers(one.link, FIND, b"", expect=1)
        assert [body for _, body in found] == [b"a", b"b", b"c"]


@story
async def test_a_question_that_nobody_hears_ends_at_once(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, _):
        assert await answers(one.link, FIND, b"x", timeout=1000) == []


@story
async def test_whoever_has_nothing_to_say_lets_the_time_pass(tmp_path, hub):
    async def nothing(_):
        return None

    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        await two.link.serve(FIND, Role.PROVIDE_FILES, nothing)
        await settled(two)
        assert await answers(one.link, FIND, b"x", timeout=0.3) == []


@story
async def test_asking_needs_the_role_to_ask(tmp_path, hub):
    roles = frozenset({Role.PROVIDE_FILES})
    async with fellowship(tmp_path, hub.url, 2, roles) as (_, two):
        with pytest.raises(RoleMissingError, match="does not have the role request-files"):
            await answers(two.link, FIND, b"x")


@story
async def test_a_disabled_role_is_as_good_as_none(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        await two.link.serve(FIND, Role.PROVIDE_FILES, echo)
        await settled(two)
        assert await answers(one.link, FIND, b"x", expect=1)
        await two.channels.change_roles("lab", [], [Role.PROVIDE_FILES, Role.REQUEST_FILES])
        await settled(two)
        assert await answers(one.link, FIND, b"x", expect=1) == []
        with pytest.raises(RoleMissingError, match="disabled on this node"):
            await answers(two.link, FIND, b"x")
        await until(lambda: not one.link.present(Role.PROVIDE_FILES), "the other sees it")
        await two.channels.change_roles("lab", [Role.PROVIDE_FILES], [])
        await settled(two)
        assert await answers(one.link, FIND, b"x", expect=1)
        await until(lambda: one.link.present(Role.PROVIDE_FILES), "the other sees it again")


@story
async def test_an_answerer_needs_the_role_too(tmp_path, hub):
    roles = frozenset(ALL_ROLES - {Role.PROVIDE_FILES})
    async with fellowship(tmp_path, hub.url, 2, roles) as (one, two):
        # Registered, and not subscribed: the role is missing.
        await two.link.serve(FIND, Role.PROVIDE_FILES, echo)
        # Subscribed against the rules; the hub does not let it hear.
        await two.link._subscriptions.add(FIND, None, two.link._answerer.questions(echo))
        await settled(two)
        assert await answers(one.link, FIND, b"x", timeout=1) == []


@story
async def test_one_node_is_asked_by_its_own_subject(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        for each in (two, three):
            own = subjects.get("files", each.node_id, each.link.instance)
            await each.link.serve(own, Role.PROVIDE_FILES, echo)
        await settled(two, three)
        wanted = subjects.get("files", three.node_id, three.link.instance)
        found = await answers(one.link, wanted, b"y", timeout=1000)
        assert found == [(three.node_id, b"echo y")]


@story
async def test_news_reach_those_who_may_hear_them(tmp_path, hub):
    subject = subjects.live("feeds", "ab" * 16)
    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        heard = {}

        def hears(number):
            async def hear(sender, body):
                heard.setdefault(number, []).append((sender.node_id, body))

            return hear

        end = await two.link.subscribe(subject, Role.PROVIDE_FEEDS, hears(2))
        await three.link.subscribe(subject, Role.PROVIDE_FEEDS, hears(3))
        await three.channels.change_roles("lab", [], [Role.REQUEST_FEEDS])
        await settled(two, three)
        for number in range(3):
            await one.link.publish(subject, b"%d" % number)
        await until(lambda: len(heard.get(2, [])) == 3, "the news")
        assert heard == {2: [(one.node_id, b"%d" % number) for number in range(3)]}
        await end()
        await one.link.publish(subject, b"more")
        await settled(one, two)
        assert len(heard[2]) == 3


@story
async def test_bulk_comes_as_it_was_sent(tmp_path, hub):
    frames = [bytes([number]) * size for number, size in enumerate((1 << 20, 0, 17, 6_000_000))]

    async def bulk(question, respond):
        assert question.body == b"which"
        assert question.is_allowed
        for frame in frames:
            await respond(frame)

    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        own = subjects.get("files", two.node_id, two.link.instance)
        await two.link.serve_bulk(own, Role.PROVIDE_FILES, bulk)
        await two.link.serve(own, Role.PROVIDE_FILES, echo)
        await settled(two)
        assert await one.link.bulk_request(own, b"which", 5, largest=8 << 20) == frames
        # An answer that is longer than agreed is not waited for.
        with pytest.raises(TransferStalledError):
            await one.link.bulk_request(own, b"which", 5)
        # The same subject for control is another matter.
        assert await answers(one.link, own, b"x") == [(two.node_id, b"echo x")]


@story
async def test_however_much_is_asked_for_the_hub_need_not_cut_the_connection(tmp_path, hub):
    async def bulk(_, respond):
        for _ in range(8):
            await respond(bytes(1 << 20))

    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        own = subjects.get("files", two.node_id, two.link.instance)
        await two.link.serve_bulk(own, Role.PROVIDE_FILES, bulk)
        await settled(two)
        line = one.link._lines.bulk
        asked = [one.link.bulk_request(own, b"", 30, largest=8 << 20) for _ in range(12)]
        for frames in await asyncio.gather(*asked):
            assert len(frames) == 8
        assert one.link._lines.bulk is line
        assert one.link._bulk_asking._window._left == 16 << 20


@story
async def test_bulk_of_nobody_and_of_somebody_who_is_slow(tmp_path, hub):
    async def slow(_, respond):
        await respond(b"a")
        await asyncio.sleep(5)

    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        own = subjects.get("files", two.node_id, two.link.instance)
        with pytest.raises(NoProviderError):
            await one.link.bulk_request(own, b"", 5)
        await two.link.serve_bulk(own, Role.PROVIDE_FILES, slow)
        await settled(two)
        with pytest.raises(TransferStalledError):
            await one.link.bulk_request(own, b"", 0.2)


@story
async def test_who_has_never_heard_of_a_member_gets_the_whole_membership(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        await two.link.serve(FIND, Role.PROVIDE_FILES, echo)
        own = subjects.get("files", two.node_id, two.link.instance)
        await two.link.serve_bulk(own, Role.PROVIDE_FILES, lambda _, respond: respond(b"bulk"))
        await settled(two)
        # As after some heartbeats, when hashes are enough; and then the other has forgotten.
        for each in (one, two):
            each.link._lines._announced_at = time.monotonic() - 60
        assert await answers(one.link, FIND, b"1", expect=1)
        for each in (one, two):
            each.link._lines.envelopes._members.clear()
        assert await answers(one.link, FIND, b"2", expect=1) == [(two.node_id, b"echo 2")]
        two.link._lines.envelopes._members.clear()
        assert await one.link.bulk_request(own, b"", 3) == [b"bulk"]
        # Only the asker has forgotten: the answer comes again, in full.
        one.link._lines.envelopes._members.clear()
        assert await answers(one.link, FIND, b"3", expect=1) == [(two.node_id, b"echo 3")]
        assert one.counts["unknown-membership"] + two.counts["unknown-membership"] >= 3


@story
async def test_a_flood_of_one_leaves_room_for_the_others(tmp_path, hub):
    running = most = 0

    async def busy(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return b"done"

    async with fellowship(tmp_path, hub.url, 3) as (one, two, three):
        await one.link.serve(FIND, Role.PROVIDE_FILES, busy)
        await settled(one)

        async def ask_once():
            try:
                return len(await answers(two.link, FIND, b"x", timeout=3, expect=1))
            except TooBusyError:
                return 0

        flood = asyncio.gather(*(ask_once() for _ in range(300)))
        await asyncio.sleep(0.05)
        assert await answers(three.link, FIND, b"y", expect=1)
        assert not flood.done(), "the other had to wait for the flood"
        answered = sum(await flood)
        assert most <= 9, "more of one member than agreed was worked on at a time"
        assert answered >= 8
        assert answered + one.counts["busy"] == 300
        assert await answers(two.link, FIND, b"again", expect=1)


@story
async def test_whoever_comes_and_goes_is_seen_at_once(tmp_path, hub):
    async with fellowship(tmp_path, hub.url, 2) as (one, two):
        third = await new_fellow(tmp_path, 7).start()
        await third.channels.join(await one.invite(third, name="third"))
        await until(lambda: len(one.link.present()) == 2, "it is seen")
        assert {peer.membership.name for peer in two.link.present()} == {"", "third"}
        await third.stop()
        await until(lambda: len(one.link.present()) == 1, "it is gone", GONE_SECONDS / 2)
        third.threads.close()


@story
async def test_a_hub_that_is_killed_and_started_again_is_found_again(tmp_path):
    with running_hub(tmp_path / "hub") as hub:
        async with fellowship(tmp_path, hub.url, 2) as (one, two):
            await two.link.serve(FIND, Role.PROVIDE_FILES, echo)
            await settled(two)
            hanging = asyncio.ensure_future(answers(one.link, subjects.ASK, b"", None, 20))
            for number in range(3):
                await asyncio.to_thread(hub.kill)
                await until(lambda: one.link.state == "connecting", "noticed")
                with pytest.raises(HubUnreachableError):
                    await answers(one.link, FIND, b"x", timeout=0.1)
                await asyncio.to_thread(hub.restart)
                await everybody_present([one, two])
                found = await answers(one.link, FIND, b"%d" % number, expect=1)
                assert found == [(two.node_id, b"echo %d" % number)]
            assert (await asyncio.gather(hanging, return_exceptions=True)) != []


async def settled(*fellows):
    """The hub knows what these are subscribed to."""
    for fellow in fellows:
        await fellow.link._lines.open_control().settle()
        await fellow.link._lines.open_bulk().settle()
