"""A real Jupyter server with the extension in it, and a browser page that visits it.

pytest_plugins = ["pytest_jupyter.jupyter_server", "tests.support.jupyter_servers"]
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.websocket import websocket_connect

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 10.0


class Visitor:
    """A browser page of somebody who is logged in, or of a stranger.

    Args:
        url: of the Jupyter server, with its base URL.
        headers: sent each time.
    """

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.headers = headers

    async def send(
        self, method: str, address: str, body: Any = None, **headers: str
    ) -> HTTPResponse:
        """One request; whatever comes back."""
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
        if body is None and method in {"POST", "PUT", "PATCH"}:
            body = b""
        return await self.fetch(f"kachery/api/v1/{address}", method, body, **headers)

    async def fetch(
        self, address: str, method: str = "GET", body: Any = None, **headers: str
    ) -> HTTPResponse:
        """One request to any address of the Jupyter server."""
        request = HTTPRequest(
            f"{self.url}{address}",
            method,
            headers={**self.headers, **{name.replace("_", "-"): v for name, v in headers.items()}},
            body=body,
            request_timeout=PATIENCE_SECONDS,
            follow_redirects=False,
        )
        try:
            return await AsyncHTTPClient().fetch(request, raise_error=False)
        except HTTPStreamClosedError:
            return HTTPResponse(request, 599)

    async def ask(self, method: str, address: str, body: Any = None) -> Any:
        """One request that succeeds; its JSON."""
        reply = await self.send(method, address, body)
        assert reply.code == 200, (reply.code, reply.body)
        return json.loads(reply.body)

    async def refused(self, method: str, address: str, body: Any = None) -> tuple[int, Any]:
        """One request that does not succeed; its status and its error."""
        reply = await self.send(method, address, body)
        assert reply.code >= 400, reply.body
        told = json.loads(reply.body)
        assert told["message"] == told["error"]["message"]
        return reply.code, told["error"]

    async def listen(self, **headers: str) -> Socket:
        """Open the WebSocket."""
        url = f"{self.url}kachery/api/v1/events".replace("http://", "ws://", 1)
        request = HTTPRequest(url, headers={**self.headers, **headers})
        return Socket(await websocket_connect(request))


class Socket:
    """What one page hears."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.heard: list[dict[str, Any]] = []

    async def wish(self, **wish: Any) -> None:
        """Ask for something; `from_` stands for `from`."""
        told = {name.rstrip("_"): value for name, value in wish.items()}
        await self._connection.write_message(json.dumps(told))

    async def send_text(self, text: str) -> None:
        """Send anything."""
        await self._connection.write_message(text)

    async def next(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any] | None:
        """The next message; None at the end of the connection."""
        text = await asyncio.wait_for(self._connection.read_message(), seconds)
        if text is None:
            self.close()
            return None
        self.heard.append(json.loads(text))
        return self.heard[-1]

    async def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next message that is such a one."""
        while (message := await self.next()) is not None:
            if condition(message):
                return message
        raise AssertionError(f"the connection ended; heard {self.heard}")

    async def quiet(self, seconds: float) -> list[dict[str, Any]]:
        """What comes within some seconds."""
        before = len(self.heard)
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                await self.next(left)
            except asyncio.TimeoutError:
                break
        return self.heard[before:]

    async def settled(self) -> None:
        """Hear what every page is told at first."""
        await self.quiet(0.6)

    def close(self) -> None:
        """Leave."""
        self._connection.close()


async def refused_socket(visitor: Visitor, **headers: str) -> int:
    """Try to open the WebSocket; the status of the refusal."""
    with pytest.raises(HTTPClientError) as caught:
        await visitor.listen(**headers)
    return caught.value.code


async def with_cookies(page: Visitor) -> Visitor:
    """A browser that is logged in by its cookies, as most are."""
    jar = {}
    for visitor, address in ((Visitor(page.url, {}), "login"), (page, "api/me")):
        reply = await visitor.fetch(address)
        for each in reply.headers.get_list("Set-Cookie"):
            name, _, value = each.partition(";")[0].partition("=")
            jar[name] = value
    return Visitor(page.url, {"Cookie": "; ".join(f"{name}={jar[name]}" for name in jar)})
