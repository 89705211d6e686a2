"""`kachery explain`: where something is, or why it is not found."""

from __future__ import annotations

import json

import click

from kachery_jupyter.client import explaining


@click.command()
@click.argument("uri")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain(uri: str, *, as_json: bool) -> None:
    """Say where something is, or why it is not found.

    URI is that of a content, a folder, a file in a folder, a feed or a subfeed. Every channel is
    asked, and nothing is fetched.
    """
    found = explaining.explain(uri)
    click.echo(json.dumps(found.as_dict()) if as_json else repr(found))
