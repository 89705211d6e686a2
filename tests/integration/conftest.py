"""A real Jupyter server with the extension in it; for modules with pytest-jupyter's plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.jupyter_servers import Visitor

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_server.serverapp import ServerApp

    from kachery_jupyter.server import KacheryExtension


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {}, "allow_unauthenticated_access": False},
        "KacheryExtension": {"port": "0"},
    }


@pytest.fixture
def storage(own_computer: Path) -> Path:
    return own_computer / "kachery-storage"


@pytest.fixture
def extension(
    jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[KacheryExtension]:
    """The extension in the server, not started."""
    from kachery_jupyter.server import KacheryExtension

    extension = KacheryExtension()
    extension._link_jupyter_server_extension(jp_serverapp)
    extension.initialize()
    yield extension
    jp_asyncio_loop.run_until_complete(extension.stop_extension())


@pytest.fixture
def started(
    extension: KacheryExtension, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> KacheryExtension:
    """The extension with its node."""
    jp_asyncio_loop.run_until_complete(
        extension._start_jupyter_server_extension(extension.serverapp)
    )
    assert extension.connected is not None, "see the log above"
    return extension


@pytest.fixture
def page(
    jp_serverapp: ServerApp,
    http_server_client: Any,
    jp_http_port: int,
    jp_base_url: str,
    jp_auth_header: dict[str, str],
) -> Visitor:
    """A page of who is logged in."""
    del jp_serverapp, http_server_client  # the second makes the server answer
    url = f"http://127.0.0.1:{jp_http_port}{jp_base_url}"
    return Visitor(url, dict(jp_auth_header))


@pytest.fixture
def stranger(page: Visitor) -> Visitor:
    """A page of who is not."""
    return Visitor(page.url, {})
