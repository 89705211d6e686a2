"""A node as a program of its own: `python -m kachery_daemon`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import (
    InvalidInputError,
    KacheryError,
    PortTakenError,
    StorageInUseError,
    error_to_wire,
)
from kachery_daemon.config import Config, read_config
from kachery_daemon.node import Node
from kachery_daemon.system.logs import protect_all_logs
from kachery_daemon.system.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

# 1 is for a crash and 2 for a wrong command line, as everywhere.
_EXIT_CODES: tuple[tuple[type[KacheryError], int], ...] = (
    (InvalidInputError, 2),
    (PortTakenError, 3),
    (StorageInUseError, 4),
    (KacheryError, 5),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is told to end; the exit code."""
    options = vars(_parser().parse_args(arguments))
    as_json = options.pop("json")
    until_stdin_closes = options.pop("until_stdin_closes")
    logging.basicConfig(
        level=logging.DEBUG if options.pop("verbose") else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    protect_all_logs()
    keep_freed_memory()
    try:
        config = read_config(options)
        return asyncio.run(_run(config, as_json=as_json, until_stdin_closes=until_stdin_closes))
    except KacheryError as error:
        if as_json:
            print(json.dumps({"error": error_to_wire(error)}), flush=True)
        print(f"kachery: {error}", file=sys.stderr)
        return next(code for each, code in _EXIT_CODES if isinstance(error, each))
    except KeyboardInterrupt:
        return 0


async def _run(config: Config, *, as_json: bool, until_stdin_closes: bool) -> int:
    node = Node(config)
    _stop_on_signals(node)
    if until_stdin_closes:
        _stop_on_stdin(node)
    try:
        probe = await node.start()
        if as_json:
            facts: dict[str, Any] = msgspec.to_builtins(probe)
            print(json.dumps({"ready": True, "port": node.port, **facts}), flush=True)
        else:
            print(_ready_line(node), flush=True)
        await node.wait_stopped()
    finally:
        await node.stop()
    return 0


def _ready_line(node: Node) -> str:
    probe = node.probe
    who = "other users of this computer may use it" if probe and probe.shared else "private"
    name = probe.node_id[:12] if probe else ""
    return (
        f"Kachery node {name} is ready: http://127.0.0.1:{node.port},"
        f" storage folder {node.config.storage_dir} ({who})."
    )


def _stop_on_signals(node: Node) -> None:
    loop = asyncio.get_running_loop()
    # Not on Windows, where Ctrl-C still ends asyncio.run with KeyboardInterrupt.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, node.request_stop)
        loop.add_signal_handler(signal.SIGINT, node.request_stop)


def _stop_on_stdin(node: Node) -> None:
    """End with whoever holds the other end of our input, however they end."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            continue
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(node.request_stop)

    threading.Thread(target=wait, name="kachery-stdin", daemon=True).start()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m kachery_daemon", description=__doc__)
    parser.add_argument("--storage", dest="storage_dir", help="the storage folder")
    parser.add_argument("--port", help="the TCP port on this computer; 0 for any free one")
    parser.add_argument(
        "--shared", action="store_true", default=None, help="other users may store and load"
    )
    parser.add_argument("--auth-group", help="only the members of this group may")
    parser.add_argument("--json", action="store_true", help="say in JSON when it is ready")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when the input is closed"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
