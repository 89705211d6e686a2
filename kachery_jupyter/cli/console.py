"""How the shell command speaks: complaints on stderr, sizes and times for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import datetime

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_TEN = 10


def complain(message: str, hint: str = "") -> None:
    """Say on stderr what went wrong and what to do."""
    click.echo(f"kachery: {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


def printable(text: str) -> str:
    """A text of somebody else's, unable to move the cursor or colour the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def shown_size(size: int) -> str:
    """A number of bytes for people: '17 bytes', '1.2 GB'."""
    if size < _STEP:
        return "1 byte" if size == 1 else f"{size} bytes"
    value = float(size)
    for unit in _UNITS:
        value /= _STEP
        # 999.96 would be shown as 1000.0 of the smaller unit.
        if round(value, 1) < _STEP or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < _TEN else f"{value:.0f} {unit}"


def shown_time(moment: datetime | None) -> str:
    """A moment on this computer's clock."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else 16 * " "


def count_of(number: int, noun: str) -> str:
    """A number with its noun: '1 file', '2 files'."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
