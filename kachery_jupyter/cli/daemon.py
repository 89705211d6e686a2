"""`kachery daemon`: start, stop and look at the node of this computer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kachery_jupyter.cli.launch import become, start_in_background, wait_for_end
from kachery_jupyter.cli.services import make_service
from kachery_jupyter.cli.settings import storage_setting
from kachery_jupyter.client.connection import current_node
from kachery_jupyter.client.status import status_rows

if TYPE_CHECKING:
    from collections.abc import Callable


def _node_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which node: the same for starting it and for installing it."""
    for option in (
        click.option("--auth-group", metavar="GROUP", help="Shared with this group only."),
        click.option("--shared", is_flag=True, help="Serve other users of this computer."),
        click.option("--port", type=click.IntRange(0, 65535), help="Port; 20421 by default."),
        click.option("--storage", metavar="FOLDER", help="Storage folder."),
    ):
        command = option(command)
    return command


@click.group()
def daemon() -> None:
    """Run the node that programs of this computer talk to."""


@daemon.command()
@_node_options
@click.option("--background", is_flag=True, help="Return once it is ready; it goes on.")
@click.option("--json", "as_json", is_flag=True, help="Say in JSON when it is ready.")
def start(*, background: bool, as_json: bool, **options: Any) -> None:
    """Start the node: here until Ctrl-C, or with --background."""
    command = _node_command(options)
    if background:
        started = start_in_background(command, _storage(options))
        if as_json:
            click.echo(json.dumps(started))
            return
        click.echo(f"The node is ready at port {started['port']}, with {started['storage_dir']}.")
        click.echo(f"Its log is {started['log']}.")
    else:
        become([*command, *(["--json"] if as_json else [])])


@daemon.command()
def stop() -> None:
    """Stop the node of this computer; what it is doing is finished first."""
    node = current_node()
    # This POST has no body, not even an empty JSON object.
    answer = node.door.upload("/stop", (), 0, {})
    wait_for_end(Path(node.probe.storage_dir), answer["pid"])
    click.echo("The node has stopped.", err=True)


@daemon.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(*, as_json: bool) -> None:
    """Show the node of this computer: where it keeps things, how much, since when."""
    facts = current_node().door.request("GET", "/status")
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in status_rows(facts):
        click.echo(f"{name:14}  {value}")


@daemon.command("install-service")
@_node_options
@click.option("--dry-run", is_flag=True, help="Only print the file.")
def install_service(*, dry_run: bool, **options: Any) -> None:
    """Have the operating system start the node at login (Linux, macOS)."""
    # A service has none of this shell's environment variables: what holds now is written down.
    options["storage"] = str(_storage(options).absolute())
    log = Path(options["storage"]) / ".state" / "log" / "node.log"
    service = make_service(_node_command(options), log)
    if dry_run:
        click.echo(f"# {service.path}\n{service.text}", nl=False)
    else:
        service.path.parent.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        service.path.write_text(service.text, encoding="utf-8")
        click.echo(f"Wrote {service.path}.")
    click.echo("# Now run:" if dry_run else "Now run:")
    for line in service.commands:
        click.echo(f"{'# ' if dry_run else ''}  {line}")


def _node_command(options: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "kachery_daemon"]
    for name in ("storage", "port", "auth_group"):
        if options[name] is not None:
            command += [f"--{name.replace('_', '-')}", str(options[name])]
    return [*command, *(["--shared"] if options["shared"] else [])]


def _storage(options: dict[str, Any]) -> Path:
    return Path(storage_setting(options["storage"]).value).expanduser()
