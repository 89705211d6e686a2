"""What a content looks like, in a few kilobytes."""

from __future__ import annotations

from typing import get_args

from jupyter_server.auth.decorator import authorized
from tornado import web

from kachery_core.wire.local import Kind
from kachery_jupyter.server.node_handler import NodeHandler

_LONGEST_NAME = 1024


class PreviewHandler(NodeHandler):
    """One content's preview."""

    @web.authenticated
    @authorized
    async def get(self, sha1: str) -> None:
        """Look into a content."""
        # numpy takes a while to import, and most servers are never asked for a preview.
        from kachery_jupyter.client.previews import preview  # noqa: PLC0415

        kind = self.argument("kind")
        name = self.argument("name")[:_LONGEST_NAME]
        known = kind if kind in get_args(Kind) else ""
        async with self.services.previewing:
            shown = await self.services.workers.run(preview, sha1, name, known)
        self.answer(shown.as_dict())
