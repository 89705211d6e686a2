"""Two providers, one requester and their hub, with a network between them that can be cut.

Every node reaches the hub through a proxy of its own, and the requester reaches the direct port of
each provider through another.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kachery_core.hub_urls import parse_hub_url
from kachery_core.invitations import open_invitation, seal_invitation
from tests.support.channels import Community, create, invite, join
from tests.support.cutting_proxy import CUTS, CuttingProxy
from tests.support.hubs import running_hub
from tests.support.nodes import RunningNode, end_process, wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROVIDERS = (0, 1)
REQUESTER = 2
_ASKED = re.compile(rb"GET /k/[0-9a-f]{64}/(\d+)-(\d+) HTTP")


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class CutLab:
    """What can be broken, and put right again.

    Attributes:
        lab: the hub and the nodes: two providers and the requester.
        to_hub: for each node its way to the hub.
        direct: for each provider the way of others to its direct port.
        asked: chunks [first, last] that were asked for on the direct paths, and when.
    """

    lab: Community
    to_hub: list[CuttingProxy]
    direct: list[CuttingProxy]
    asked: list[tuple[float, int, int]]
    settings: list[dict[str, str]]
    ports: list[int]

    @property
    def requester(self) -> RunningNode:
        return self.lab.nodes[REQUESTER]

    @property
    def received(self) -> int:
        """Bytes that arrived at the requester on all ways."""
        return self.to_hub[REQUESTER].sent + sum(proxy.sent for proxy in self.direct)

    def start(self, number: int) -> None:
        """Start a node that is not running, where it was before."""
        options = ("--port", str(self.ports[number]))
        self.lab.restart(number, *options, **self.settings[number])

    def kill(self, number: int) -> None:
        """Kill a node."""
        self.lab.nodes[number].kill()

    def end(self, number: int) -> None:
        """End a node as the system does."""
        end_process(self.lab.nodes[number].process)

    def kill_server(self) -> None:
        """Kill nats-server; its hub starts the next one."""
        if pid := self.lab.hub.server_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def proxies(self) -> list[CuttingProxy]:
        return [*self.to_hub, *self.direct]

    def set_rate(self, rate: float) -> None:
        """How fast bytes move, in bytes per second and connection; 0 for as fast as it goes."""
        for proxy in self.proxies():
            proxy.rate = rate


@contextlib.contextmanager
def cut_lab(folder: Path) -> Iterator[CutLab]:
    """Three nodes that are present on one channel, everything in one folder."""
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(running_hub(folder / "hub"))
        lab = Community(hub, [], [], stack)
        asked: list[tuple[float, int, int]] = []

        def overhear(data: bytes) -> None:
            now = time.monotonic()
            asked.extend((now, int(one[1]), int(one[2])) for one in _ASKED.finditer(data))

        made = CutLab(lab, [], [], asked, [], [])
        for number in (*PROVIDERS, REQUESTER):
            made.to_hub.append(stack.enter_context(closing(CuttingProxy(hub.port))))
            settings = {"KACHERY_DIRECT_PORT": str(free_port())}
            if number in PROVIDERS:
                proxy = CuttingProxy(int(settings["KACHERY_DIRECT_PORT"]), overhear)
                made.direct.append(stack.enter_context(closing(proxy)))
                settings["KACHERY_DIRECT_ADDRESS"] = f"127.0.0.1:{proxy.port}"
            made.settings.append(settings)
            made.ports.append(free_port())
            lab.add("--port", str(made.ports[-1]), environment=settings)
        _join_all(made)
        yield made


def _join_all(made: CutLab) -> None:
    """One channel; each node knows the hub by the port of its own proxy."""
    lab, url = made.lab, parse_hub_url(made.lab.hub.url)
    urls = [msgspec.structs.replace(url, port=proxy.port) for proxy in made.to_hub]
    create(lab.owner, str(urls[0]))
    for node, own_url in list(zip(lab.nodes, urls, strict=True))[1:]:
        pem = (node.storage / ".state" / "node.pem").read_bytes()
        seed = load_pem_private_key(pem, password=None).private_bytes_raw()  # type: ignore[union-attr]
        invitation = open_invitation(invite(lab.owner, node), seed)
        join(node, seal_invitation(msgspec.structs.replace(invitation, hub_url=own_url)))
    lab.wait_present()


@dataclass(frozen=True)
class Fault:
    """Something that happens while a load runs.

    Attributes:
        name: what.
        after: seconds after the load began, or after the fault before.
        seconds: how long it stays.
        begin, end: do it, and put it right.
    """

    name: str
    after: float
    seconds: float
    begin: Callable[[], None]
    end: Callable[[], None]


def process_fault(cuts: CutLab, rnd: random.Random, on_dead: Callable[[], None]) -> Fault:
    """A process is killed or stopped.

    Args:
        cuts: what is broken.
        rnd: chance.
        on_dead: called while the requester is dead, before it is started again.
    """
    after, provider, seconds = _soon(rnd), rnd.choice(PROVIDERS), rnd.uniform(0.1, 3.0)
    kind = rnd.choices(("provider", "requester", "server", "hub", "stop"), (3, 4, 2, 2, 3))[0]
    if kind == "provider":
        return _killed(cuts, provider, after, seconds / 3, lambda: None)
    if kind == "requester":
        return _killed(cuts, REQUESTER, after, 0.0, on_dead)
    if kind == "server":
        return Fault("kill nats-server", after, 0.0, cuts.kill_server, lambda: None)
    if kind == "hub":
        hub = cuts.lab.hub
        return Fault("kill hub", after, seconds / 3, hub.kill, hub.restart)
    process = cuts.lab.nodes[provider].process
    begin, end = (partial(process.send_signal, each) for each in (signal.SIGSTOP, signal.SIGCONT))
    return Fault(f"stop provider {provider}", after, seconds, begin, end)


def _soon(rnd: random.Random) -> float:
    """Seconds until something happens: often at once, before the load has begun."""
    return max(0.0, rnd.uniform(-0.15, 0.4))


def network_fault(cuts: CutLab, rnd: random.Random) -> Fault:
    """A way is cut: to the hub, or to a provider."""
    kind = rnd.choice(("hub", "direct"))
    proxies = cuts.to_hub if kind == "hub" else cuts.direct
    # The requester's own way is cut as often as those of both providers.
    number = rnd.choice((*range(len(proxies)), len(proxies) - 1))
    how, delay, proxy = rnd.choice(CUTS), rnd.uniform(0.01, 0.3), proxies[number]
    seconds = rnd.choice((rnd.uniform(0.1, 1.0), rnd.uniform(0.5, 3.0), rnd.uniform(2.0, 8.0)))
    name = f"{kind} {number} {how}"
    return Fault(name, _soon(rnd), seconds, partial(proxy.cut, how, delay), proxy.heal)


def _killed(
    cuts: CutLab, number: int, after: float, seconds: float, on_dead: Callable[[], None]
) -> Fault:
    def begin() -> None:
        cuts.kill(number)
        on_dead()

    name = "requester" if number == REQUESTER else f"provider {number}"
    return Fault(f"kill {name}", after, seconds, begin, lambda: cuts.start(number))


class Accidents:
    """Faults that happen one after the other, in a thread of their own.

    Attributes:
        happened: the names of those that did, before it was over.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.happened: list[str] = []
        self._faults = faults
        self._problem: BaseException | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """No more of them; returns once everything is put right again."""
        self._is_over.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            for fault in self._faults:
                if self._is_over.wait(fault.after):
                    return
                self.happened.append(fault.name)
                fault.begin()
                self._is_over.wait(fault.seconds)
                fault.end()
        except BaseException as problem:  # noqa: BLE001 - raised by `end`
            self._problem = problem


def is_answering(node: RunningNode) -> bool:
    """Whether a node answers questions."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return node.ask("GET", "/probe").status == 200
    return False


def wait_answering(cuts: CutLab) -> None:
    """Wait for the requester."""
    wait_until(lambda: is_answering(cuts.requester), "the requester answers")
