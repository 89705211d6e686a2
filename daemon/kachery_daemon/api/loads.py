"""Content of other nodes: have it here, or read a range of it."""

from __future__ import annotations

import asyncio
import contextlib
import http
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from tornado.iostream import StreamClosedError
from typing_extensions import override

from kachery_core.errors import InvalidRangeError
from kachery_core.wire.loads import (
    LARGEST_RANGE,
    LoadLine,
    LoadProgress,
    LoadRequest,
    RangeQuery,
    TransferFacts,
    Transfers,
)
from kachery_core.wire.local import API_PATH, Done, ErrorFacts
from kachery_daemon.api.content import checked_sha1
from kachery_daemon.api.door import Role
from kachery_daemon.api.endpoint import BYTES, Endpoint
from kachery_daemon.api.failures import error_for
from kachery_daemon.api.operations import operation
from kachery_daemon.sharing.downloads import Wanted

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from kachery_daemon.sharing.loads import Loaded

T = TypeVar("T")

LINES = "application/x-ndjson"
_LINE_SECONDS = 0.1


class _WorkingEndpoint(Endpoint):
    """An endpoint whose work ends when whoever asked hangs up."""

    _work: asyncio.Task[Any] | None = None

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the work."""
        self._work = task = asyncio.ensure_future(work)
        return task

    @override
    def on_connection_close(self) -> None:
        if self._work is not None:
            self._work.cancel()
        super().on_connection_close()


class LoadsEndpoint(_WorkingEndpoint):
    """Contents that come here. Who hangs up stops them, unless somebody else waits for them."""

    PATH = f"{API_PATH}/loads"
    _reached = LoadProgress(0, 0, 0.0, 0)

    @override
    @operation("Have contents of other nodes here; JSON lines say how far.", None, body=LoadRequest)
    async def post(self, body: LoadRequest) -> None:
        """Load contents."""
        wanted = [Wanted(one.sha1, one.manifest, one.name) for one in body.uris]
        loads = self.services.loads
        work = self.begin(loads.load(wanted, body.channels, body.timeout_seconds, self._note))
        with contextlib.suppress(StreamClosedError):
            while not (await asyncio.wait([work], timeout=_LINE_SECONDS))[0]:
                await self._send(LoadLine(progress=self._reached))
            if not work.cancelled():
                await self._send_end(work)

    def _note(self, progress: LoadProgress) -> None:
        self._reached = progress

    async def _send_end(self, work: asyncio.Task[Loaded]) -> None:
        problem = work.exception()
        if problem is not None and not self._headers_written:
            raise problem  # it has a status of its own
        if problem is None:
            loaded = work.result()
            await self._send(LoadLine(done=loaded.done, asked=loaded.asked))
        else:
            error = error_for(problem, http.HTTPStatus.INTERNAL_SERVER_ERROR)
            facts = ErrorFacts(error.code, error.message, error.hint, error.fields)
            await self._send(LoadLine(error=facts))
        await self.finish()

    async def _send(self, line: LoadLine) -> None:
        self.set_header("Content-Type", LINES)
        self.write(msgspec.json.encode(line) + b"\n")
        await self.flush()


class RangesEndpoint(_WorkingEndpoint):
    """Bytes of contents that may stay where they are."""

    PATH = f"{API_PATH}/ranges"

    @override
    @operation("Verified bytes of a content of this node or another.", None, query=RangeQuery)
    async def get(self, query: RangeQuery) -> None:
        """Send bytes, and say of how many."""
        if not query.start <= query.end <= query.start + LARGEST_RANGE:
            raise InvalidRangeError(
                f"Bytes {query.start} to {query.end} are too many for one answer, or reversed.",
                hint=f"Ask for at most {LARGEST_RANGE} bytes at a time.",
            )
        loads, wanted = self.services.loads, Wanted(query.sha1, query.manifest)
        work = self.begin(loads.read_range(wanted, query.start, query.end, query.channel))
        await asyncio.wait([work])
        if work.cancelled():
            return
        data, size = work.result()
        bounds = f"{query.start}-{query.end - 1}" if data else "*"
        self.set_header("Content-Type", BYTES)
        self.set_header("Content-Range", f"bytes {bounds}/{size}")
        with contextlib.suppress(StreamClosedError):
            await self.finish(data)


class TransfersEndpoint(Endpoint):
    """What goes on between this node and others."""

    PATH = f"{API_PATH}/transfers"

    @override
    @operation("What is on its way here, and how much came and went.", Transfers, role=Role.OWNER)
    async def get(self) -> Transfers:
        """List transfers."""
        sharing = self.services.sharing
        downloads = sharing.loads.downloads
        coming = [
            TransferFacts(
                transfer.sha1,
                transfer.landing.label.name,
                transfer.received,
                transfer.size,
                transfer.senders,
                sorted(transfer.machine.blamed),
            )
            for transfer in downloads.going
        ]
        return Transfers(sharing.files.sent_chunks, downloads.received_chunks, coming)


class TransferEndpoint(Endpoint):
    """One content on its way here."""

    PATH = f"{API_PATH}/transfers/{{sha1}}"

    @override
    @operation("Give a transfer up, for all who wait for it.", Done, role=Role.OWNER)
    async def delete(self, sha1: str) -> Done:
        """Cancel a transfer; what has arrived is kept for next time."""
        self.services.loads.downloads.cancel(checked_sha1(sha1))
        return Done(sha1)


LOAD_ENDPOINTS: tuple[type[Endpoint], ...] = (
    LoadsEndpoint,
    RangesEndpoint,
    TransfersEndpoint,
    TransferEndpoint,
)
