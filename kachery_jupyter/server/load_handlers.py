"""Where a browser asks for loads."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from kachery_jupyter.server.loads import LoadWish
from kachery_jupyter.server.node_handler import NodeHandler


class LoadsHandler(NodeHandler):
    """All loads."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Begin one; the WebSocket tells how far it is."""
        self.answer({"load": self.services.loads.begin(self.json_body(LoadWish))})


class LoadHandler(NodeHandler):
    """One load."""

    @web.authenticated
    @authorized
    async def delete(self, load: str) -> None:
        """Cancel it; what has come is kept."""
        self.services.loads.cancel(load)
        self.answer({"load": load})
