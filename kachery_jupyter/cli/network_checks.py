"""What the doctor asks the node about its channels and its way to other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kachery_core.errors import EndpointNotFoundError, KacheryError
from kachery_core.wire.explanations import Checks
from kachery_jupyter.cli.console import printable
from kachery_jupyter.cli.findings import Finding
from kachery_jupyter.client.line import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kachery_jupyter.client.node import Door

# Hubs that do not answer take their time.
_PATIENCE_SECONDS = 60.0


def network_checks(door: Door) -> Iterator[Finding]:
    """Channels, hubs, clocks, roles, as the node sees them.

    Args:
        door: of the node.
    """
    try:
        reply = ask(door, "GET", "/checks", wait_seconds=_PATIENCE_SECONDS)
        found = msgspec.json.decode(reply.body, type=Checks)
    except EndpointNotFoundError:
        return  # an older version, which was told of already
    except (KacheryError, msgspec.MsgspecError) as problem:
        yield Finding("wrong", "channels", str(problem))
        return
    for check in found.checks:
        # Names of channels come from anybody.
        yield Finding(check.level, printable(check.subject), printable(check.text), check.advice)
    if not found.checks:
        yield Finding("ok", "channels", "this node is in none: what is not here is nowhere")
