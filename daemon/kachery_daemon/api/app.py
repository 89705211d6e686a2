"""All endpoints behind one door."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
from typing_extensions import override

from kachery_core.errors import EndpointNotFoundError, KacheryError, NotAllowedError
from kachery_core.wire.local import LARGEST_JSON
from kachery_core.wire.statuses import status_of
from kachery_daemon.api.channels import CHANNEL_ENDPOINTS
from kachery_daemon.api.content import (
    FileEndpoint,
    FileInfoEndpoint,
    PinEndpoint,
    RestoreEndpoint,
)
from kachery_daemon.api.endpoint import Endpoint
from kachery_daemon.api.events import EVENT_ENDPOINTS
from kachery_daemon.api.explain import EXPLAIN_ENDPOINTS
from kachery_daemon.api.failures import to_wire
from kachery_daemon.api.feeds import FEED_ENDPOINTS
from kachery_daemon.api.files import FilesEndpoint
from kachery_daemon.api.loads import LOAD_ENDPOINTS
from kachery_daemon.api.mutables import (
    MutableDeleteEndpoint,
    MutableGetEndpoint,
    MutableSetEndpoint,
)
from kachery_daemon.api.openapi import DescriptionEndpoint, describe
from kachery_daemon.api.status import ProbeEndpoint, StatusEndpoint, StopEndpoint

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest
    from tornado.web import _HandlerDelegate

    from kachery_daemon.api.services import Services

ENDPOINTS: tuple[type[Endpoint], ...] = (
    ProbeEndpoint,
    StatusEndpoint,
    FilesEndpoint,
    FileEndpoint,
    FileInfoEndpoint,
    PinEndpoint,
    RestoreEndpoint,
    MutableGetEndpoint,
    MutableSetEndpoint,
    MutableDeleteEndpoint,
    StopEndpoint,
    DescriptionEndpoint,
    *FEED_ENDPOINTS,
    *LOAD_ENDPOINTS,
    *CHANNEL_ENDPOINTS,
    *EXPLAIN_ENDPOINTS,
    *EVENT_ENDPOINTS,
)
_HEADER_BYTES = 16 << 10
_READ_BYTES = 1 << 20
_log = logging.getLogger(__name__)


class Refused(Endpoint):
    """What a web page gets, whatever it asks for."""

    @override
    def initialize(self, services: Services, error: KacheryError | None = None) -> None:
        """Take the reason."""
        super().initialize(services)
        self._error = error or EndpointNotFoundError("The node has nothing at this address.")

    @override
    async def prepare(self) -> None:
        self.refuse(self._error)

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Also for methods that do not exist: whoever may not come in learns nothing."""
        self.set_status(status_of(self._error))
        self.set_header("Content-Type", "application/json")
        self.finish(to_wire(self._error))


class LocalApplication(Application):
    """The endpoints; every request passes the door before its address is looked at."""

    def __init__(self, services: Services) -> None:
        self.services = services
        routes = [
            (_pattern(endpoint.PATH), endpoint, {"services": services}) for endpoint in ENDPOINTS
        ]
        super().__init__(
            routes,
            description=describe(ENDPOINTS, services.probe.version),
            log_function=_log_request,
            default_handler_class=Refused,
            default_handler_args={"services": services},
        )

    @override
    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> _HandlerDelegate:
        try:
            self.services.door.check_origin(request)
        except NotAllowedError as error:
            return self.get_handler_delegate(
                request, Refused, {"services": self.services, "error": error}
            )
        return super().find_handler(request, **kwargs)


def make_server(services: Services, *, idle_seconds: float) -> HTTPServer:
    """The HTTP server of a node; it listens on nothing yet."""
    return HTTPServer(
        LocalApplication(services),
        max_header_size=_HEADER_BYTES,
        max_body_size=LARGEST_JSON,
        max_buffer_size=2 * LARGEST_JSON,
        chunk_size=_READ_BYTES,
        idle_connection_timeout=idle_seconds,
        body_timeout=services.limits.stall_seconds,
        decompress_request=False,
    )


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path)) + "$"


def _log_request(handler: RequestHandler) -> None:
    """One line for each request; what was searched for, and tokens, stay out of it."""
    _log.debug(
        "%s %s %d %.1f ms",
        handler.request.method,
        ascii(handler.request.path)[1:-1],
        handler.get_status(),
        1000 * handler.request.request_time(),
    )
