"""The part of the node's own API that browsers may use: a table, and nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.escape import url_unescape
from typing_extensions import override

from kachery_jupyter.server.node_handler import NodeHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kachery_jupyter.server.services import Services

SHA1 = "([0-9a-f]{40})"
_FEED = "([0-9a-f]{64})"
_CHANNEL = "([^/]+)"


@dataclass(frozen=True)
class Verb:
    """What is sent on.

    Attributes:
        query: names of the parameters.
        takes_body: whether there is JSON in the body.
    """

    query: tuple[str, ...] = ()
    takes_body: bool = False


_GET = Verb()
_CHANGE = Verb(takes_body=True)
_DO = Verb()
FILES_LIST = Verb(("search", "kind", "limit", "offset"))

# By address below the API's: the same on both sides.
RELAYED: Mapping[str, Mapping[str, Verb]] = {
    "status": {"GET": _GET},
    "checks": {"GET": _GET},
    "explain": {"GET": Verb(("uri",))},
    "sharing": {"GET": _GET, "POST": _CHANGE},
    f"files/{SHA1}": {"DELETE": _DO},
    f"files/{SHA1}/info": {"GET": _GET},
    f"files/{SHA1}/pin": {"POST": _CHANGE},
    f"files/{SHA1}/restore": {"POST": _DO},
    "transfers": {"GET": _GET},
    f"transfers/{SHA1}": {"DELETE": _DO},
    "channels": {"GET": _GET, "POST": _CHANGE},
    "channels/join": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/invite": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/grant": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/revoke": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/leave": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/roles": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/archive": {"POST": _CHANGE},
    f"channels/{_CHANNEL}/members": {"GET": _GET},
    "feeds": {"GET": Verb(("name",)), "POST": _CHANGE},
    f"feeds/{_FEED}": {"GET": Verb(("channel", "timeout_seconds"))},
}


class RelayHandler(NodeHandler):
    """One address of the table."""

    @override
    def initialize(self, services: Services, verbs: Mapping[str, Verb] | None = None) -> None:
        """Take what may be asked."""
        super().initialize(services)
        self._verbs = verbs or {}

    @web.authenticated
    @authorized
    async def get(self, *_: str) -> None:
        """Send on a question."""
        await self.relay()

    @web.authenticated
    @authorized
    async def post(self, *_: str) -> None:
        """Send on a change."""
        await self.relay()

    @web.authenticated
    @authorized
    async def delete(self, *_: str) -> None:
        """Send on a removal."""
        await self.relay()

    async def relay(self) -> None:
        """Ask the node the same, and answer the same."""
        verb = self._verbs.get(self.request.method or "")
        if verb is None:
            raise web.HTTPError(405)
        body = self.request.body or b"{}" if verb.takes_body else None
        self.finish(await self.upstream.ask(self.request.method or "", self._path(verb), body))

    def _path(self, verb: Verb) -> str:
        """The address at the node; each part escaped anew, so that none is more than a part."""
        parts = [quote(part, safe="") for part in self._parts()]
        given = {name: self.argument(name) for name in verb.query if name in self._names()}
        query = f"?{urlencode(given)}" if given else ""
        return "/" + "/".join(parts) + query

    def _parts(self) -> list[str]:
        """What is behind the API's address, one decoded text for each part."""
        _, _, below = self.request.path.rpartition("/kachery/api/v1/")
        return [self.decode_argument(url_unescape(part, None)) for part in _split(below)]

    def _names(self) -> set[str]:
        return set(self.request.query_arguments)


def _split(path: str) -> list[str]:
    return path.split("/")
