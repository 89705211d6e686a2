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
from kachery_daemon.hub.hub import Hub, Options
from kachery_daemon.hub.limits import MOST_CHANNELS

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a hub until it is told to end; the exit code."""
    options = _parser().parse_args(arguments)
    # What nats-server writes is for this user alone as well.
    os.umask(0o077)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # It warns of every TLS connection that ends.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        return asyncio.run(_run(options))
    except KacheryError as error:
        if options.json:
            print(json.dumps({"error": error_to_wire(error)}), flush=True)
        print(f"kachery: {error}", file=sys.stderr)
        return next(code for each, code in _EXIT_CODES if isinstance(error, each))
    except KeyboardInterrupt:
        return 0


async def _run(options: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    _stop_on_signals(stopped)
    hub = Hub(
        Options(
            data=options.data,
            port=options.port,
            host=options.host,
            public_address=options.public_address,
            is_tls=not options.no_tls,
            program=os.environ.get("KACHERY_NATS_SERVER"),
            most_channels=options.max_channels,
        )
    )
    try:
        place = await hub.start()
        if options.json:
            print(json.dumps({"ready": True, **msgspec.to_builtins(place)}), flush=True)
        else:
            print(place.url, flush=True)
        await stopped.wait()
    finally:
        await hub.stop()
    return 0


def _stop_on_signals(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    # Not on Windows, where Ctrl-C still ends asyncio.run with KeyboardInterrupt.
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        loop.add_signal_handler(signal.SIGINT, stopped.set)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m kachery_daemon.hub", description=__doc__)
    parser.add_argument("command", choices=["start"])
    parser.add_argument(
        "--data", type=_folder, default=user_data_path("kachery") / "hub", help="its folder"
    )
    parser.add_argument("--port", type=_port, help="TCP port; 7422 at first; 0 for any free one")
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen at")  # noqa: S104
    parser.add_argument("--public-address", help="the host in its URL")
    parser.add_argument("--no-tls", action="store_true", help="for a network that is trusted")
    parser.add_argument("--max-channels", type=int, default=MOST_CHANNELS, help="room for channels")
    parser.add_argument("--json", action="store_true", help="say in JSON when it is ready")
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the largest TCP port
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
