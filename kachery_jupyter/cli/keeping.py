"""The commands of whoever owns the store: rm, restore, pin, unpin, gc, fsck."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from kachery_jupyter.cli.console import count_of, shown_size
from kachery_jupyter.client import holdings

if TYPE_CHECKING:
    from kachery_store.fsck import Report

_URIS = click.argument("uris", metavar="URI...", nargs=-1, required=True)


@click.command("rm")
@_URIS
def remove(uris: tuple[str, ...]) -> None:
    """Move content to the trash, where it stays for a week."""
    for uri in uris:
        holdings.remove(uri)
        click.echo(f"removed {uri}", err=True)
    click.echo("`kachery restore URI` brings it back within 7 days.", err=True)


@click.command()
@_URIS
def restore(uris: tuple[str, ...]) -> None:
    """Bring content back from the trash."""
    for uri in uris:
        holdings.restore(uri)
        click.echo(f"restored {uri}", err=True)


@click.command()
@_URIS
def pin(uris: tuple[str, ...]) -> None:
    """Never let this content go when space is short."""
    for uri in uris:
        holdings.pin(uri)
        click.echo(f"pinned {uri}", err=True)


@click.command()
@_URIS
def unpin(uris: tuple[str, ...]) -> None:
    """Let this content go again when space is short.

    Only what was fetched from another node ever goes.
    """
    for uri in uris:
        holdings.unpin(uri)
        click.echo(f"unpinned {uri}", err=True)


@click.command("gc")
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would go.")
def collect_garbage(*, yes: bool) -> None:
    """Delete what may go; first only say what.

    That is what has been in the trash for a week, and fetched content above the quota.
    What you stored yourself never goes unless you removed it.
    """
    gone = holdings.gc(dry_run=not yes)
    for entry in gone:
        why = "removed a week ago" if entry.trashed else "fetched, above the quota"
        click.echo(f"{shown_size(entry.size):>9}  {why}  {entry.uri}")
    total = shown_size(sum(entry.size for entry in gone))
    verb = "Let go" if yes else "Would let go"
    click.echo(f"{verb} of {count_of(len(gone), 'file')}, {total}.", err=True)
    if gone and not yes:
        click.echo("Nothing was changed. `kachery gc --yes` does it.", err=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fsck(*, as_json: bool) -> None:
    """Read everything and compare it with its name.

    Damaged content is set aside, and the catalog is brought up to date.
    """
    report = holdings.fsck()
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _tell(report)
    if not report.is_clean:
        sys.exit(1)


def _tell(report: Report) -> None:
    for sha1 in report.damaged:
        click.echo(f"damaged   {sha1}  (set aside; store the original again)")
    for sha1 in report.changed_links:
        click.echo(f"changed   {sha1}  (a linked file; store or link it again)")
    for sha1 in report.missing:
        click.echo(f"missing   {sha1}  (gone; store the original again)")
    for sentence in report.unreadable:
        click.echo(f"unreadable  {sentence}")
    sound = f"{count_of(report.checked, 'content')}, {shown_size(report.checked_bytes)}"
    click.echo(f"{sound}: what their names say.")
    if report.unlisted:
        click.echo(f"{count_of(report.unlisted, 'content')} entered into the catalog.")
