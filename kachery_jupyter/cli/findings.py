"""What a look of the doctor's found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        level: ok, warning or wrong.
        subject: what was looked at.
        text: what is the case.
        advice: what to do; empty if nothing.
    """

    level: str
    subject: str
    text: str
    advice: str = ""
