"""A hub as a program of its own: `python -m kachery_daemon.hub`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from platformdirs import user_data_path

from kachery_core.errors import (
    HubProgramMissingError,
    InvalidInputError,
    KacheryError,
    PortTakenError,
    StorageInUseError,
    error_to_wire,
)
from kachery_daemon.hub.export import export_config
from kachery_daemon.hub.folder import hub_disk_errors
from kachery_daemon.hub.hub import Hub, Options
from kachery_daemon.hub.limits import MOST_CHANNELS
from kachery_daemon.hub.status import Status, hub_status
from kachery_daemon.system.logs import protect_all_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

# 1 is for a crash and 2 for a wrong command line, as everywhere.
_EXIT_CODES: tuple[tuple[type[KacheryError], int], ...] = (
    (InvalidInputError, 2),
    (PortTakenError, 3),
    (StorageInUseError, 4),
    (HubProgramMissingError, 6),
    (KacheryError, 5),
)
_NOT_HEALTHY = 1
_OWN_OPTIONS = {"command", "json", "verbose", "output"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a hub until it is told to end, or look at one; the exit code."""
    options = _parser().parse_args(arguments)
    # What nats-server writes is for this user alone as well.
    os.umask(0o077)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    protect_all_logs()
    # They tell of every connection that ends, which is nothing to worry about, and for us to say.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    try:
        with hub_disk_errors(options.data):
            return _COMMANDS[options.command](options)
    except KacheryError as error:
        if options.json:
            print(json.dumps({"error": error_to_wire(error)}), flush=True)
        print(f"kachery: {error}", file=sys.stderr)
        return next(code for each, code in _EXIT_CODES if isinstance(error, each))
    except KeyboardInterrupt:
        return 0


def _start(options: argparse.Namespace) -> int:
    chosen = {name: value for name, value in vars(options).items() if name not in _OWN_OPTIONS}
    program = os.environ.get("KACHERY_NATS_SERVER") or None
    return asyncio.run(_run(Options(program=program, **chosen), as_json=options.json))


async def _run(options: Options, *, as_json: bool) -> int:
    stopped = asyncio.Event()
    _stop_on_signals(stopped)
    hub = Hub(options)
    try:
        place = await hub.start()
        if as_json:
            print(json.dumps({"ready": True, **msgspec.to_builtins(place)}), flush=True)
        else:
            print(place.url, flush=True)
        await stopped.wait()
    finally:
        await hub.stop()
    return 0


def _export(options: argparse.Namespace) -> int:
    for path in export_config(options.data, options.output or options.data / "export"):
        print(path)
    return 0


def _status(options: argparse.Namespace) -> int:
    status = asyncio.run(hub_status(options.data))
    if options.json:
        print(json.dumps(msgspec.to_builtins(status)))
    else:
        for name, value in _status_lines(status):
            print(f"{name:14}  {value}")
    return 0 if status.healthy else _NOT_HEALTHY


def _status_lines(status: Status) -> list[tuple[str, object]]:
    state = "runs" if status.running else "does not run"
    lines: list[tuple[str, object]] = [("hub", f"{state}, process {status.pid}")]
    if status.trouble:
        lines.append(("trouble", status.trouble))
    lines += [
        ("channels", _channels(status)),
        ("directory", f"{status.directory_bytes:,} bytes"),
    ]
    if status.server:
        facts = status.server
        lines.append(("nats-server", f"{facts['version']}, {facts['memory'] >> 20} MiB"))
        lines.append(("connections", facts["connections"]))
    lines.append(("url", status.url))
    return lines


def _channels(status: Status) -> str:
    if not status.channels:
        return "none yet"
    members = f"{status.members:,} member{'' if status.members == 1 else 's'}"
    return f"{status.channels:,}; news is kept for {members}"


def _stop_on_signals(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    # Not on Windows, where Ctrl-C still ends asyncio.run with KeyboardInterrupt.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        loop.add_signal_handler(signal.SIGINT, stopped.set)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m kachery_daemon.hub", description=__doc__)
    every = argparse.ArgumentParser(add_help=False)
    folder = user_data_path("kachery") / "hub"
    every.add_argument("--data", type=_path, default=folder, help="its folder")
    every.add_argument("--json", action="store_true", help="speak JSON")
    every.add_argument("--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_start_options(commands.add_parser("start", parents=[every], help="run a hub"))
    commands.add_parser("status", parents=[every], help="how the hub is")
    export = commands.add_parser("export-config", parents=[every], help="for an existing server")
    export.add_argument("--output", type=_path, help="the folder to write to")
    return parser


def _add_start_options(start: argparse.ArgumentParser) -> None:
    add = start.add_argument
    add("--port", type=_port, help="TCP port; 7422 at first, then the same; 0: any free one")
    add("--host", default=Options.host, help="the address to listen at")
    add("--public-address", metavar="HOST", help="the host in its URL")
    add("--no-tls", dest="is_tls", action="store_false", help="for a network that is trusted")
    add("--max-channels", dest="most_channels", type=int, default=MOST_CHANNELS, help="at most")
    add("--server", metavar="URL", help="a nats-server that runs already")
    add("--server-certificate", type=_path, metavar="FILE", help="what that server shows (PEM)")
    add("--system-credentials", type=_path, metavar="FILE", help="a user of its system account")


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the largest TCP port
        raise ValueError(text)
    return port


_COMMANDS = {"start": _start, "status": _status, "export-config": _export}


if __name__ == "__main__":
    sys.exit(main())
