"""Loads that a browser asked for: the node has them come, every page sees how far they are."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from kachery_core.errors import (
    ContentNotFoundError,
    DaemonNotRunningError,
    InternalError,
    KacheryError,
    TooBusyError,
    TransferCancelledError,
    error_to_wire,
)
from kachery_core.uris import parse_content_uri
from kachery_core.wire.local import Message, Name

if TYPE_CHECKING:
    from collections.abc import Callable

    from kachery_core.uris import ContentUri
    from kachery_jupyter.server.pages import Pages
    from kachery_jupyter.server.upstream import Upstream

_MOST_LOADS = 64
_log = logging.getLogger(__name__)


class LoadWish(Message, frozen=True):
    """A content to have here: its URI, and the only channels to ask; null for all."""

    uri: str
    channels: list[Name] | None = None


class Loads:
    """What was asked to come here.

    Args:
        upstream: the way to the node.
        pages: who is told.
    """

    def __init__(self, upstream: Callable[[], Upstream], pages: Pages) -> None:
        self._upstream = upstream
        self._pages = pages
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, wish: LoadWish) -> str:
        """Begin a load; what it is called, for `cancel`.

        Raises:
            InvalidUriError: not the URI of a content.
            TooBusyError: too many are going on.
            DaemonNotRunningError: there is no node.
        """
        parts = parse_content_uri(wish.uri)
        self._upstream()
        if len(self._tasks) >= _MOST_LOADS:
            raise TooBusyError(
                f"{len(self._tasks)} loads are going on.", hint="Wait for one, or cancel one."
            )
        load = secrets.token_hex(8)
        task = asyncio.ensure_future(self._run(load, wish, parts))
        self._tasks[load] = task
        task.add_done_callback(lambda _: self._tasks.pop(load, None))
        return load

    def cancel(self, load: str) -> None:
        """End a load; what has come is kept for next time.

        Raises:
            ContentNotFoundError: there is no such load any more.
        """
        task = self._tasks.get(load)
        if task is None:
            raise ContentNotFoundError("This load has ended already.")
        task.cancel()

    async def close(self) -> None:
        """End all."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, load: str, wish: LoadWish, parts: ContentUri) -> None:
        told: dict[str, Any] = {"type": "load", "load": load, "uri": wish.uri}
        try:
            told |= await self._follow(told, wish, parts)
        except asyncio.CancelledError:
            told |= {"error": error_to_wire(_cancelled())}
            raise
        except KacheryError as error:
            told |= {"error": error_to_wire(error)}
        except Exception:  # noqa: BLE001 - told, and logged
            _log.exception("kachery: a load failed")
            told |= {"error": error_to_wire(InternalError("The load failed."))}
        finally:
            self._pages.tell(told)

    async def _follow(
        self, told: dict[str, Any], wish: LoadWish, parts: ContentUri
    ) -> dict[str, Any]:
        """Ask the node, and tell how far it is; how it ended."""
        one = {"sha1": parts.sha1, "manifest": parts.manifest or "", "name": parts.name}
        body = msgspec.json.encode({"uris": [one], "channels": wish.channels})
        headers = {"Content-Type": "application/json"}
        upstream = self._upstream()
        async with upstream.asking("POST", "/loads", headers, size=len(body)) as exchange:
            await exchange.send(body)
            async for line in (await exchange.answer(None)).lines():
                if "progress" in line:
                    self._pages.tell_progress(told["load"], told | {"progress": line["progress"]})
                elif "error" in line:
                    return {"error": line["error"]}
                elif "done" in line:
                    return {"done": line["done"] == [True]}
        raise DaemonNotRunningError(
            "The kachery node stopped while it was fetching.",
            hint="What has come is kept: load it again to go on.",
        )


def _cancelled() -> TransferCancelledError:
    return TransferCancelledError(
        "The load was cancelled.", hint="What has come is kept: load it again to go on."
    )
