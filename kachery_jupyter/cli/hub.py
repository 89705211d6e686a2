"""`kachery hub`: run the place where nodes of a channel meet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from kachery_jupyter.cli.launch import become

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = click.Path(exists=True, dir_okay=False)
_FOLDER = click.Path(file_okay=False)


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every command of a hub takes."""
    for option in (
        click.option("--json", is_flag=True, help="Speak JSON."),
        click.option("--data", type=_FOLDER, metavar="FOLDER", help="The hub's folder."),
    ):
        command = option(command)
    return command


@click.group()
def hub() -> None:
    """Run a hub: where the nodes of channels meet."""


@hub.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 7422 at first, then the same as before."
)
@click.option("--host", metavar="ADDRESS", help="Address to listen at; all of them by default.")
@click.option("--public-address", metavar="HOST", help="How others find this computer.")
@click.option("--no-tls", is_flag=True, help="Only on one computer or in a network you trust.")
@click.option("--max-channels", type=click.IntRange(1), metavar="N", help="Room for channels.")
@click.option("--server", metavar="URL", help="Use a nats-server that runs already.")
@click.option("--server-certificate", type=_FILE, metavar="FILE", help="What that server shows.")
@click.option(
    "--system-credentials", type=_FILE, metavar="FILE", help="A user of its system account."
)
@_shared_options
def start(**options: Any) -> None:
    """Start a hub, here until Ctrl-C; prints its URL once nodes can use it.

    Whoever has the URL may make channels at this hub; it opens no channel.
    """
    become(_command("start", options))


@hub.command()
@_shared_options
def status(**options: Any) -> None:
    """Show how the hub of this computer is; fails if it is not well."""
    become(_command("status", options))


@hub.command("export-config")
@click.option("--output", type=_FOLDER, metavar="FOLDER", help="Where to; FOLDER/export if absent.")
@_shared_options
def export_config(**options: Any) -> None:
    """Write what an existing nats-server needs to serve this hub.

    Then run the hub with --server. The files hold the private key of the certificate.
    """
    become(_command("export-config", options))


def _command(name: str, options: dict[str, Any]) -> list[str]:
    """The hub is a program of its own: here, nothing of it is imported."""
    words = [sys.executable, "-m", "kachery_daemon.hub", name]
    for option, value in options.items():
        if value is True:
            words.append(f"--{option.replace('_', '-')}")
        elif value is not None and value is not False:
            words.append(f"--{option.replace('_', '-')}={value}")
    return words
