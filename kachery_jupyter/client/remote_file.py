"""Content that stays where it is: only what is read of it comes here, by way of the node.

The node verifies each chunk before it hands out a byte of it, and keeps what it has fetched for
whoever reads on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from typing_extensions import override

from kachery_core.errors import ContentNotFoundError, EndpointNotFoundError
from kachery_jupyter.client.line import ask
from kachery_jupyter.client.node import wrong_daemon
from kachery_jupyter.client.pieces import Pieces

if TYPE_CHECKING:
    from kachery_core.uris import ContentUri
    from kachery_jupyter.client.connection import Node

# A slow line may take this long for the largest piece, beyond what any answer may take.
_PATIENCE_SECONDS = 180.0
_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)", re.ASCII)


class Remote(Pieces):
    """Content on other nodes, of which parts are read.

    Args:
        node: the node to ask.
        parts: its URI.
        channel: the only one to ask, or None.
        size: bytes.
    """

    def __init__(self, node: Node, parts: ContentUri, channel: str | None, size: int) -> None:
        super().__init__(parts.name, size)
        self._node = node
        self._parts = parts
        self._channel = channel

    @override
    def piece(self, start: int, end: int) -> bytes:
        data, _ = _ask_range(self._node, self._parts, self._channel, (start, end))
        if len(data) != end - start:
            raise wrong_daemon(
                self._node.door.port, f"it sent {len(data)} bytes in place of {end - start}"
            )
        return data


def find_remote(node: Node, parts: ContentUri, channel: str | None) -> Remote | None:
    """Look for content on other nodes; no byte of it is fetched yet.

    Raises:
        HubUnreachableError, RoleMissingError, ChannelNotFoundError: see `fetching.fetch`.
    """
    try:
        _, size = _ask_range(node, parts, channel, (0, 0))
    except (ContentNotFoundError, EndpointNotFoundError):
        # The latter: an older version that was not started again after an upgrade.
        return None
    return Remote(node, parts, channel, size)


def _ask_range(
    node: Node, parts: ContentUri, channel: str | None, bounds: tuple[int, int]
) -> tuple[bytes, int]:
    """Some bytes of a content, and how many it has."""
    query: dict[str, str | int] = {"sha1": parts.sha1, "start": bounds[0], "end": bounds[1]}
    if parts.manifest:
        query["manifest"] = parts.manifest
    if channel is not None:
        query["channel"] = channel
    reply = ask(node.door, "GET", f"/ranges?{urlencode(query)}", wait_seconds=_PATIENCE_SECONDS)
    found = _RANGE.fullmatch(reply.headers.get("content-range", ""))
    if found is None:
        raise wrong_daemon(node.door.port, "it sent bytes without saying of how many")
    return reply.body, int(found[1])
