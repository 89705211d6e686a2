"""What every handler has in common: Jupyter's login, and one form of answer and of error."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from tornado import web
from typing_extensions import override

from kachery_core.errors import InternalError, InvalidRequestError, KacheryError, error_to_wire
from kachery_core.wire.local import LARGEST_JSON
from kachery_core.wire.statuses import status_of

if TYPE_CHECKING:
    from types import TracebackType

    from kachery_jupyter.server.services import Services
    from kachery_jupyter.server.upstream import Upstream

RESOURCE = "kachery"
_LONGEST_ARGUMENT = 8192
# Whoever typed the address, and JupyterLab itself.
_OWN_SITES = ("none", "same-origin")


class NodeHandler(APIHandler):
    """Asks the node on behalf of whoever is logged in to Jupyter."""

    auth_resource = RESOURCE

    @override
    def initialize(self, services: Services) -> None:
        """Take what the extension provides (tornado calls this)."""
        self.services = services

    @property
    def upstream(self) -> Upstream:
        """The way to the node.

        Raises:
            DaemonNotRunningError: there is none.
        """
        return self.services.upstream

    @override
    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")

    @override
    async def prepare(self) -> None:  # type: ignore[override] # Jupyter's own is one too
        """Refuse pages of other origins before anything is done for them.

        Jupyter refuses those that send an Origin. Images and scripts ask without one, and a page
        at another port of this address sends the same cookies.

        Raises:
            tornado.web.HTTPError: 403.
        """
        await super().prepare()
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        is_invited = self.allow_origin or self.allow_origin_pat or self.token_authenticated
        if site not in _OWN_SITES and not is_invited:
            raise web.HTTPError(403, "Pages of other origins may not use kachery.")

    async def check_may(self, action: str, resource: str = RESOURCE) -> None:
        """Refuse what Jupyter's authorizer does not let this user do.

        Raises:
            tornado.web.HTTPError: 403.
        """
        if not self.current_user:
            raise web.HTTPError(403)
        allowed = self.authorizer.is_authorized(self, self.current_user, action, resource)
        if not await ensure_async(allowed):
            raise web.HTTPError(403, f"You may not {action} {resource} here.")

    def argument(self, name: str, default: str = "") -> str:
        """A parameter after the question mark.

        Raises:
            InvalidRequestError: far too long.
        """
        value = self.get_query_argument(name, default, strip=False) or ""
        if len(value) > _LONGEST_ARGUMENT:
            raise InvalidRequestError(f"The parameter {name!r} is too long.")
        return value

    def json_body(self, body_type: type[Any]) -> Any:
        """What the body says.

        Raises:
            InvalidRequestError: nothing of this type.
        """
        if len(self.request.body) > LARGEST_JSON:
            raise InvalidRequestError("The body is too long.")
        try:
            return msgspec.json.decode(self.request.body, type=body_type)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            raise InvalidRequestError(f"The body is not understood: {problem}.") from problem

    def answer(self, value: Any) -> None:
        """Send an answer."""
        self.finish(msgspec.json.encode(value))

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, problem, _ = kwargs.get("exc_info", (None, None, None))
        if isinstance(problem, web.HTTPError):
            message = problem.log_message or problem.reason or str(problem)
            facts: dict[str, Any] = {
                "code": "jupyter",
                "message": message,
                "hint": "",
                "fields": {},
            }
        else:
            error = problem if isinstance(problem, KacheryError) else self._reported(problem)
            self.set_status(status_of(error))
            facts = error_to_wire(error)
        self.finish(msgspec.json.encode({"message": facts["message"], "error": facts}))

    @override
    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Nothing: `write_error` reports what is worth it, once."""

    def _reported(self, problem: BaseException | None) -> InternalError:
        incident = secrets.token_hex(4)
        self.log.error("kachery: incident %s", incident, exc_info=problem)
        return InternalError(
            f"The Jupyter server failed (incident {incident}).",
            hint="Its log has the details; please report them.",
            incident=incident,
        )
