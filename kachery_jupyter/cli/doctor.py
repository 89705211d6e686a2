"""`kachery doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kachery_jupyter.cli.checks import all_checks

if TYPE_CHECKING:
    from kachery_jupyter.cli.findings import Finding

_MARKS = {"ok": "  ok   ", "warning": "  look ", "wrong": "  WRONG"}


@click.command()
def doctor() -> None:
    """Say what is wrong here and what to do.

    Looks at the settings, the storage folder, its disk and permissions, the node, its channels and
    their hubs.
    """
    findings = list(all_checks())
    for finding in findings:
        _tell(finding)
    wrong = sum(finding.level == "wrong" for finding in findings)
    if wrong:
        click.echo(f"\n{wrong} to repair.")
        sys.exit(1)
    click.echo("\nNothing is wrong.")


def _tell(finding: Finding) -> None:
    click.echo(f"{_MARKS[finding.level]}  {finding.subject}: {finding.text}")
    if finding.advice:
        click.echo(f"           {finding.advice}")
