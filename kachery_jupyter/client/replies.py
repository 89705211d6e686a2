"""What the node answered, or why it did not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import (
    DaemonNotRunningError,
    InvalidRequestError,
    KacheryError,
    error_from_wire,
)

if TYPE_CHECKING:
    from kachery_jupyter.client.node import Door


class Reply(msgspec.Struct, frozen=True):
    """What the node answered."""

    headers: dict[str, str]
    body: bytes


def refusal(status: str, answer: bytes) -> KacheryError:
    """What the node said; it has words of its own for all but broken requests."""
    try:
        return error_from_wire(json.loads(answer)["error"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return InvalidRequestError(f"The node refused this question ({status}).")


def gone(door: Door, problem: OSError) -> DaemonNotRunningError:
    """The error for a node that does not answer any more."""
    return DaemonNotRunningError(
        f"The kachery node at port {door.port} does not answer: {problem}.",
        hint="Start it again: `kachery daemon start`.",
        port=door.port,
    )
