"""What all endpoints have in common: one way in, one way to fail.

An endpoint is a class with a PATH and methods marked with `operation`. The mark says who may call
it, what it takes and what it answers; the checks and the API description are both made of it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.web import HTTPError, RequestHandler, stream_request_body
from typing_extensions import override

from kachery_core.errors import InvalidRangeError, InvalidRequestError, TooLargeError
from kachery_core.wire.local import LARGEST_JSON
from kachery_core.wire.statuses import status_of
from kachery_daemon.api.door import Asker, Role, check_role
from kachery_daemon.api.failures import error_for, to_wire
from kachery_daemon.api.operations import Operation

if TYPE_CHECKING:
    from types import TracebackType

    from kachery_daemon.api.services import Services

JSON = "application/json"
BYTES = "application/octet-stream"
_DRAINED = 1 << 20
_MOST_PARAMETERS = 32
_NO_LIMIT = 1 << 62


@stream_request_body
class Endpoint(RequestHandler):
    """One address of the API. Nothing gets to a method that `prepare` did not let through."""

    PATH: ClassVar[str]
    largest_body: ClassVar[int] = LARGEST_JSON
    services: Services

    @override
    def initialize(self, services: Services) -> None:
        """Take what the node provides (tornado calls this)."""
        self.services = services
        self.asker = Asker(Role.ANYONE)
        self._body = bytearray()
        self._refusal: BaseException | None = None
        self._progress = time.monotonic()
        self._watch: asyncio.TimerHandle | None = None

    @override
    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    @override
    def compute_etag(self) -> str | None:
        return None

    @override
    async def prepare(self) -> None:
        """Let in who may come in; with a short body, the answer waits until it was read."""
        self.services.active.add(self)
        try:
            await self._check()
        except Exception as problem:  # noqa: BLE001 - raised at once, or by the method
            self.refuse(problem)
        self._watch_body()

    def refuse(self, problem: Exception) -> None:
        """Answer with an error: at once, or once a short body was read.

        Whoever is still sending does not listen yet, and would only see the connection break.
        """
        if self.announced_bytes() > _DRAINED:
            raise problem
        self._refusal = problem

    @override
    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Text of an address; what is no text is refused later, like any other wrong address."""
        return value.decode("utf-8", "replace")

    async def before_body(self, facts: Operation) -> None:
        """Get ready for the bytes of an upload; endpoints that take bytes override this."""

    async def take(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._body += data
        if len(self._body) > self.largest_body:
            raise TooLargeError(
                "The body of this request is too long.", limit_bytes=self.largest_body
            )

    @override
    async def data_received(self, chunk: bytes) -> None:
        self._progress = time.monotonic()
        if self._refusal is not None or self._finished:
            return
        try:
            await self.take(chunk)
        except Exception as problem:  # noqa: BLE001 - sent now, or raised by the method
            self._refusal = problem
            if self.announced_bytes() > _DRAINED and not self._finished:
                self._handle_request_exception(problem)
        self._progress = time.monotonic()

    def decoded(self, facts: Operation) -> dict[str, Any]:
        """What the method is given, of the types it asked for."""
        if self._refusal is not None:
            raise self._refusal
        given = {}
        if facts.query is not None:
            given["query"] = self._converted_query(facts.query)
        if facts.body is not None:
            given["body"] = decode_body(bytes(self._body), facts.body)
        return given

    def answer(self, value: Any) -> None:
        """Send a message."""
        self.set_header("Content-Type", JSON)
        self.write(msgspec.json.encode(value))

    def announced_bytes(self) -> int:
        """The length of the body as far as the client has told it; a lot if it has not."""
        if "Transfer-Encoding" in self.request.headers:
            return _NO_LIMIT
        text = self.request.headers.get("Content-Length", "0")
        return int(text) if text.isascii() and text.isdecimal() else 0

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, problem, _ = kwargs.get("exc_info", (None, None, None))
        error = error_for(problem, status_code)
        if not isinstance(problem, HTTPError):
            self.set_status(status_of(error))
        if isinstance(error, InvalidRangeError):
            self.set_header("Content-Range", f"bytes */{error.fields.get('size', '*')}")
        if self.announced_bytes() and not self.request._body_future.done():  # noqa: SLF001
            self.set_header("Connection", "close")
        self.set_header("Content-Type", JSON)
        self.finish(to_wire(error))

    @override
    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Nothing: `write_error` reports what is worth it, once."""

    @override
    def on_finish(self) -> None:
        self._forget()

    @override
    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._forget()

    async def _check(self) -> None:
        facts = self._operation()
        self.asker = self.services.door.asker(self.request)
        check_role(self.asker, facts.role)
        self._check_body(facts)
        if facts.query is None and self.request.query:
            raise InvalidRequestError("This address takes no parameters.")
        await self.before_body(facts)

    def _operation(self) -> Operation:
        name = (self.request.method or "").lower()
        facts = getattr(getattr(type(self), name, None), "operation", None)
        if not isinstance(facts, Operation):
            raise HTTPError(405)
        return facts

    def _check_body(self, facts: Operation) -> None:
        size = self.announced_bytes()
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        allowed = BYTES if facts.takes_bytes else JSON
        is_needed = bool(size or facts.body or facts.takes_bytes)
        if kind not in ({allowed} if is_needed else {JSON, BYTES, ""}):
            raise InvalidRequestError(
                f"A body of the type {kind[:100]!r} is not understood here.",
                hint=f"Send Content-Type: {allowed}.",
            )
        if facts.body is None and not facts.takes_bytes and size:
            raise InvalidRequestError("This request takes no body.")
        limit = self.largest_body
        if facts.body is not None and size > limit and size != _NO_LIMIT:
            raise TooLargeError(
                f"The body of {size:,} bytes is too long.",
                hint="Store large values as content.",
                limit_bytes=limit,
            )
        if limit > LARGEST_JSON and isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(limit)

    def _converted_query(self, query_type: type) -> Any:
        try:
            pairs = parse_qsl(
                self.request.query,
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MOST_PARAMETERS,
            )
            return msgspec.convert(dict(pairs), query_type, strict=False)
        except (ValueError, msgspec.ValidationError) as problem:
            raise InvalidRequestError(f"The parameters are not understood: {problem}.") from problem

    def _watch_body(self) -> None:
        """Give up a body that has stopped coming."""
        if not self.announced_bytes():
            return
        limit = self.services.limits.stall_seconds
        waited = time.monotonic() - self._progress
        if waited > limit and not self.request._body_future.done():  # noqa: SLF001
            self._close_connection()
            return
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(limit / 2, self._watch_body)

    def _close_connection(self) -> None:
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()

    def _forget(self) -> None:
        self.services.active.discard(self)
        if self._watch is not None:
            self._watch.cancel()


def decode_body(body: bytes, body_type: type) -> Any:
    """What a body says.

    Raises:
        InvalidRequestError: nothing of this type.
    """
    try:
        return msgspec.json.decode(body, type=body_type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise InvalidRequestError(
            f"The body is not understood: {problem}.", hint="GET /api/v1/openapi.json describes it."
        ) from problem
