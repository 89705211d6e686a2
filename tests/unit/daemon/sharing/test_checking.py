"""What the doctor is told of a channel: hub and clock, membership, roles, a key used twice."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from kachery_core.errors import HubNotTrustedError, HubUnreachableError
from kachery_core.roles import ALL_ROLES, Role
from kachery_core.wire.hub import Found
from kachery_daemon.network.switch import Switch
from kachery_daemon.sharing.checking import Checking
from tests.support.channel_samples import ALICE, BOB, MONTH, NOW, membership
from tests.support.scripted_link import peer, standing

if TYPE_CHECKING:
    from kachery_core.errors import KacheryError
    from kachery_core.wire.explanations import Check
    from kachery_daemon.network.standing import Standing


class Lobby:
    """A hub's lobby whose clock is off."""

    def __init__(self, clock: float = NOW, error: KacheryError | None = None) -> None:
        self._clock = clock
        self._error = error

    async def lookup(self, _: str) -> Found:
        if self._error is not None:
            raise self._error
        return Found("", None, self._clock)


def found(
    *,
    where: Standing | None = None,
    lobby: Lobby | None = None,
    doubled: frozenset[str] = frozenset(),
    addresses: tuple[str, ...] = (),
    **link: Any,
) -> dict[str, Check]:
    """The checks of one channel, by what they are about."""
    table = SimpleNamespace(doubled=lambda: doubled)
    where = where or standing()
    facts = {
        "state": "connected",
        "failure": None,
        "present": lambda: [peer(BOB)],
        "own_roles": where.own_roles,
        **link,
    }
    member = SimpleNamespace(
        standing=where,
        link=SimpleNamespace(**facts, greeting=SimpleNamespace(table=table)),
        lobby=lobby or Lobby(),
    )
    channels: Any = SimpleNamespace(members=[member], switch=Switch())
    checks = asyncio.run(Checking(channels, lambda _: addresses).checks())
    return {f"{check.subject}{'!' if check.level == 'wrong' else ''}": check for check in checks}


def test_where_all_is_well_all_is_ok() -> None:
    checks = found()
    assert {check.level for check in checks.values()} == {"ok"}
    assert "with the certificate its URL names" in checks["hub of lab"].text
    assert checks["channel lab"].text == "connected, 1 other node there"
    assert checks["membership in lab"].text == "for 30 more days"
    assert "request-files" in checks["roles in lab"].text


def test_a_node_without_channels_has_nothing_to_look_at() -> None:
    channels: Any = SimpleNamespace(members=[])
    assert asyncio.run(Checking(channels, lambda _: ()).checks()) == []


def test_while_sharing_is_off_nothing_is_visited() -> None:
    switch = Switch()
    asyncio.run(switch.turn_off())
    channels: Any = SimpleNamespace(members=[None], switch=switch)
    checks = asyncio.run(Checking(channels, lambda _: ()).checks())
    assert [(check.level, check.subject) for check in checks] == [("warning", "sharing")]


@pytest.mark.parametrize(
    ("hub", "level", "words"),
    [
        (NOW, "ok", "0.0 s apart"),
        (NOW + 4, "ok", "4.0 s apart"),
        (NOW - 30, "warning", "30 s ahead of"),
        (NOW + 3600, "wrong", "3,600 s behind"),
    ],
)
def test_the_clock_is_compared_with_the_hubs(hub: float, level: str, words: str) -> None:
    checks = found(lobby=Lobby(hub))
    check = checks.get("clock and lab") or checks["clock and lab!"]
    assert check.level == level
    assert words in check.text
    assert bool(check.advice) == (level != "ok")


def test_a_hub_of_an_older_version_does_not_tell_the_time() -> None:
    assert not any("clock" in subject for subject in found(lobby=Lobby(0.0)))


@pytest.mark.parametrize("error", [HubUnreachableError, HubNotTrustedError])
def test_a_hub_that_is_gone_or_another_one_is_wrong(error: type[KacheryError]) -> None:
    checks = found(lobby=Lobby(error=error("what it is", hint="what to do")))
    assert (checks["hub of lab!"].text, checks["hub of lab!"].advice) == (
        "what it is",
        "what to do",
    )


def test_a_link_that_is_not_connected_says_why() -> None:
    failure = HubUnreachableError("gone", hint="wait")
    check = found(state="connecting", failure=failure)["channel lab!"]
    assert (check.text, check.advice) == ("gone", "wait")
    assert found(state="connecting")["channel lab!"].text == "not connected yet"


def test_a_membership_that_ends_soon_was_not_renewed() -> None:
    where = standing()
    where.clock = lambda: NOW + MONTH - 3 * 24 * 3600
    check = found(where=where)["membership in lab"]
    assert (check.level, "ends in 3.0 days" in check.text) == ("warning", True)
    where.clock = lambda: NOW + MONTH + 1
    assert found(where=where, state="expired")["membership in lab!"].advice


def test_the_owner_renews_its_own() -> None:
    where = standing()
    where.membership = membership(ALICE, is_owner=True)
    where.clock = lambda: NOW + MONTH - 3 * 24 * 3600
    assert found(where=where)["membership in lab"].level == "ok"


def test_roles_are_told_and_what_is_disabled_of_them() -> None:
    disabled = frozenset({Role.PROVIDE_FILES})
    text = found(where=standing(disabled=disabled))["roles in lab"].text
    assert text.endswith("; disabled here: provide-files")
    check = found(where=standing(disabled=ALL_ROLES))["roles in lab"]
    assert (check.level, "--enable" in check.advice) == ("warning", True)
    check = found(where=standing(roles=frozenset()))["roles in lab"]
    assert (check.level, "owner" in check.advice) == ("warning", True)


def test_a_key_that_is_used_twice_is_wrong() -> None:
    assert "copied" in found(doubled=frozenset({ALICE.public_key}))["channel lab!"].advice
    assert "channel lab!" not in found(doubled=frozenset({BOB.public_key}))


def test_the_direct_path_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        check = found(addresses=("127.0.0.1:1", address))["direct path of lab"]
        assert (check.level, address in check.text) == ("ok", True)
    check = found(addresses=(address,))["direct path of lab"]
    assert (check.level, "firewall" in check.advice) == ("warning", True)
    assert "through the hub" in found()["direct path of lab"].text
    disabled = standing(disabled=frozenset({Role.PROVIDE_FILES}))
    assert "direct path of lab" not in found(where=disabled, addresses=(address,))
