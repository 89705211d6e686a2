"""A hub and nodes in processes of their own, in one channel; and a user's program beside each."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.feed_program import Program
from benchmarks.scratch import remove_large_files
from tests.support.channels import Community, channel, create, programs_environment, wait_for
from tests.support.hubs import running_hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.nodes import RunningNode

# Nodes by what the tables use them for; the first owns the channel.
PROVIDER, SECOND, INDIRECT, REQUESTER = range(4)
_ALL_DIRECT = {"KACHERY_DIRECT": "on"}
_NEVER_DIRECT = {"KACHERY_DIRECT": "off"}


@dataclass
class Lab:
    """The hub and the nodes.

    Attributes:
        community: the hub, the nodes, the channel.
        programs: beside each node, in the same order.
    """

    community: Community
    programs: list[Program] = field(default_factory=list)

    @property
    def hub_pids(self) -> tuple[int, ...]:
        """The hub's processes."""
        hub = self.community.hub
        return hub.process.pid, hub.server_pid

    @property
    def pids(self) -> tuple[int, ...]:
        """All processes; their work is ours."""
        nodes = [node.process.pid for node in self.community.nodes]
        return (*self.hub_pids, *nodes, *(program.pid for program in self.programs))

    def node(self, number: int) -> RunningNode:
        """One of the nodes."""
        return self.community.nodes[number]

    def ask(self, number: int, what: str, **more: Any) -> Any:
        """Have a program do something; its answer."""
        program = self.programs[number]
        program.tell(what, **more)
        return program.hear()

    def forget(self, number: int, uri: str, size: int) -> None:
        """Remove a content from a node, and what is in its trash."""
        node = self.node(number)
        sha1 = uri.removeprefix("sha1://")[:40]
        reply = node.ask("DELETE", f"/api/v1/files/{sha1}")
        if reply.status != 200:
            raise RuntimeError(f"The node answered {reply.status}: {reply.body[:300]!r}")
        remove_large_files(node.storage, size)

    def add(self, environment: dict[str, str]) -> int:
        """One more node with a program, a member of the channel; its number."""
        number = self.community.add(environment=environment)
        if number == PROVIDER:
            create(self.community.owner, self.community.hub.url)
        else:
            self.community.join(number)
        program = Program(
            "benchmarks.remote_program", programs_environment(self.community.nodes[number])
        )
        self.community.stack.callback(program.end)
        self.programs.append(program)
        return number

    def newcomer(self) -> int:
        """A node that has never heard of anything; its number, once it sees the others."""
        number = self.add(_ALL_DIRECT)
        others = sum(node.process.poll() is None for node in self.community.nodes) - 1
        node = self.node(number)
        wait_for(lambda: channel(node).get("present", 0) >= others, "a newcomer sees the others")
        return number


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A hub, and the nodes that the tables use; ended afterwards."""
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(running_hub(folder / "hub"))
        made = Lab(Community(hub, [], [], stack))
        for number in range(4):
            made.add(_NEVER_DIRECT if number == INDIRECT else _ALL_DIRECT)
        made.community.wait_present()
        yield made
