"""`kachery node`: what identifies the node of this computer."""

from __future__ import annotations

import click

from kachery_jupyter.client import holdings


@click.group()
def node() -> None:
    """Show what identifies the node."""


@node.command("id")
def node_id() -> None:
    """Print the node's id: its public key, the same for ever."""
    click.echo(holdings.get_node_id())
