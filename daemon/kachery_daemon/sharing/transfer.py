"""One content on its way here: does what the download machine says, and tells it what happens."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kachery_core.digests import CHUNK_SIZE
from kachery_core.errors import (
    BadChunkError,
    BadEnvelopeError,
    KacheryError,
    NoProviderError,
    OverLimitError,
    StorageFailedError,
    StorageReadOnlyError,
    TooBusyError,
    TransferCancelledError,
)
from kachery_core.machines.candidates import Claim
from kachery_core.machines.steps import (
    CheckWhole,
    FetchChunks,
    FetchTable,
    Step,
    StopRequest,
    UseTable,
)
from kachery_core.manifests import read_table
from kachery_daemon.network.ending import end_tasks
from kachery_daemon.sharing.arrivals import Run
from kachery_daemon.sharing.landing import Landing
from kachery_daemon.sharing.routes import Route
from kachery_daemon.sharing.seeking import SEARCH_SECONDS, Seeking

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kachery_core.machines.download import Download
    from kachery_daemon.network.link import Link
    from kachery_daemon.sharing.connections import Connections
    from kachery_daemon.sharing.finding import Offer
    from kachery_daemon.sharing.sinks import Sinks
    from kachery_store.store import Label

# What our disk says ends a download; what other nodes say does not.
_OUR_DISK = (OverLimitError, StorageFailedError, StorageReadOnlyError)
_log = logging.getLogger(__name__)


class Transfer:
    """One content on its way here; somebody has to `run` it.

    Args:
        machine: decides.
        sha1: of the content.
        label: what it is called in the store.
        sinks: where chunks go.
        connections: to other nodes.

    Attributes:
        machine: the same.
        landing: where the chunks are.
        links: the channels on which providers are looked for.
    """

    def __init__(
        self, machine: Download, sha1: str, label: Label, sinks: Sinks, connections: Connections
    ) -> None:
        self.machine = machine
        self.sha1 = sha1
        self.links: dict[str, Link] = {}
        self.landing = Landing(machine, sinks, connections.threads, label)
        self._connections = connections
        self._routes: dict[str, Route] = {}
        self._requests: dict[int, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._seeking = Seeking(self, connections.threads)
        self._changed = asyncio.Event()
        self._waiting: set[asyncio.Event] = set()
        self._failure: BaseException | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens any more."""
        return self.has_failed or self.machine.is_complete

    @property
    def has_failed(self) -> bool:
        """Whether it was given up."""
        return self._failure is not None

    @property
    def size(self) -> int:
        """Bytes of the content; 0 before that is known."""
        return self.machine.table.size if self.machine.table is not None else 0

    @property
    def received(self) -> int:
        """Bytes that are here and verified."""
        return min(self.machine.chunks.here * CHUNK_SIZE, self.size)

    @property
    def senders(self) -> dict[str, str]:
        """Who sends at the moment, and on which way: direct, hub, or '' before the first byte."""
        return {name: self._routes[name].path for name in self.machine.senders}

    @property
    def paths(self) -> set[str]:
        """On which ways bytes have come: direct, hub."""
        return {route.path for route in self._routes.values()} - {""}

    def offered(self, offer: Offer) -> None:
        """A node says that it has the content."""
        name = offer.source.name
        known = self._routes.get(name)
        if known is None or known.source != offer.source:
            self._routes[name] = Route(offer.source, self.sha1, self._connections)
        self.machine.offered(name, Claim(offer.size, offer.table), _now())
        self.stir()

    async def want_whole(self) -> None:
        """All of it is needed."""
        await self.landing.want_whole()
        self.machine.want(_now())
        self.stir()

    async def want(self, first: int, last: int) -> None:
        """Chunks [first, last) are needed, before others."""
        await self.landing.look(first, last)
        self.machine.want(_now(), first, last)
        self.stir()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for something about this transfer.

        Raises:
            KacheryError: why it was given up.
        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            while not condition():
                if self._failure is not None:
                    raise self._failure
                changed.clear()
                await changed.wait()
        finally:
            self._waiting.discard(changed)

    def fail(self, problem: BaseException) -> None:
        """It cannot go on."""
        self._failure = problem
        self.stir()

    def stir(self) -> None:
        """Something is different: think again."""
        self._changed.set()

    async def run(self) -> None:
        """Do it; ends when it is complete, failed, or cancelled. What has arrived is kept."""
        try:
            while not self.machine.is_complete:
                now = _now()
                for step in self.machine.next(now):
                    self._carry_out(step)
                self._failure = self._failure or self.machine.error
                self._tell()
                if self._failure is not None:
                    raise self._failure
                self._seeking.look(now)
                await self._pause(min(self.machine.wake_at(now) - now, SEARCH_SECONDS))
        except Exception as problem:  # noqa: BLE001 - told to those who wait
            self._failure = problem
        finally:
            if self._failure is None and not self.machine.is_complete:
                self._failure = TransferCancelledError("The transfer was given up.")
            await self._stop()
            self._tell()

    async def _pause(self, seconds: float) -> None:
        """Wait until something happens."""
        timer = asyncio.get_running_loop().call_later(seconds, self.stir)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()
        self._changed.clear()

    def _tell(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    def _carry_out(self, step: Step) -> None:
        if isinstance(step, FetchTable | FetchChunks):
            self._requests[step.request] = asyncio.ensure_future(self._serve(step))
        elif isinstance(step, StopRequest):
            if step.request in self._requests:
                self._requests[step.request].cancel()
        elif isinstance(step, UseTable):
            self._begin(self.landing.use(step.table))
        elif isinstance(step, CheckWhole):
            self._begin(self._finish())

    async def _serve(self, step: FetchTable | FetchChunks) -> None:
        """Carry out one request, whatever comes of it."""
        number, name = step.request, self._routes[step.provider].source.name
        try:
            await self._fetch(step)
        except (BadChunkError, BadEnvelopeError) as problem:
            _log.info("%s is not asked for %s again: %s", name, self.sha1, problem)
            self.machine.misbehaved(number, _now())
        except NoProviderError:
            self.machine.vanished(step.provider, _now())
        except TooBusyError:
            _log.debug("%s has too much to do", name)
        except _OUR_DISK as problem:
            self._failure = problem
        except KacheryError as problem:
            _log.debug("%s did not send %s: %s", name, self.sha1, problem)
        finally:
            self.machine.ended(number, _now())
            del self._requests[number]
            self.stir()

    async def _fetch(self, step: FetchTable | FetchChunks) -> None:
        if isinstance(step, FetchTable):
            await self._fetch_table(step)
        else:
            await self._fetch_chunks(step)

    async def _fetch_table(self, step: FetchTable) -> None:
        data = await self._routes[step.provider].table(step.claim.largest_table)
        # A large one takes long to read.
        read = await self._connections.threads.land(read_table, data)
        self.machine.table_came(step.request, read, _now())

    async def _fetch_chunks(self, step: FetchChunks) -> None:
        machine, number, route = self.machine, step.request, self._routes[step.provider]
        sink, table = self.landing.sink, machine.table
        if sink is None or table is None or sink.manifest is not table:
            return

        def took(index: int, is_right: bool) -> None:
            self._connections.received += is_right
            if number not in self._requests:
                return
            machine.chunk_came(number, index, _now(), under=table, is_right=is_right)
            # Most chunks change nothing about what to do next.
            if not is_right or machine.chunks.are_all_here:
                self.stir()
            self._tell()

        def heard() -> None:
            if number in self._requests:
                machine.heard(number, _now())

        await route.fetch(Run(step.first, step.count, sink, took, heard))

    async def _finish(self) -> None:
        is_right = await self.landing.finish()
        if not is_right:
            _log.info("The chunk table of %s is wrong; its providers are left alone", self.sha1)
        self.machine.checked(_now(), is_right=is_right)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the requests; if it fails, everything does."""

        async def guarded() -> None:
            try:
                await work
            except Exception as problem:  # noqa: BLE001 - told to those who wait
                self._failure = problem
            self.stir()

        task = asyncio.ensure_future(guarded())
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def _stop(self) -> None:
        """End everything that goes on; threads are waited for."""
        await end_tasks([*self._requests.values(), *self._seeking.tasks])
        # What is done with the disk comes to its end.
        await asyncio.gather(*self._others, return_exceptions=True)
        await self.landing.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
