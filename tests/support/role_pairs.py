"""Pairs of nodes for the role matrix: one whose roles change, and one that stays as it is."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.channels import (
    ALL_ROLES,
    CHANNEL,
    channel,
    choose,
    community,
    grant,
    members,
    node_id,
    wait_for,
)
from tests.support.consoles import Console, RaisedError, consoles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hubs import RunningHub
    from tests.support.nodes import RunningNode

# Too much for the answer that says who has it: it takes a path.
FILE_SIZE = 3_000_000


@dataclass
class Side:
    """One node, and a program beside it."""

    node: RunningNode
    console: Console
    hub: RunningHub

    def store(self) -> str:
        """The URI of a content that was never there before."""
        return self.node.store(os.urandom(32) * (FILE_SIZE // 32), "cell.dat")["uri"]

    def write(self) -> str:
        """The URI of a new subfeed with one message."""
        code = "made = kc.create_feed().load_subfeed('cell'); made.append_message('first')"
        self.console.run(code)
        return self.console.run("made.uri")

    def load(self, uri: str) -> str:
        """Have a content here; the path by which it came, or '' if it did not.

        Raises:
            RaisedError: the node refused.
        """
        wanted = {"sha1": uri.split("/")[2]}
        before = _carried(self.hub)
        reply = self.node.ask("POST", "/api/v1/loads", {"uris": [wanted], "channels": [CHANNEL]})
        carried = _carried(self.hub) - before
        assert reply.status in (200, 403), reply.body
        last = json.loads(reply.body.splitlines()[-1])
        if "error" in last:
            raise RaisedError(last["error"]["code"], last["error"]["message"])
        if last["done"] != [True]:
            return ""
        return "hub" if carried > FILE_SIZE else "direct"


@dataclass
class Pair:
    """Whose roles change, and who stays as they are; both take the same path."""

    owner: RunningNode
    changing: Side
    steady: Side

    def set(self, role: str, how: str) -> None:
        """Give the changing node this one role or none; wait until both nodes know it."""
        node = self.changing.node
        roles = [] if how == "missing" else [role]
        grant(self.owner, node, roles)
        _wait_granted(node, roles)
        change = {"disable": [role]} if how == "disabled" else {"enable": list(ALL_ROLES)}
        choose(node, **change)
        ours = node_id(node)
        wait_for(
            lambda: members(self.steady.node).get(ours, {}).get("roles") == roles,
            "the other has seen it",
        )


@contextlib.contextmanager
def role_pairs(folder: Path) -> Iterator[dict[str, Pair]]:
    """A pair of nodes for each path, all in one channel."""
    with community(folder, 2) as lab, contextlib.ExitStack() as stack:
        for _ in range(2):
            lab.join(lab.add(environment={"KACHERY_DIRECT": "off"}))
        lab.wait_present()
        opened = stack.enter_context(consoles(*lab.nodes))
        sides = [Side(*each, lab.hub) for each in zip(lab.nodes, opened, strict=True)]
        yield {
            "direct": Pair(lab.owner, sides[1], sides[0]),
            "hub": Pair(lab.owner, sides[2], sides[3]),
        }


def _wait_granted(node: RunningNode, roles: list[str]) -> None:
    def is_so() -> bool:
        found = channel(node)
        return found["granted"] == roles and found["state"] == "connected"

    wait_for(is_so, "the roles are granted")


def _carried(hub: RunningHub) -> int:
    """How many bytes the hub's server has sent so far."""
    lines = Path(f"/proc/{hub.server_pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])
