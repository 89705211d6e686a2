"""Real hubs in processes of their own, in temporary folders, for tests of every package."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kachery_core.keys import SEED_SIZE, SeedSigner
from kachery_core.memberships import Grant, make_membership
from kachery_core.nkeys import account_nkey
from kachery_core.records import Terms, make_record
from kachery_core.roles import ALL_ROLES
from kachery_core.wire.hub import Deposit
from tests.support.nodes import (
    PATIENCE_SECONDS,
    end_process,
    first_line,
    isolated_environment,
    wait_until,
)
from tests.support.reaping import end_with_the_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass
class RunningHub:
    """A hub that is ready."""

    folder: Path
    options: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes]
    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return self.facts["url"]

    @property
    def port(self) -> int:
        return self.facts["port"]

    @property
    def data(self) -> Path:
        return self.folder / "hub"

    @property
    def log(self) -> str:
        """What the hub said, and what its nats-server said."""
        files = (self.folder / "hub.log", self.data / "nats-server.log")
        return "".join(file.read_text() for file in files if file.exists())

    @property
    def server_pid(self) -> int:
        """The process id of its nats-server; 0 while it is between two."""
        try:
            return int((self.data / "nats-server.pid").read_text() or 0)
        except FileNotFoundError:
            return 0

    def kill(self, *, with_server: bool = True) -> None:
        """End the hub without a word; its nats-server goes with it, unless it cannot."""
        server_pid = self.server_pid
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        if with_server:
            wait_until(lambda: not is_alive(server_pid), "nats-server ends with its hub")

    def stop(self) -> int:
        """End it as the system does; its exit code."""
        end_process(self.process)
        return self.process.returncode

    def restart(self) -> None:
        """Start it again after `kill` or `stop`: at the same port, with the same URL."""
        url = self.url
        self.process, self.facts = _start(self.folder, self.options, self.environment)
        assert self.url == url


def is_alive(pid: int) -> bool:
    """Whether there is such a process, dead ones that nobody asked for not counted."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        pass
    if os.path.isdir("/proc/self"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def start_hub_process(
    folder: Path, *options: str, environment: Mapping[str, str], **more: Any
) -> subprocess.Popen[bytes]:
    """A hub process that may not be ready yet; its folder is `folder/hub`, its log `hub.log`."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "hub.log", "ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kachery_daemon.hub", "start", "--json"),
                *(f"--data={folder / 'hub'}", *options),
            ],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            **more,
        )
    end_with_the_tests(process.pid)
    return process


@contextlib.contextmanager
def running_hub(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[RunningHub]:
    """A hub on a free port of this computer; ended when the block is left.

    Args:
        folder: everything it writes is in there, HOME included.
        options: of `python -m kachery_daemon.hub start`.
        environment: variables to add.
    """
    variables = isolated_environment(folder, **(environment or {}))
    chosen = {"--port": "0", "--host": "127.0.0.1"}
    defaults = tuple(
        f"{name}={value}"
        for name, value in chosen.items()
        if not any(option.startswith(name) for option in options)
    )
    process, facts = _start(folder, (*defaults, *options), variables)
    hub = RunningHub(folder, (*defaults, *options), variables, process, facts)
    try:
        yield hub
    finally:
        end_process(hub.process)


def _start(
    folder: Path, options: tuple[str, ...], environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    process = start_hub_process(folder, *options, environment=environment)
    try:
        facts = first_line(process)
        assert facts.get("ready"), facts
    except BaseException:
        end_process(process)
        raise
    return process, facts


class SampleChannel:
    """A channel whose key the test holds, with members who are only keys."""

    def __init__(self, name: str = "lab") -> None:
        self.key = SeedSigner(os.urandom(SEED_SIZE))
        self.id = account_nkey(self.key.public_key)
        self.name = name
        self.owner = SeedSigner(os.urandom(SEED_SIZE))

    def record(self, version: int = 1, issued_at: int | None = None, **facts: Any) -> str:
        """A record of the channel."""
        at = int(time.time()) if issued_at is None else issued_at
        owner = self.owner.public_key
        terms = Terms(name=self.name, version=version, owner=owner, issued_at=at, **facts)
        return make_record(self.key, terms)

    def membership(
        self, node: SeedSigner, issued_at: int | None = None, seconds: int = 3600, **facts: Any
    ) -> str:
        """A membership of a node, with every role."""
        at = int(time.time()) if issued_at is None else issued_at
        grant = Grant(
            node_id=node.public_key, roles=ALL_ROLES, issued_at=at, expires_at=at + seconds, **facts
        )
        return make_membership(self.key, grant)

    def deposit(self, node: SeedSigner, letter: bytes = b"letter", **facts: Any) -> Deposit:
        """What waits for a node."""
        return Deposit(self.membership(node, **facts), letter)
