"""`kachery node`: what identifies the node of this computer."""

from __future__ import annotations

import json

import click

from kachery_jupyter.client import holdings


@click.group()
def node() -> None:
    """Show what identifies the node."""


@node.command("id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def node_id(*, as_json: bool) -> None:
    """Print the node's id: its public key, the same for ever.

    It is what the owner of a channel needs to invite this node.
    """
    found = holdings.get_node_id()
    click.echo(json.dumps({"node_id": found}) if as_json else found)
