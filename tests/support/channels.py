"""A community for tests of every package: one hub, several nodes, one channel."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.hubs import RunningHub, running_hub
from tests.support.nodes import PATIENCE_SECONDS, RunningNode, running_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ALL_ROLES = (
    "request-files",
    "provide-files",
    "request-feeds",
    "provide-feeds",
    "request-tasks",
    "provide-tasks",
)
CHANNEL = "lab"


@dataclass
class Community:
    """A hub and nodes that are members of one channel; the first node owns it.

    Attributes:
        hub: the hub.
        nodes: in the order in which they joined.
        folders: of the nodes; everything that each of them writes is in there.
    """

    hub: RunningHub
    nodes: list[RunningNode]
    folders: list[Path]
    stack: contextlib.ExitStack = field(repr=False)

    @property
    def owner(self) -> RunningNode:
        return self.nodes[0]

    def join(self, number: int, roles: Sequence[str] = ALL_ROLES, **more: Any) -> dict[str, Any]:
        """Invite a node and let it join; the channel as it sees it."""
        invitation = invite(self.owner, self.nodes[number], roles, **more)
        return join(self.nodes[number], invitation)

    def add(self, *options: str, environment: Mapping[str, str] | None = None) -> int:
        """One more node, which is not a member yet; its number."""
        folder = self.hub.folder.parent / f"node-{len(self.nodes)}"
        node = running_node(folder, *options, environment=environment)
        self.nodes.append(self.stack.enter_context(node))
        self.folders.append(folder)
        return len(self.nodes) - 1

    def restart(self, number: int, *options: str, **environment: str) -> RunningNode:
        """Start a node again that was ended or killed: same storage, perhaps another port."""
        node = running_node(self.folders[number], *options, environment=environment)
        self.nodes[number] = self.stack.enter_context(node)
        return self.nodes[number]

    def wait_present(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every node that runs sees every other."""
        running = [node for node in self.nodes if node.process.poll() is None]
        for node in running:
            wait_for(
                lambda node=node: channel(node).get("present", 0) >= len(running) - 1,
                f"{node.port} sees the others",
                seconds,
            )


@contextlib.contextmanager
def community(
    folder: Path,
    count: int,
    *options: str,
    roles: Sequence[str] = ALL_ROLES,
    environment: Mapping[str, str] | None = None,
    hub_options: Sequence[str] = (),
) -> Iterator[Community]:
    """A hub and nodes with storage folders and ports of their own, all in channel `lab`.

    Args:
        folder: everything they write is in there.
        count: how many nodes; the first owns the channel.
        options: of each node.
        roles: granted to those who are not the owner.
        environment: variables to add for each node.
        hub_options: of the hub.
    """
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(running_hub(folder / "hub", *hub_options))
        made = Community(hub, [], [], stack)
        for _ in range(count):
            made.add(*options, environment=environment)
        create(made.owner, hub.url)
        for number in range(1, count):
            made.join(number, roles)
        made.wait_present()
        yield made


def create(node: RunningNode, url: str, name: str = CHANNEL) -> dict[str, Any]:
    """Make a channel."""
    return _asked(node, "POST", "/channels", {"name": name, "hub": url})


def invite(
    owner: RunningNode, node: RunningNode | str, roles: Sequence[str] = ALL_ROLES, **more: Any
) -> str:
    """An invitation for a node, or for a node id."""
    name = more.pop("channel", CHANNEL)
    body = {"node_id": node if isinstance(node, str) else node_id(node), "roles": list(roles)}
    return _asked(owner, "POST", f"/channels/{name}/invite", body | more)["invitation"]


def join(node: RunningNode, invitation: str) -> dict[str, Any]:
    """Join; the channel as this node sees it."""
    return _asked(node, "POST", "/channels/join", {"invitation": invitation})


def grant(
    owner: RunningNode, node: RunningNode, roles: Sequence[str], name: str = CHANNEL
) -> dict[str, Any]:
    """Give a member other roles."""
    body = {"node_id": node_id(node), "roles": list(roles)}
    return _asked(owner, "POST", f"/channels/{name}/grant", body)


def revoke(owner: RunningNode, node: RunningNode, name: str = CHANNEL) -> dict[str, Any]:
    """Put a member out."""
    return _asked(owner, "POST", f"/channels/{name}/revoke", {"node_id": node_id(node)})


def choose(
    node: RunningNode,
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
    name: str = CHANNEL,
) -> dict[str, Any]:
    """Enable and disable roles at a node."""
    body = {"enable": list(enable), "disable": list(disable)}
    return _asked(node, "POST", f"/channels/{name}/roles", body)


def channel(node: RunningNode, name: str = CHANNEL) -> dict[str, Any]:
    """A channel as a node sees it; empty if it is in none of that name."""
    found = _asked(node, "GET", "/channels")["channels"]
    return next((one for one in found if one["name"] == name), {})


def members(node: RunningNode, name: str = CHANNEL) -> dict[str, dict[str, Any]]:
    """The members that a node knows, by node id."""
    found = _asked(node, "GET", f"/channels/{name}/members")["members"]
    return {one["node_id"]: one for one in found}


def node_id(node: RunningNode) -> str:
    """What identifies a node."""
    return node.ask("GET", "/probe").json["node_id"]


def wait_for(condition: Any, what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for something that another process does; how many seconds it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, f"never happened: {what}"
        time.sleep(0.02)
    return time.monotonic() - start


def programs_environment(node: RunningNode) -> dict[str, str]:
    """The variables with which a program of the node's owner finds this node."""
    return node.environment | {"KACHERY_DAEMON_PORT": str(node.port)}


def _asked(node: RunningNode, method: str, path: str, body: Any = None) -> Any:
    reply = node.ask(method, f"/api/v1{path}", body)
    assert reply.status == 200, reply.body
    return reply.json
