"""Six roles, each granted and enabled, granted and disabled, or not granted, on both paths.

Four real nodes meet at a real hub: the owner and one whose roles change reach each other directly,
two more have the direct path switched off. For each cell the roles are set, and then what the role
is for is tried with something new. Feeds and tasks have no direct path: with it on and off, the
same must be true. Nodes have nothing to say about tasks yet, so there the test speaks and listens
itself, as two more members.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import pytest

from kachery_core import subjects
from kachery_core.errors import RoleMissingError
from kachery_core.roles import Role
from tests.support.channels import ALL_ROLES, CHANNEL, choose, invite
from tests.support.consoles import RaisedError
from tests.support.fellows import new_fellow, until
from tests.support.role_pairs import Pair, Side, role_pairs
from tests.support.stories import story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nodes import RunningNode

pytestmark = pytest.mark.timeout(180)
GRANTS = ("enabled", "disabled", "missing")
PATHS = ("direct", "hub")
CELLS = list(itertools.product(GRANTS, PATHS))
TASK_SECONDS = 0.3
LIVE = subjects.live("tasks", "ab" * 16)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    with role_pairs(tmp_path_factory.mktemp("matrix")) as pairs:
        yield pairs


@pytest.fixture(scope="module")
def lab(pairs: dict[str, Pair]) -> RunningNode:
    return pairs["direct"].owner


@pytest.mark.parametrize(("how", "path"), CELLS)
def test_request_files(pairs: dict[str, Pair], how: str, path: str) -> None:
    pair = pairs[path]
    pair.set("request-files", how)
    uri = pair.steady.store()
    if how == "enabled":
        assert pair.changing.load(uri) == path
        assert pair.changing.console.run(f"kc.load_bytes({uri!r}, local_only=True)") == _sha1(uri)
        return
    with pytest.raises(RaisedError) as refused:
        pair.changing.load(uri)
    assert refused.value.name == "role-missing"
    assert ("disabled" in str(refused.value)) == (how == "disabled")
    assert pair.changing.console.run(f"kc.load_bytes({uri!r}, local_only=True)") is None


@pytest.mark.parametrize(("how", "path"), CELLS)
def test_provide_files(pairs: dict[str, Pair], how: str, path: str) -> None:
    pair = pairs[path]
    pair.set("provide-files", how)
    uri = pair.changing.store()
    assert pair.steady.load(uri) == (path if how == "enabled" else "")
    held = pair.steady.console.run(f"kc.load_bytes({uri!r}, local_only=True)")
    assert held == (_sha1(uri) if how == "enabled" else None)


@pytest.mark.parametrize(("how", "path"), CELLS)
def test_request_feeds(pairs: dict[str, Pair], how: str, path: str) -> None:
    pair = pairs[path]
    pair.set("request-feeds", how)
    expected = _read(pair.steady, pair.changing)
    if how == "enabled":
        assert expected == ["first", "later"]
    else:
        assert expected == "RoleMissingError"


@pytest.mark.parametrize(("how", "path"), CELLS)
def test_provide_feeds(pairs: dict[str, Pair], how: str, path: str) -> None:
    pair = pairs[path]
    pair.set("provide-feeds", how)
    found = _read(pair.changing, pair.steady)
    assert found == (["first", "later"] if how == "enabled" else "FeedNotFoundError")


@pytest.mark.parametrize("path", PATHS)
def test_a_feed_that_is_followed_stops_when_the_role_is_disabled(
    pairs: dict[str, Pair], path: str
) -> None:
    pair = pairs[path]
    pair.set("provide-feeds", "enabled")
    uri = pair.changing.write()
    reader = pair.steady.console
    reader.run(f"read = kc.load_subfeed({uri!r})")
    assert reader.run("read.get_next_messages(5000)") == ["first"]
    pair.changing.console.run("made.append_message('told')")
    assert reader.run("read.get_next_messages(5000)") == ["told"]
    choose(pair.changing.node, disable=["provide-feeds"])
    pair.changing.console.run("made.append_message('kept')")
    assert reader.run("read.get_next_messages(500)") == []
    choose(pair.changing.node, enable=["provide-feeds"])
    assert reader.run("read.get_next_messages(5000)") == ["kept"]


@pytest.mark.parametrize(("how", "path"), CELLS)
@story
async def test_request_tasks(tmp_path, lab, how, path):
    async with two_members(tmp_path, lab, "request-tasks", how, path) as (asker, answerer):
        heard = []

        async def hear(_, body):
            heard.append(body)

        await asker.link.subscribe(LIVE, Role.PROVIDE_TASKS, hear)
        await settled(asker, answerer)
        await answerer.link.publish(LIVE, b"news")
        if how == "enabled":
            assert await asked(asker, answerer) == [b"echo", b"echo"]
            await until(lambda: heard == [b"news"], "the news")
        else:
            with pytest.raises(RoleMissingError):
                await asked(asker, answerer)
            await settled(asker, answerer)
            assert heard == []


@pytest.mark.parametrize(("how", "path"), CELLS)
@story
async def test_provide_tasks(tmp_path, lab, how, path):
    async with two_members(tmp_path, lab, "provide-tasks", how, path) as (answerer, asker):
        heard = []

        async def hear(_, body):
            heard.append(body)

        await asker.link.subscribe(LIVE, Role.PROVIDE_TASKS, hear)
        await settled(asker, answerer)
        assert await asked(asker, answerer) == ([b"echo"] * 2 if how == "enabled" else [])
        if how == "enabled":
            await answerer.link.publish(LIVE, b"news")
        else:
            with pytest.raises(RoleMissingError):
                await answerer.link.publish(LIVE, b"news")
        await settled(answerer, asker)
        await settled(answerer, asker)
        assert heard == ([b"news"] if how == "enabled" else [])


@contextlib.asynccontextmanager
async def two_members(folder, owner, role, how, path):
    """The one whose role changes, and one with all roles; both ready to answer about tasks."""
    numbers = (100, 101) if path == "direct" else (102, 103)
    changing, steady = [new_fellow(folder, number) for number in numbers]
    roles = [] if how == "missing" else [role]
    try:
        for fellow, granted in ((changing, roles), (steady, ALL_ROLES)):
            await fellow.start()
            await fellow.channels.join(invite(owner, fellow.node_id, granted))
        if how == "disabled":
            await changing.channels.change_roles(CHANNEL, [], [Role(role)])
        for fellow in (changing, steady):
            await fellow.link.wait_connected(10)
            await fellow.link.serve(subjects.find("tasks"), Role.PROVIDE_TASKS, echo)
            own = subjects.get("tasks", fellow.node_id, fellow.link.instance)
            await fellow.link.serve(own, Role.PROVIDE_TASKS, echo)
        for one, other in ((changing, steady), (steady, changing)):
            await until(
                lambda one=one, other=other: (
                    other.node_id in {peer.node_id for peer in one.link.present()}
                ),
                "they see each other",
            )
        yield changing, steady
    finally:
        for fellow in (changing, steady):
            await fellow.stop()
            fellow.threads.close()


async def echo(_):
    return b"echo"


async def asked(asker, answerer):
    """What is answered to a question to everybody, and to one to this answerer."""
    own = subjects.get("tasks", answerer.node_id, answerer.link.instance)
    found = []
    for subject in (subjects.find("tasks"), own):
        answers = asker.link.ask(subject, b"?", role=Role.PROVIDE_TASKS, timeout=TASK_SECONDS)
        found += [answer.body async for answer in answers]
    return found


async def settled(*fellows):
    for fellow in fellows:
        await fellow.link._lines.open_control().settle()


def _read(writer: Side, reader: Side) -> object:
    """What comes of reading a subfeed of the other: the messages, or the name of an error."""
    uri = writer.write()
    code = f"read = kc.load_subfeed({uri!r}, channel={CHANNEL!r}, timeout_sec=1)"
    found = reader.console.outcome(code)
    if found is not None:
        return found
    first = reader.console.run("read.get_next_messages(5000)")
    writer.console.run("made.append_message('later')")
    return first + reader.console.run("read.get_next_messages(5000)")


def _sha1(uri: str) -> str:
    return uri.split("/")[2]
